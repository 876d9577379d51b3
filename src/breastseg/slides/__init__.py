"""Pictures of tissue: `open_slide(path)` gives size, microns per pixel with their origin, and pixels at any mpp."""

from breastseg.slides.codes import read_codes
from breastseg.slides.flat import check_upright
from breastseg.slides.readers import IMAGE_SUFFIXES, READERS, SLIDE_SUFFIXES, is_slide_folder, open_slide
from breastseg.slides.resample import resample_labels, resample_pixels
from breastseg.slides.slide import Pixels, Slide

__all__ = [
    "IMAGE_SUFFIXES",
    "READERS",
    "SLIDE_SUFFIXES",
    "Pixels",
    "Slide",
    "check_upright",
    "is_slide_folder",
    "open_slide",
    "read_codes",
    "resample_labels",
    "resample_pixels",
]
