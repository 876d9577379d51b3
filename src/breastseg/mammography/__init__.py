"""Mammograms: films of the breast, their masks, and what can be measured on them."""
