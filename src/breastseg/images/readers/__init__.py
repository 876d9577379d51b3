"""One reader a format; `images.open` looks which one a file is for."""
