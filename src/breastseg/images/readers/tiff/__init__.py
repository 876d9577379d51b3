"""TIFF through tifffile, whatever its size, levels and order of pages: Aperio's SVS, OME-TIFF,
pyramids, BigTIFF, fields, masks."""

import logging

from breastseg.images.readers.tiff.held import look_flat, read_tiff_codes
from breastseg.images.readers.tiff.kinds import check_depth, is_large, is_plain
from breastseg.images.readers.tiff.slide import TiffSlide

__all__ = [
    "TiffSlide",
    "check_depth",
    "is_large",
    "is_plain",
    "look_flat",
    "read_tiff_codes",
]

# What tifffile logs is told as an error here.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
