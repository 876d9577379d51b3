"""Prepared mammograms in the folder: what is known of each, its pictures, and the muscle's line."""
