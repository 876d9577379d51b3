"""Regions as a GeoJSON FeatureCollection that QuPath reads, written and read again as a stream.

Coordinates are pixels of level 0, (0, 0) the corner of the slide. Each ring stands on a line of its
own, so that a region with ten thousand holes is never held whole. The form of features is QuPath's
since 0.4: `measurements` by name, a UUID as `id`.
"""

import gzip
import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import shapely

from breastseg.errors import LabelError
from breastseg.labels import LabelMap
from breastseg.maps.polygons.outlines import Polygons
from breastseg.maps.polygons.scratch import Scratch
from breastseg.maps.polygons.stitch import Region

# A fixed address, never looked up: with it the same region has the same UUID in every run.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/breastseg/regions")
_DECIMALS = 3
"""Of a level-0 pixel: vertices move by less than what parts them from the borders of others."""

_PIECE = 1 << 16
"""Numbers that become text at a time."""

_GZIP_LEVEL = 4  # of 9: higher ones take far longer for a little less


def ring_texts(polygons: Polygons, scale: tuple[float, float]) -> list[list[bytes]]:
    """Write polygons as text.

    Args:
        polygons: (N,) in pixels of the raster.
        scale: level-0 pixels per pixel of the raster, (x, y).

    Returns:
        for each polygon its rings, the outline first.
    """
    rings, polygon = shapely.get_rings(polygons, return_index=True)  # (R,), (R,)
    places, ring = shapely.get_coordinates(rings, return_index=True)  # (N, 2), (N,)
    numbers = np.round(places * scale, _DECIMALS).ravel()  # (2 N,)
    lengths = 2 * np.bincount(ring, minlength=len(rings))  # (R,) numbers of each ring
    ends = np.cumsum(lengths)
    starts = ends - lengths
    texts: list[list[bytes]] = [[] for _ in polygons]
    # As lists: Python's own numbers are several times as fast as numpy's, one at a time.
    for owner, start, end in zip(polygon.tolist(), starts.tolist(), ends.tolist(), strict=True):
        pieces = []
        for at in range(start, end, _PIECE):
            piece = numbers[at : min(at + _PIECE, end)]
            # One format for many numbers at once, not one for each place.
            form = b",".join([b"[%.10g,%.10g]"] * (len(piece) // 2))
            pieces.append(form % tuple(piece.tolist()))
        texts[owner].append(b"[" + b",".join(pieces) + b"]")
    return texts


@contextmanager
def opened(path: Path, mode: str, is_gzip: bool) -> Iterator[BinaryIO]:
    """Open a file for bytes; a compressed one carries neither name nor time, so that equal results
    are equal files."""
    with path.open(mode) as raw:
        if is_gzip:
            with gzip.GzipFile("", mode, _GZIP_LEVEL, cast(BinaryIO, raw), mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield cast(BinaryIO, raw)


class Writer:
    """Writes features one after the other."""

    def __init__(
        self, file: BinaryIO, label_map: LabelMap, pixel_um2: float, scratch: Scratch
    ) -> None:
        """Begin a collection.

        Args:
            file: open for bytes.
            label_map: names and colours of the labels.
            pixel_um2: area of a pixel of the raster.
            scratch: where the texts of large regions wait.
        """
        self._file, self._map, self._pixel_um2, self._scratch = file, label_map, pixel_um2, scratch
        self._between = b"\n"
        file.write(b'{"type":"FeatureCollection","features":[')

    def write(self, region: Region) -> None:
        """Write a region."""
        if region.label > len(self._map.classes):
            raise LabelError(
                f"label {region.label} in the map, label map '{self._map.name}' has"
                f" {len(self._map.classes)} classes"
            )
        label_class = self._map.classes[region.label - 1]
        area_um2 = region.area_px * self._pixel_um2
        # Nine digits: sums of pieces may differ in the last of a float's sixteen.
        measurements = {
            "area_um2": float(f"{area_um2:.9g}"),
            "area_mm2": float(f"{area_um2 / 1e6:.9g}"),
        }
        properties = {
            "objectType": "annotation",
            "classification": {"name": label_class.qupath, "color": list(label_class.color)},
            "isLocked": False,
            "measurements": measurements,
        }
        head = {
            "type": "Feature",
            "id": self._id(region, label_class.qupath),
            "properties": properties,
        }
        # Without its last brace: the geometry follows, ring by ring.
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
        geometry = b',"geometry":{"type":"Polygon","coordinates":['
        self._file.write(self._between + text.encode() + geometry)
        between = b"\n"
        for rings in self._rings(region):
            self._file.write(between + rings)
            between = b",\n"
        self._file.write(b"\n]}}")
        self._between = b",\n"

    def end(self) -> None:
        """End the collection."""
        self._file.write(b"\n]}\n")

    def _rings(self, region: Region) -> Iterator[bytes]:
        yield from region.rings
        yield from map(self._scratch.read, region.kept)

    def _id(self, region: Region, name: str) -> str:
        """Return the UUID (version 5) of a class and its rings."""
        # uuid.uuid5 wants the whole text at once; this is what it does, piece by piece.
        digest = hashlib.sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False)
        for rings in self._rings(region):
            digest.update(rings)
        return str(uuid.UUID(bytes=digest.digest()[:16], version=5))


def read_rings(file: BinaryIO) -> Iterator[tuple[str, bool, npt.NDArray[np.float64]]]:
    """Read what Writer wrote, ring by ring.

    Yields:
        the class, whether the ring is the outline, and its (N, 2) places, level-0 pixels.
    """
    name, is_outline = "", False
    for line in file:
        if line.startswith(b'{"type":"Feature",'):
            # The line ends where the rings begin: what closes it makes JSON of it.
            feature = json.loads(line + b"]}}")
            name = feature["properties"]["classification"]["name"]
            is_outline = True
        elif line.startswith(b"[["):
            numbers = line.rstrip(b",\n").translate(None, b"[]").decode()
            yield name, is_outline, np.fromstring(numbers, sep=",").reshape(-1, 2)
            is_outline = False
