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

    def touching(self, box: Box, areas: Components) -> tuple[Bools, Bools]:
        """Return which (C,) areas of a block touch other blocks, and which touch the raster's
        edge."""
        at_block, at_edge = np.zeros((2, areas.labels.size), np.bool_)
        (width, height), sides = self._size_px, areas.sides
        for side, is_edge in (
            (sides.left, box.x == 0),
            (sides.top, box.y == 0),
            (sides.right, box.x + box.width == width),
            (sides.bottom, box.y + box.height == height),
        ):
            (at_edge if is_edge else at_block)[side] = True
        return at_block, at_edge

    def meet(self, box: Box, areas: Components, names: Ints) -> tuple[Ints, Ints, Bools]:
        """Lay the next block beside those before it.

        Args:
            box: the block.
            areas: of it.
            names: (C,) numbers under which the areas are known in the whole raster.

        Returns:
            names on both sides of each pixel of the borders, and whether their labels are equal.
        """
        both = np.stack([names, areas.labels.astype(np.intp)])  # (2, C)
        left, top = both[:, areas.sides.left], both[:, areas.sides.top]
        across = slice(box.x, box.x + box.width)
        before, now = [], []
        if box.x:
            before.append(self._right)
            now.append(left)
        if box.y:
            before.append(self._bottom[:, across].copy())  # written over below
            now.append(top)
        self._bottom[:, across] = both[:, areas.sides.bottom]
        self._right = both[:, areas.sides.right]
        if not before:  # the raster's first block
            return top[0, :0], top[0, :0], np.zeros(0, np.bool_)
        names_before, labels_before = np.concatenate(before, axis=1)
        names_now, labels_now = np.concatenate(now, axis=1)
        return names_before, names_now, labels_before == labels_now
