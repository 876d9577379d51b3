"""HTTP: the application, who may ask, routes, uploads and downloads."""
