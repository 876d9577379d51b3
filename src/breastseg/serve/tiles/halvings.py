"""The deep zoom levels of an image, made while its rows come.

A level holds one row of tiles, and hands the mean of each two by two pixels on to the next: 20
MB for an image of 13,300 px a side, where the image and its halves took 700.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from breastseg.images import Pixels
from breastseg.serve.tiles.pieces import OVERVIEW_PX, PIECE_PX, halved, levels_of


def halve(pixels: Pixels) -> Pixels:
    """Return the next level: the mean of each two by two pixels; a last odd row or column counts
    double."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = -(-width // 2), -(-height // 2)
    # Of an even size this is the mean of two by two, rounded; OpenCV has a fast way for it.
    return np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)


class Halvings:
    """Takes an image in bands of rows and gives the tiles of all its levels."""

    def __init__(self, size_px: tuple[int, int], put: Callable[[int, Pixels], None]) -> None:
        """Begin with no rows.

        Args:
            size_px: (width, height) of the image.
            put: is given each tile and how many times its level was halved; those of a level come
                row by row, from left to right.
        """
        self._put = put
        self._levels = []
        fits = []  # levels that are small enough for the overview; the last one always is
        for times in range(levels_of(size_px)):
            width, height = halved(size_px, times)
            self._levels.append(_Level(height))
            if max(width, height) <= OVERVIEW_PX:
                fits.append(times)
        self._overview_at = fits[0]
        self._overview: list[Pixels] = []

    def add(self, band: Pixels, times: int = 0) -> None:
        """Take the next rows of a level, (h, W, 3) uint8; without `times` of the image itself."""
        for strip in self._levels[times].taken(band):
            for x in range(0, strip.shape[1], PIECE_PX):
                self._put(times, strip[:, x : x + PIECE_PX])
            if times == self._overview_at:
                self._overview.append(strip)
            # A row of tiles is 256 px high, an even number: halves never need rows of the next.
            if times + 1 < len(self._levels):
                self.add(halve(strip), times + 1)

    def overview(self) -> Pixels:
        """Return the largest level of no more than `OVERVIEW_PX` a side, whole, when all rows
        came."""
        return np.concatenate(self._overview)


class _Level:
    """The rows of a level that wait for the rest of their row of tiles."""

    def __init__(self, height: int) -> None:
        self._left, self._waiting = height, 0
        self._rows: list[Pixels] = []

    def taken(self, rows: Pixels) -> Iterator[Pixels]:
        """Take rows; yield each row of tiles that is whole now."""
        while len(rows):
            wanted = min(PIECE_PX, self._left)
            part = rows[: wanted - self._waiting]
            rows = rows[len(part) :]
            self._rows.append(part)
            self._waiting += len(part)
            if self._waiting == wanted:
                strip = self._rows[0] if len(self._rows) == 1 else np.concatenate(self._rows)
                self._rows, self._waiting, self._left = [], 0, self._left - wanted
                yield strip
