"""The folder that is served: slides, maps and data sets by opaque ids."""
