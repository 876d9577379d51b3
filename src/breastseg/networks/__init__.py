"""Networks by name, their losses and weights. PyTorch from here on."""
