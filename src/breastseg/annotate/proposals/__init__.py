"""First masks from colours alone, for a person to correct. No model has seen the image."""
