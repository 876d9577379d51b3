"""Small islands and holes, merged into what surrounds them, over a whole raster read block by
block.

Which area joins which is told in merging.py. Blocks leave no trace: what touches a block's
border is decided when all of it was seen.
"""

from collections.abc import Iterator

import numpy as np

from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.maps.polygons.components import (
    Bools,
    Components,
    Ints,
    Neighbours,
    Spans,
    joined,
    summed,
)
from breastseg.maps.polygons.merging import merged
from breastseg.maps.polygons.seams import Seams
from breastseg.maps.raster import Raster

_NAMED = 256
"""What is decided later is numbered from here; everything else goes by its label."""


class Cleaned:
    """A raster whose small areas are merged: read like the raster itself.

    Attributes:
        size_px: (width, height).
        changed_px: pixels whose label is another.
    """

    def __init__(self, raster: Raster, side_px: int) -> None:
        """Start with nothing changed."""
        self.size_px = raster.size_px
        self.changed_px = 0
        self._raster, self._side_px = raster, side_px
        self._changes: dict[tuple[int, int], list[tuple[Spans, Labels]]] = {}

    def change(self, box: Box, spans: Spans, labels: Labels) -> None:
        """Give spans of a block (in its own pixels) new labels, one each."""
        if labels.size:
            place = box.y // self._side_px, box.x // self._side_px
            moved = Spans(spans.row + box.y, spans.left + box.x, spans.right + box.x)
            self._changes.setdefault(place, []).append((moved, labels))
            self.changed_px += int((spans.right - spans.left).sum())

    def read(self, box: Box) -> Labels:
        """Return the (H, W) labels of a box; 0 outside the raster."""
        values = self._raster.read(box)
        side_px = self._side_px
        last_row = (box.y + box.height - 1) // side_px
        last_column = (box.x + box.width - 1) // side_px
        for row in range(box.y // side_px, last_row + 1):
            for column in range(box.x // side_px, last_column + 1):
                for spans, labels in self._changes.get((row, column), ()):
                    _paint(values, box, spans, labels)
        return values

    def blocks(self) -> Iterator[Box]:
        """Cut the raster into its blocks, row by row."""
        return self._raster.blocks(self._side_px)


def cleaned(raster: Raster, min_px: float, side_px: int) -> Cleaned:
    """Merge every area of fewer than `min_px` pixels into what surrounds it; blocks are `side_px`
    wide."""
    result = Cleaned(raster, side_px)
    if min_px > 1:
        later = _Later(raster.size_px, min_px)
        for box in result.blocks():
            _clean(raster, box, later, result)
        later.decide(result)
    return result


def _paint(values: Labels, box: Box, spans: Spans, labels: Labels) -> None:
    """Paint spans of the raster into the (H, W) values of a box, as far as they lie in it."""
    row = spans.row - box.y
    left = np.maximum(spans.left - box.x, 0)
    right = np.minimum(spans.right - box.x, box.width)
    is_inside = (row >= 0) & (row < box.height) & (left < right)
    start = (row * box.width + left)[is_inside]  # (N,) first pixel of each span
    length = (right - left)[is_inside]  # (N,)
    # All pixels of all spans without a loop: pixel i of all lies at i plus what its span's start
    # is ahead of the pixels that came before.
    pixels_before = np.cumsum(length) - length  # (N,)
    ahead = np.repeat(start - pixels_before, length)
    values.ravel()[ahead + np.arange(ahead.size)] = np.repeat(labels[is_inside], length)


def _clean(raster: Raster, box: Box, later: "_Later", result: Cleaned) -> None:
    """Decide what lies within the block; keep for later what touches other blocks, and what touches
    that."""
    areas = Components(raster.read(box))
    at_block, at_edge = later.seams.touching(box, areas)  # (C,) each
    # What is not analysed at the raster's edge lies around the tissue: it is no hole.
    is_around = at_edge & (areas.labels == 0)
    small = (areas.sizes < later.min_px) & ~is_around
    near = areas.neighbours(small)
    # Small areas that hang together are decided together, so all wait where one does.
    both = small[near.one] & small[near.other]
    group = joined(small.size, near.one[both], near.other[both])  # (C,)
    waits = small & np.isin(group, group[at_block & small])
    later.hold(box, areas, waits, near)
    labels = merged(areas.labels, areas.sizes, areas.firsts, small & ~waits, near, later.min_px)
    spans, area = areas.spans(labels != areas.labels)
    result.change(box, spans, labels[area])


class _Later:
    """Small areas at the borders of blocks, and what small areas touch them."""

    def __init__(self, size_px: tuple[int, int], min_px: float) -> None:
        self.min_px, self.seams = min_px, Seams(size_px)
        self._width, self._count = size_px[0], _NAMED
        # The first 256 numbers stand for all areas that are decided, by label; they count as
        # large, so that they are never merged.
        self._labels: list[Labels] = [np.arange(_NAMED, dtype=np.uint8)]
        self._sizes: list[Ints] = [np.full(_NAMED, int(min_px) + 1)]
        self._firsts: list[Ints] = [np.zeros(_NAMED, np.intp)]
        self._spans: list[tuple[Box, Spans, Ints]] = []
        self._links: list[tuple[Ints, Ints]] = []
        self._near: list[Neighbours] = []

    def hold(self, box: Box, areas: Components, waits: Bools, near: Neighbours) -> None:
        """Keep the areas in the mask `waits`, and what they touch in the block and across its
        borders."""
        waiting = int(np.count_nonzero(waits))
        names = areas.labels.astype(np.intp)  # (C,)
        names[waits] = self._count + np.arange(waiting)
        self._count += waiting
        self._labels.append(areas.labels[waits])
        self._sizes.append(areas.sizes[waits])
        # First pixels are numbered by the block; here by the whole raster, to be comparable.
        y, x = np.divmod(areas.firsts[waits], box.width)
        self._firsts.append((y + box.y) * self._width + x + box.x)
        spans, area = areas.spans(waits)
        self._spans.append((box, spans, names[area]))
        held = waits[near.one] | waits[near.other]
        one, other = names[near.one[held]], names[near.other[held]]
        self._near.append(summed(one, other, near.shared[held]))
        # Across the border: equal labels are one area, others are neighbours by one pixel edge.
        one, other, same = self.seams.meet(box, areas, names)
        held = np.maximum(one, other) >= _NAMED
        linked, apart = held & same, held & ~same
        self._links.append((one[linked], other[linked]))
        edges = np.ones(np.count_nonzero(apart), np.intp)
        self._near.append(summed(one[apart], other[apart], edges))

    def decide(self, result: Cleaned) -> None:
        """Merge what was kept, now that it is whole."""
        if self._count == _NAMED:
            return
        labels, firsts = np.concatenate(self._labels), np.concatenate(self._firsts)
        one, other = np.concatenate(self._links, axis=1)
        # Pieces of one area in several blocks are one: the sizes of all are its size.
        root = joined(self._count, one, other)
        sizes = np.bincount(root, np.concatenate(self._sizes), self._count).astype(np.intp)
        np.minimum.at(firsts, root, firsts.copy())
        # A whole is known by its first piece; the other pieces follow it through `root`.
        small = (sizes < self.min_px) & (root == np.arange(root.size))
        small[:_NAMED] = False
        one, other, shared = np.concatenate(
            [(near.one, near.other, near.shared) for near in self._near], axis=1
        )
        near = summed(root[one], root[other], shared)
        new = merged(labels, sizes, firsts, small, near, self.min_px)[root]
        for box, spans, area in self._spans:
            changed = new[area] != labels[area]
            kept = Spans(spans.row[changed], spans.left[changed], spans.right[changed])
            result.change(box, kept, new[area[changed]])
