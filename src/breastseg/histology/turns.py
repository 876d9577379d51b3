"""The eight ways to lay an image: turned and mirrored ones are laid alike, so that they are
rounded alike."""

import cv2
import numpy as np

from breastseg.histology.planes import Mask, Numbers
from breastseg.images.slide import Pixels

WAY_ROWS = 16
"""Rows that are compared at once: most images differ in the first of them."""


def way_of(pixels: Pixels) -> int:
    """Choose one of the eight ways to lay an image by what is on it: turned images become the
    same one, and are rounded alike."""
    ways = list(range(8))
    for top in range(0, max(pixels.shape[:2]), WAY_ROWS):
        keys = {}
        for way in ways:
            rows = laid(pixels, way)[top : top + WAY_ROWS]
            keys[way] = rows.shape, rows.tobytes()
        least = min(keys.values())
        ways = [way for way in ways if keys[way] == least]
        if len(ways) == 1:
            break
    return ways[0]


def laid(picture: Numbers, way: int) -> Numbers:
    """Mirror down (1) and across (2), then exchange rows and columns (4)."""
    down, across = _directions(way)
    mirrored = picture[::down, ::across]
    return mirrored.swapaxes(0, 1) if way & 4 else mirrored


def laid_back(mask: Mask, way: int) -> Mask:
    """Lay the mask of a laid image as the image was: the steps of `laid`, backwards."""
    down, across = _directions(way)
    exchanged = mask.T if way & 4 else mask
    return exchanged[::down, ::across]


def _directions(way: int) -> tuple[int, int]:
    """Return the steps down and across that mirror an image, or leave it."""
    return -1 if way & 1 else 1, -1 if way & 2 else 1


def contiguous(pixels: Pixels) -> Pixels:
    """Copy what is not in order (NumPy alone takes five times as long where rows and columns are
    exchanged)."""
    is_exchanged = abs(pixels.strides[0]) < abs(pixels.strides[1])
    if is_exchanged:
        pixels = cv2.transpose(np.ascontiguousarray(pixels.swapaxes(0, 1)))
    return np.ascontiguousarray(pixels)  # of what is in order: the same array
