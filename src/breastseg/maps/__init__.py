"""A label image over a slide: on disk, as images, polygons, files and measures. Knows no
model."""
