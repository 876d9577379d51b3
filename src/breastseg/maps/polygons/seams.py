"""Areas that meet across the borders of blocks, while a raster is gone through block by block, row
by row."""

import numpy as np

from breastseg.geometry import Box
from breastseg.maps.polygons.components import Bools, Components, Ints


class Seams:
    """Remembers what lies along the lower side of the blocks above and along the right side of the
    block before."""

    def __init__(self, size_px: tuple[int, int]) -> None:
        """Start at the raster's upper left corner; (width, height)."""
        self._size_px = size_px
        # Names and labels, (2, width) and (2, height of the block before).
        self._bottom = np.zeros((2, size_px[0]), np.intp)
        self._right = np.zeros((2, 0), np.intp)

    @property
    def open_names(self) -> Ints:
        """Return the names along the lower side of the last row of blocks."""
        names: Ints = self._bottom[0]
        return names

    def touching(self, box: Box, found: Components) -> tuple[Bools, Bools]:
        """Return which (C,) areas of a block touch other blocks, and which touch the raster's
        edge."""
        at_block, at_edge = np.zeros((2, found.labels.size), np.bool_)
        (width, height), sides = self._size_px, found.sides
        at_end = box.x == 0, box.y == 0, box.x + box.width == width, box.y + box.height == height
        for is_edge, side in zip(
            at_end, (sides.left, sides.top, sides.right, sides.bottom), strict=True
        ):
            (at_edge if is_edge else at_block)[side] = True
        return at_block, at_edge

    def meet(self, box: Box, found: Components, names: Ints) -> tuple[Ints, Ints, Bools]:
        """Lay the next block beside those before it.

        Args:
            box: the block.
            found: its areas.
            names: (C,) numbers under which the areas are known in the whole raster.

        Returns:
            names on both sides of each pixel of the borders, and whether their labels are equal.
        """
        sides = found.sides
        left, top, right, bottom = (
            np.stack([names[side], found.labels[side].astype(np.intp)])
            for side in (sides.left, sides.top, sides.right, sides.bottom)
        )
        across = slice(box.x, box.x + box.width)
        before = np.concatenate(
            [
                self._right if box.x else left[:, :0],
                self._bottom[:, across] if box.y else top[:, :0],
            ],
            axis=1,
        )
        now = np.concatenate([left if box.x else left[:, :0], top if box.y else top[:, :0]], axis=1)
        self._bottom[:, across], self._right = bottom, right
        return before[0], now[0], before[1] == now[1]
