"""Polygons of blocks -> whole regions: pieces of one label that meet at a border of blocks become
one polygon."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from breastseg.geometry import Box
from breastseg.maps.polygons.components import Components, joined
from breastseg.maps.polygons.outlines import Polygons
from breastseg.maps.polygons.scratch import Kept, Scratch
from breastseg.maps.polygons.seams import Seams

RingTexts = Callable[[Polygons], list[list[bytes]]]
"""Writes polygons as text: for each its rings, the outline first."""


@dataclass(frozen=True)
class Region:
    """An area of one label.

    Attributes:
        label: of the raster.
        area_px: in pixels of the raster.
        rings: texts of the outline and of holes.
        kept: texts of more holes, each of several rings, that wait on disk.
    """

    label: int
    area_px: float
    rings: list[bytes]
    kept: list[Kept]


@dataclass(frozen=True)
class _Piece:
    """What lies of a region in one block: its outline, and its holes as text on disk."""

    label: int
    area_px: float
    outline: shapely.Polygon
    kept: list[Kept]


class Stitcher:
    """Takes the blocks of a raster, row by row, and hands out regions as soon as they are whole."""

    def __init__(self, size_px: tuple[int, int], texts: RingTexts, scratch: Scratch) -> None:
        """Start at the raster's upper left corner; (width, height)."""
        self._size_px, self._texts, self._scratch = size_px, texts, scratch
        self._seams = Seams(size_px)
        self._pieces: dict[int, _Piece] = {}
        self._count = 0
        self._links = np.zeros((2, 0), np.intp)

    def add(self, box: Box, areas: Components, polygons: Polygons) -> Iterator[Region]:
        """Take the areas of the next block and their polygons; yield the regions that are whole."""
        at_block, _ = self._seams.touching(box, areas)
        is_class = areas.labels > 0
        inside = np.flatnonzero(is_class & ~at_block)  # whole already
        open_ = np.flatnonzero(is_class & at_block)  # other blocks may add to them
        whole = polygons[inside]
        for label, area_px, rings in zip(
            areas.labels[inside], shapely.area(whole), self._texts(whole), strict=True
        ):
            yield Region(int(label), float(area_px), rings, [])
        names = np.full(areas.labels.size, -1)  # (C,); -1 for what no other block adds to
        names[open_] = self._count + np.arange(open_.size)
        self._hold(areas.labels[open_], polygons[open_])
        one, other, same = self._seams.meet(box, areas, names)
        same &= one >= 0
        self._links = np.concatenate([self._links, [one[same], other[same]]], axis=1)
        if box.x + box.width == self._size_px[0]:
            yield from self._whole(is_last=box.y + box.height == self._size_px[1])

    def _hold(self, labels: npt.NDArray[np.uint8], polygons: Polygons) -> None:
        # Holes are final, only outlines grow: holes become text at once, and wait on disk.
        outlines = shapely.polygons(shapely.get_exterior_ring(polygons))
        for label, area_px, outline, (_, *holes) in zip(
            labels, shapely.area(polygons), outlines, self._texts(polygons), strict=True
        ):
            kept = [self._scratch.keep(b",\n".join(holes))] if holes else []
            self._pieces[self._count] = _Piece(int(label), float(area_px), outline, kept)
            self._count += 1

    def _whole(self, is_last: bool) -> Iterator[Region]:
        """Yield and forget the regions of which no piece touches blocks that are still to come."""
        root = joined(self._count, *self._links)
        # Links to the root say the same as all links so far, and are no more than the pieces.
        self._links = np.stack([np.arange(root.size), root])
        waits: set[int] = set()
        if not is_last:
            names_below = self._seams.open_names
            waits = set(root[names_below[names_below >= 0]].tolist())
        groups: dict[int, list[int]] = defaultdict(list)
        for name in self._pieces:
            if int(root[name]) not in waits:
                groups[int(root[name])].append(name)
        for names in groups.values():
            pieces = [self._pieces.pop(name) for name in names]
            outline = pieces[0].outline
            if len(pieces) > 1:
                # Outlines share all vertices along the borders of blocks: the union that looks
                # for nothing else is exact.
                outline = shapely.coverage_union_all([piece.outline for piece in pieces])
            area_px = 0.0
            kept: list[Kept] = []
            for piece in pieces:
                area_px += piece.area_px
                kept += piece.kept
            [rings] = self._texts(np.array([outline]))
            yield Region(pieces[0].label, area_px, rings, kept)
