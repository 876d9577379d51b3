"""One network scored by random tiles, by regions and by patients."""
