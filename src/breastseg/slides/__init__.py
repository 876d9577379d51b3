"""Pictures of tissue: `open_slide(path)` gives size, microns per pixel with their origin, and pixels at any mpp."""

from breastseg.slides.flat import open_slide, read_codes, resample_labels, resample_pixels
from breastseg.slides.slide import Pixels, Slide

__all__ = ["Pixels", "Slide", "open_slide", "read_codes", "resample_labels", "resample_pixels"]
