"""Masks whose pixel values are label codes: what is certain is read exactly, all else is refused by
name."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError
from breastseg.images.readers.flat_file import WANTED_CODES, is_tiff
from breastseg.images.readers.orientation import UPRIGHT
from breastseg.images.readers.png_jpeg import load, opened, orientation_of

_DEPTH_AT = 24
"""Where a PNG has its bits a sample and its kind of colour."""
_GREY, _PALETTE = 0, 3
_KINDS = {2: "RGB colours", 4: "grey with transparency", 6: "RGBA colours"}


def read_codes(path: Path) -> npt.NDArray[np.uint8]:
    """Read a mask whose pixel values are label codes: (H, W) uint8.

    PNG of 8-bit grey or of a palette (the index is the code, whatever its depth), and TIFF of one
    image in 8-bit grey or palette, stored without loss, are read as their samples stand in the
    file: colours, gamma and transparent values change nothing.

    Raises:
        ImageError: no image, cut short, several images, a colour rendering, turned by a tag;
            16-bit; grey of less than 8 bits, which programs scale when they read it; stored with
            loss, as JPEG is whatever its name.
    """
    if is_tiff(path):
        from breastseg.images.readers.tiff import read_tiff_codes

        return read_tiff_codes(path)
    with opened(path) as image:
        if image.format != "PNG":
            reason: str | None = "JPEG compression, which changes codes"
        elif getattr(image, "is_animated", False):
            reason = _png_reason(path) or "several images"
        else:
            reason = _png_reason(path)
        if reason is None:
            load(image, path)
            # Only now: a tag may stand behind the pixels.
            turn = orientation_of(image)
            if turn != UPRIGHT:
                reason = f"an orientation tag ({turn})"
        if reason:
            raise ImageError(f"{path}: mask has {reason}, {WANTED_CODES}")
        return np.asarray(image)


def _png_reason(path: Path) -> str | None:
    """Say in words why a PNG's samples are not codes, by its head: Pillow's mode does not tell."""
    with path.open("rb") as file:
        depth, kind = file.read(_DEPTH_AT + 2)[_DEPTH_AT:]
    if kind == _PALETTE or (depth, kind) == (8, _GREY):
        return None
    if kind == _GREY:
        return f"{depth}-bit pixels"
    colours = _KINDS.get(kind, "colours")
    return f"{colours} of 16 bits" if depth == 16 else colours
