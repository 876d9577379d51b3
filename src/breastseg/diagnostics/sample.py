"""Slides as scanners write them, from pixels: how the tiny slide was made, and a larger one out of
it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import TiffWriter

from breastseg.diagnostics import SLIDE
from breastseg.geometry import scaled_size
from breastseg.images import Pixels, open_slide, resample_pixels

_TILE_PX = 256
_THUMBNAIL_PX = 128
_STEP = 4
"""From level to level, as Aperio's scanners do."""
_QUALITY = 50


def write_svs(path: Path, pixels: Pixels, mpp: float) -> None:
    """Write a slide in the form of Aperio's SVS: tiles in JPEG, a thumbnail, levels a quarter as
    wide each. Same pixels, same bytes.

    Args:
        path: the file.
        pixels: (H, W, 3) uint8, level 0.
        mpp: its microns per pixel.
    """
    height, width = pixels.shape[:2]
    name = (
        f"Aperio Image Library v12.0.15 \n{width}x{height} [0,0 {width}x{height}]"
        f" ({_TILE_PX}x{_TILE_PX}) JPEG/YCC Q={_QUALITY}"
    )
    jpeg: dict[str, Any] = {
        "photometric": "rgb",
        "compression": "jpeg",
        "compressionargs": {"level": _QUALITY, "optimize": True},
        "metadata": None,
        "software": False,
    }
    tiled: dict[str, Any] = {"tile": (_TILE_PX, _TILE_PX), **jpeg}
    thumbnail = resample_pixels(
        pixels, scaled_size((width, height), 1, max(1, max(width, height) / _THUMBNAIL_PX))
    )
    with TiffWriter(path) as file:
        file.write(pixels, description=f"{name}|MPP = {mpp:g}", **tiled)
        file.write(
            thumbnail, description=f"{name} -> {thumbnail.shape[1]}x{thumbnail.shape[0]}", **jpeg
        )
        while min(pixels.shape[:2]) >= 2 * _TILE_PX:
            pixels = resample_pixels(pixels, (pixels.shape[1] // _STEP, pixels.shape[0] // _STEP))
            file.write(
                pixels, description=f"{name} -> {pixels.shape[1]}x{pixels.shape[0]}", **tiled
            )


def write_mosaic(path: Path, side_px: int) -> None:
    """Write a square slide of the tiny one's tissue, repeated in mirror images, so that there are
    no seams."""
    with closing(open_slide(SLIDE)) as slide:
        pixels = slide.read(mpp=slide.mpp)
    missing = [(0, side_px - length) for length in pixels.shape[:2]]
    write_svs(path, np.pad(pixels, [*missing, (0, 0)], "symmetric"), slide.mpp)
