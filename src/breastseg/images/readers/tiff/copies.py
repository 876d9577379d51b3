"""Whether a smaller image in a TIFF is a copy of the larger one, by its pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images.readers.tiff.levels import Level
from breastseg.images.readers.tiff.pictures import Pictures
from breastseg.images.readers.tiff.stored import Stored, TornError
from breastseg.images.resample import resample_pixels

_PLACES = ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75))
"""Where a level is looked at: shares of its width and height."""
_LOOK_PX = 64
"""Side of what is looked at in a level."""
_MOST_LOOK_PX = 1024
"""Side of what is looked at, at most, in the next finer level."""
_UNLIKE = 15
"""Mean difference of blocks, of 255: copies have up to 5, also where a scanner left out pixels; two
fields of one stain have 29 or more."""


def check_copies(path: Path, found: Pictures, plans: Sequence[Level], pixels: Stored) -> None:
    """Look at five places of each level that is one by its shape alone, and of the next finer:
    another image is not read as a copy."""
    for number, is_said in enumerate(found.is_said):
        if is_said:
            continue
        width, height = plans[number].size_px
        finer = plans[number - 1].size_px
        differences = _differences(number, (width, height), finer, pixels)
        if differences and np.mean(differences) > _UNLIKE:
            raise ImageError(
                f"{path}: several images, of {finer[0]} x {finer[1]} and {width} x {height} px:"
                " the smaller is no copy of the larger, wanted one image; export the one that is"
                " wanted alone"
            )


def _differences(
    number: int, size_px: tuple[int, int], finer_px: tuple[int, int], pixels: Stored
) -> list[float]:
    """Return how far a level is from the next finer one, at each place that can be read: the mean
    over 8 x 8 blocks, of 255."""
    width, height = size_px
    factor = min(finer_px[0] / width, finer_px[1] / height)
    side = max(1, min(_LOOK_PX, int(_MOST_LOOK_PX / factor), width, height))
    full_side = max(1, int(side * factor))
    differences = []
    for across, down in _PLACES:
        x = int(across * (width - side))
        y = int(down * (height - side))
        try:
            copy = pixels.read(number, Box(x, y, side, side))
            place = Box(int(x * factor), int(y * factor), full_side, full_side)
            full = pixels.read(number - 1, place)
        except TornError:  # whoever reads there is told
            continue
        # Blocks, because a copy may have been sharpened, or made by leaving out pixels.
        blocks = resample_pixels(copy, (8, 8)).astype(int)  # (8, 8, 3)
        full_blocks = resample_pixels(full, (8, 8))
        differences.append(float(np.abs(blocks - full_blocks).mean()))
    return differences
