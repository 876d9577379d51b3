"""Label images in the file formats of others."""
