"""RGU-Net for masses in mammograms, scored by patient beside controls that cost nothing."""
