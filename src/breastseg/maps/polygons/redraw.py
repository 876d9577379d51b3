"""A GeoJSON of regions -> labels again, to see that it says what the raster says.

A pixel has the label of the polygon that holds its middle. Along a row, each border that is crossed
adds its label or takes it away again (modulo 256, which labels fit in): polygons that overlap or
leave gaps show as wrong labels.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box, crossings, downward
from breastseg.labels import LabelMap, Labels
from breastseg.maps.polygons.geojson import opened, read_rings
from breastseg.maps.polygons.islands import Cleaned
from breastseg.maps.polygons.outlines import Places
from breastseg.maps.polygons.scratch import Kept, Scratch
from breastseg.maps.raster import TILE_PX

_CHUNK_PX = 8192
"""Columns of a row of tiles that are drawn at a time."""

_BATCH = 1 << 16
"""Vertices that are held before their borders are sorted to disk."""


@dataclass
class Redrawn:
    """What a file of regions shows.

    Attributes:
        agreement: intersection over union with the raster, for each class that is in one of them,
            by name.
        polygons: regions in the file.
        vertices: of all their rings.
        analysed_px: pixels of the raster that have a class.
    """

    agreement: dict[str, float] = field(default_factory=dict)
    polygons: int = 0
    vertices: int = 0
    analysed_px: int = 0


def redraw(
    path: Path,
    wanted: Cleaned,
    label_map: LabelMap,
    *,
    scale: tuple[float, float],
    scratch: Scratch,
    is_gzip: bool,
) -> Redrawn:
    """Draw the regions of a file and compare them with the raster, pixel by pixel.

    Classes that share a QuPath class are compared as one: the file does not tell them apart.

    Args:
        path: what `Writer` wrote.
        wanted: the labels that it was made of.
        label_map: names of the labels.
        scale: level-0 pixels per pixel of the raster, (x, y).
        scratch: room on disk.
        is_gzip: whether the file is compressed.
    """
    names = [label_class.qupath for label_class in label_map.classes]
    alike = np.arange(256, dtype=np.uint8)
    alike[1 : len(names) + 1] = [names.index(name) + 1 for name in names]
    redrawn, borders = Redrawn(), _Borders(wanted.size_px, scratch)
    with opened(path, "rb", is_gzip) as file:
        for name, is_outline, places in read_rings(file):
            redrawn.polygons += is_outline
            redrawn.vertices += len(places) - 1  # the last place is the first again
            label = names.index(name) + 1
            # A hole takes away what its outline added.
            borders.add(places / scale, label if is_outline else -label)
    pixels = np.zeros((3, 256), np.int64)
    for box, drawn in borders.drawn():
        pixels += _counted(cv2.LUT(wanted.read(box), alike), drawn)
    in_raster, in_file, in_both = pixels
    redrawn.analysed_px = int(in_raster[1:].sum())
    for label, name in enumerate(label_map.names, start=1):
        if either := in_raster[label] + in_file[label] - in_both[label]:
            redrawn.agreement[name] = float(in_both[label] / either)
    return redrawn


class _Borders:
    """Where rings cross the middles of rows: on disk, by rows of tiles."""

    def __init__(self, size_px: tuple[int, int], scratch: Scratch) -> None:
        (self._width, self._height), self._scratch = size_px, scratch
        self._rings: list[Places] = []
        self._labels: list[int] = []
        self._held = 0
        self._bands: dict[int, list[Kept]] = defaultdict(list)

    def add(self, ring: Places, label: int) -> None:
        """Take a closed ring (N, 2) that adds a label to the pixels within, or takes it away."""
        self._rings.append(ring)
        self._labels.append(label)
        self._held += len(ring)
        if self._held > _BATCH:
            self.sort()

    def sort(self) -> None:
        """Turn rings into crossings."""
        if not self._rings:
            return
        places = np.concatenate(self._rings)  # (N, 2)
        labels = np.array(self._labels)  # (R,)
        lengths = list(map(len, self._rings))
        ring = np.repeat(np.arange(labels.size), lengths)  # (N,)
        edge = np.flatnonzero(ring[1:] == ring[:-1])  # (E,) not from one ring to the next
        x, y = places[edge].T
        to_x, to_y = places[edge + 1].T
        ring = ring[edge]
        # The shoelace formula around each ring's first vertex: far from (0, 0) it would lose
        # digits.
        origin = np.flatnonzero(np.diff(ring, prepend=-1))[ring]
        crossed = (x - x[origin]) * (to_y - y) - (to_x - x) * (y - y[origin])  # (E,)
        is_clockwise = np.bincount(ring, crossed) > 0  # (R,) twice the area, by its sign
        # From left to right, an edge that goes up enters a clockwise ring, one down leaves it.
        enters = (to_y < y) == is_clockwise[ring]  # (E,)
        added = np.where(enters, labels[ring], -labels[ring]) % 256
        edges, _ = downward(places[edge], places[edge + 1])
        for start in range(0, added.size, _BATCH):
            self._keep(edges[:, start : start + _BATCH], added[start : start + _BATCH])
        self._rings, self._labels, self._held = [], [], 0

    def _keep(self, edges: Places, added: npt.NDArray[np.int64]) -> None:
        """Store the crossings of edges from (x, y) down to (x, y), (4, N), as place * 256 + what is
        added from there to the right."""
        edge, row, column = crossings(edges, (0, self._height))
        if not row.size:
            return
        # Place and label in one number: sorting one array is enough. A row has one column more
        # than the raster, for borders at its right edge.
        place = row * (self._width + 1) + column
        packed = np.sort(place * 256 + added[edge])
        bands = range(int(row.min()) // TILE_PX, int(row.max()) // TILE_PX + 1)
        origins = [self._origin(band) * 256 for band in (*bands, bands.stop)]
        cuts = np.searchsorted(packed, origins)
        for band, start, stop in zip(bands, cuts[:-1], cuts[1:], strict=True):
            if start < stop:
                self._bands[band].append(self._scratch.keep(packed[start:stop].tobytes()))

    def drawn(self) -> Iterator[tuple[Box, Labels]]:
        """Yield boxes that cover the raster, with their (H, W) labels."""
        self.sort()
        for band in range(-(-self._height // TILE_PX)):
            top = band * TILE_PX
            rows = min(TILE_PX, self._height - top)
            steps = np.zeros((rows, self._width + 1), np.uint8)
            for kept in self._bands[band]:
                packed = np.frombuffer(self._scratch.read(kept), np.int64)
                places, added = (packed >> 8) - self._origin(band), (packed & 255)
                # Not +=, which adds once where several borders cross at one pixel.
                np.add.at(steps.ravel(), places, added.astype(np.uint8))
            # Labels at the end of the chunk to the left; uint8 wraps at 256, as `added` does.
            before = np.zeros((rows, 1), np.uint8)
            for left in range(0, self._width, _CHUNK_PX):
                box = Box(left, top, min(_CHUNK_PX, self._width - left), rows)
                chunk = steps[:, left : left + box.width]
                labels: Labels = np.cumsum(chunk, axis=1, dtype=np.uint8) + before
                before = labels[:, -1:]
                yield box, labels

    def _origin(self, band: int) -> int:
        """Return the place of the first pixel of a row of tiles."""
        return band * TILE_PX * (self._width + 1)


def _counted(wanted: Labels, drawn: Labels) -> npt.NDArray[np.int64]:
    """Return how many pixels have each label: (3, 256), in the one image, in the other, in both at
    one place."""
    apart = wanted != drawn
    in_wanted = cv2.calcHist([wanted], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    # Few pixels are apart: the second image is counted by what it has in place of the first's.
    only_wanted = np.bincount(wanted[apart], minlength=256)
    only_drawn = np.bincount(drawn[apart], minlength=256)
    in_both = in_wanted - only_wanted
    return np.stack([in_wanted, in_both + only_drawn, in_both])
