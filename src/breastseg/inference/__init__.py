"""predict(): tile, run, stitch, write. Everything that names tissue goes through `name_tissue`."""
