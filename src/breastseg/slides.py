"""The former name of `breastseg.images`, for scripts that were written before; gone in 0.2."""

from breastseg.images import (
    IMAGE_SUFFIXES,
    READERS,
    SLIDE_SUFFIXES,
    Pixels,
    Slide,
    check_upright,
    is_slide_folder,
    open_slide,
    read_codes,
    resample_labels,
    resample_pixels,
)

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
