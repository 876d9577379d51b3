"""A label image over a slide: on disk, as pictures, polygons, files and measures. Knows no
model."""
