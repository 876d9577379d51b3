"""How a model holds where it never learned: fields, what is true of each, scores."""
