"""Overlapping tiles to one answer: sums of weighted probabilities, divided by the sums of the
weights."""

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError
from breastseg.geometry import Box, Tile, reach

Scores = npt.NDArray[np.float32]


class Blend:
    """Takes the tiles of a grid one after another and gives back each place as soon as no later
    tile reaches it.

    A tile's weight falls in a straight line over the stretch that it shares with a neighbour. What
    is held between tiles is that stretch to the right of the last one and below the last row.
    """

    def __init__(self, size_px: tuple[int, int], tile_px: int, halo_px: int, classes: int) -> None:
        """Begin a field of (width, height); InputError when a tile would overlap more than its
        neighbours."""
        if tile_px < 4 * halo_px or not halo_px:
            raise InputError(
                f"tile of {tile_px} px with a halo of {halo_px} px: blending wants a halo, and a"
                " tile of four halos at least"
            )
        self._size = size_px
        self._halo = halo_px
        self._planes = 1 + classes  # the sum of weights, and that of each class
        # (planes, h, w): sums to the right of the last tile, and below the last row and this one.
        self._left: Scores | None = None
        self._above: Scores | None = None
        self._below: Scores | None = None

    def add(self, tile: Tile, scores: Scores | None) -> tuple[Box, Scores]:
        """Add a tile's (K, H, W) probabilities, or None when it was not looked at.

        Returns:
            the box that is complete now, and its (K, h, w) means; 0 where no tile was looked at.
        """
        width, height = self._size
        inner = tile.inner
        box = reach(tile, self._halo, self._size)
        x = box.x
        y = box.y
        right = x + box.width
        bottom = y + box.height
        last_column = inner.x + inner.width == width
        last_row = inner.y + inner.height == height
        # Later tiles reach one halo into this one's inner box: what is before that is complete.
        end = width if last_column else inner.x + inner.width - self._halo
        stop = height if last_row else inner.y + inner.height - self._halo
        sums = self._weighted(tile, scores, box)  # (1 + K, h, w): weights, weighted scores
        carried = 0 if self._left is None else self._left.shape[2]
        if self._left is not None:
            sums[:, :, :carried] += self._left
        if self._above is not None:
            # What the tile to the left carried has its share of the row above already.
            above = self._above[:, :, x + carried : right]
            sums[:, : above.shape[1], carried:] += above
        self._left = None if last_column else sums[:, :, end - x :].copy()
        if not last_row:
            if self._below is None:
                self._below = np.zeros((self._planes, bottom - stop, width), np.float32)
            below = sums[:, stop - y :, : end - x]
            self._below[:, :, x:end] = below
        if last_column:
            self._above = self._below
            self._below = None
        done = sums[:, : stop - y, : end - x]
        # Where no tile was looked at weight and scores are 0: the mean is 0, not NaN.
        weights = np.maximum(done[:1], np.finfo(np.float32).tiny)
        means = np.divide(done[1:], weights, dtype=np.float32)  # (K, h, w)
        return Box(x, y, end - x, stop - y), means

    def _weighted(self, tile: Tile, scores: Scores | None, box: Box) -> Scores:
        """Return (1 + K, h, w) weights and weighted scores of the part of a tile that lies in the
        field."""
        sums = np.zeros((self._planes, box.height, box.width), np.float32)
        if scores is None:
            return sums
        # Where the box begins in the tile that was shown, and in its ramps.
        top = box.y - tile.outer.y
        left = box.x - tile.outer.x
        y = box.y - tile.inner.y + self._halo
        x = box.x - tile.inner.x + self._halo
        down = _ramp(tile.inner.height, self._halo)[y : y + box.height]  # (h,)
        across = _ramp(tile.inner.width, self._halo)[x : x + box.width]  # (w,)
        np.outer(down, across, out=sums[0])
        inside = scores[:, top : top + box.height, left : left + box.width]  # (K, h, w)
        np.multiply(inside, sums[0], out=sums[1:])
        return sums


def _ramp(length: int, halo: int) -> Scores:
    """Return the weights of an inner box with a halo on both sides: they rise over the first two
    halos, are 1, fall over the last two."""
    # Of two neighbours the rise of one and the fall of the other add up to 1 everywhere.
    rise = (np.arange(length + 2 * halo) + 0.5) / (2 * halo)
    return np.minimum(1, np.minimum(rise, rise[::-1])).astype(np.float32)
