"""Images of tissue: `open_slide(path)` gives size, microns per pixel with their origin, and
pixels at any mpp."""

from breastseg.images.codes import read_codes
from breastseg.images.open import (
    IMAGE_SUFFIXES,
    READERS,
    SLIDE_SUFFIXES,
    UNREAD_SUFFIXES,
    is_slide_folder,
    open_slide,
)
from breastseg.images.readers.flat import check_upright
from breastseg.images.resample import resample_labels, resample_pixels
from breastseg.images.slide import Pixels, Slide

__all__ = [
    "IMAGE_SUFFIXES",
    "READERS",
    "SLIDE_SUFFIXES",
    "UNREAD_SUFFIXES",
    "Pixels",
    "Slide",
    "check_upright",
    "is_slide_folder",
    "open_slide",
    "read_codes",
    "resample_labels",
    "resample_pixels",
]
