"""Studies of how models are scored: they train and count, and are never needed to use a model."""
