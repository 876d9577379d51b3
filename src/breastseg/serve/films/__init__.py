"""Prepared mammograms in the folder: what is known of each, its images, and the muscle's line."""
