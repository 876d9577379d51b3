"""A label image on disk, as large as a slide: written in any order, read by box, never held whole.

Tiles are kept compressed in one scratch file, as a TIFF keeps them, so that a finished raster
becomes a file by copying.
"""

import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box

Values = npt.NDArray[np.uint8]

TILE_PX = 256
_ZLIB_LEVEL = 1
"""Label images shrink to a hundredth at any level; this one is the fastest."""


@dataclass(frozen=True)
class _Stored:
    """Where a tile's compressed bytes lie in the scratch file."""

    start: int
    length: int


class Raster:
    """A (H, W) uint8 image in tiles of 256 px; 0 where nothing was written. Threads may read it;
    one at a time writes.

    Tiles that have one value throughout take no room. A tile is compressed when its last pixel is
    written, or by `finish()`.

    Attributes:
        size_px: (width, height).
    """

    def __init__(self, path: Path, size_px: tuple[int, int]) -> None:
        """Make an empty raster whose scratch file is `path`."""
        self.size_px = size_px
        self._file: BinaryIO = path.open("w+b")
        self._lock = threading.Lock()  # seek and read are two calls: threads read at once
        self._end = 0
        # All by (row, column): the value of tiles that have one, where compressed tiles lie, and
        # tiles with the number of pixels that they still wait for.
        self._flat: dict[tuple[int, int], int] = {}
        self._stored: dict[tuple[int, int], _Stored] = {}
        self._open: dict[tuple[int, int], tuple[Values, int]] = {}

    def __enter__(self) -> "Raster":
        """Return itself; leaving closes the scratch file."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close the scratch file."""
        self.close()

    def close(self) -> None:
        """Close the scratch file."""
        self._file.close()

    @property
    def grid(self) -> tuple[int, int]:
        """Return the number of tiles, (columns, rows)."""
        return -(-self.size_px[0] // TILE_PX), -(-self.size_px[1] // TILE_PX)

    @property
    def stored_bytes(self) -> int:
        """Return the size of the scratch file."""
        return self._end

    def write(self, box: Box, values: Values) -> None:
        """Write (H, W) values into a box that lies inside. Every pixel is written once at most."""
        for place, in_tile, in_box in _touched(box):
            tile, missing = self._open.pop(place, (None, 0))
            if tile is None:
                tile = np.zeros((TILE_PX, TILE_PX), np.uint8)
                missing = self._extent(place)
            piece = values[in_box]
            tile[in_tile] = piece
            # Counted, not remembered pixel by pixel: that is why none may be written twice.
            missing -= piece.size
            if missing:
                self._open[place] = tile, missing
            else:
                self._keep(place, tile)

    def finish(self) -> None:
        """Compress what was not written to the last pixel: the rest of it is 0."""
        for place, (tile, _) in self._open.items():
            self._keep(place, tile)
        self._open.clear()

    def read(self, box: Box) -> Values:
        """Return the (H, W) values of a box; 0 outside the raster and where nothing was written."""
        values = np.zeros((box.height, box.width), np.uint8)
        columns, rows = self.grid
        for place, in_tile, in_box in _touched(box):
            row, column = place
            is_inside = 0 <= row < rows and 0 <= column < columns
            if is_inside and self._holds(place):
                values[in_box] = self._tile(place)[in_tile]
        return values

    def blocks(self, side_px: int) -> Iterator[Box]:
        """Cut the raster into boxes of at most `side_px`, row by row."""
        width, height = self.size_px
        for y in range(0, height, side_px):
            for x in range(0, width, side_px):
                yield Box(x, y, min(side_px, width - x), min(side_px, height - y))

    def compressed_tiles(self) -> Iterator[bytes]:
        """Yield the zlib bytes of every tile, row by row; those at the edge are filled up with
        0."""
        flat: dict[int, bytes] = {}  # compressed once: most of a slide is glass, one value
        columns, rows = self.grid
        for place in np.ndindex(rows, columns):
            if place in self._stored:
                yield self._bytes(self._stored[place])
                continue
            value = self._flat.get(place, 0)
            if value not in flat:
                flat[value] = _compressed(np.full((TILE_PX, TILE_PX), value, np.uint8))
            yield flat[value]

    def halved(self, path: Path) -> "Raster":
        """Return a finished raster of half the size: of each four pixels the upper left one, so
        that labels are never mixed."""
        width, height = self.size_px
        half = Raster(path, (-(-width // 2), -(-height // 2)))
        # Blocks of whole tiles of the half: each is compressed as soon as it is written.
        for box in half.blocks(4 * TILE_PX):
            double = Box(2 * box.x, 2 * box.y, 2 * box.width, 2 * box.height)
            half.write(box, self.read(double)[::2, ::2])
        return half

    def sampled(self, size_px: tuple[int, int]) -> Values:
        """Return the raster at a smaller (width, height), in memory: the value under each new
        pixel's centre."""
        columns = centres(size_px[0], self.size_px[0])
        rows = centres(size_px[1], self.size_px[1])
        values = np.empty((size_px[1], size_px[0]), np.uint8)
        for box in self.blocks(8 * TILE_PX):
            left, right = np.searchsorted(columns, (box.x, box.x + box.width))
            top, bottom = np.searchsorted(rows, (box.y, box.y + box.height))
            # A block may hold no centre where the raster shrinks by more than a block.
            if left < right and top < bottom:
                picked = np.ix_(rows[top:bottom] - box.y, columns[left:right] - box.x)
                values[top:bottom, left:right] = self.read(box)[picked]
        return values

    def _holds(self, place: tuple[int, int]) -> bool:
        return place in self._flat or place in self._stored or place in self._open

    def _extent(self, place: tuple[int, int]) -> int:
        """Return how many pixels of a tile lie inside the raster."""
        width, height = self.size_px
        row, column = place
        return min(TILE_PX, height - row * TILE_PX) * min(TILE_PX, width - column * TILE_PX)

    def _keep(self, place: tuple[int, int], tile: Values) -> None:
        value = int(tile[0, 0])
        if (tile == value).all():
            self._flat[place] = value
            return
        data = _compressed(tile)
        with self._lock:
            self._file.seek(self._end)
            self._file.write(data)
        self._stored[place] = _Stored(self._end, len(data))
        self._end += len(data)

    def _tile(self, place: tuple[int, int]) -> Values:
        if place in self._open:
            return self._open[place][0]
        if place in self._flat:
            return np.full((TILE_PX, TILE_PX), self._flat[place], np.uint8)
        data = zlib.decompress(self._bytes(self._stored[place]))
        return np.frombuffer(data, np.uint8).reshape(TILE_PX, TILE_PX)

    def _bytes(self, stored: _Stored) -> bytes:
        with self._lock:
            self._file.seek(stored.start)
            return self._file.read(stored.length)


def centres(new: int, old: int) -> npt.NDArray[np.int64]:
    """Return which of `old` pixels in a row lies under the centre of each of `new` ones: (new,)."""
    # (i + 1/2) * old / new in whole numbers: no rounding depends on the machine.
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _compressed(tile: Values) -> bytes:
    return zlib.compress(tile.tobytes(), _ZLIB_LEVEL)


def _touched(
    box: Box,
) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]]:
    """Yield the tiles a box touches: (row, column), the part of the tile, the part of the box."""
    bottom, right = box.y + box.height, box.x + box.width
    for row in range(box.y // TILE_PX, -(-bottom // TILE_PX)):
        y = row * TILE_PX
        top, end = max(box.y, y), min(bottom, y + TILE_PX)
        rows_in_tile, rows_in_box = slice(top - y, end - y), slice(top - box.y, end - box.y)
        for column in range(box.x // TILE_PX, -(-right // TILE_PX)):
            x = column * TILE_PX
            left, stop = max(box.x, x), min(right, x + TILE_PX)
            in_tile = rows_in_tile, slice(left - x, stop - x)
            in_box = rows_in_box, slice(left - box.x, stop - box.x)
            yield (row, column), in_tile, in_box
