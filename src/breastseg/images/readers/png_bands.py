"""The rows of a PNG, a band at a time.

Pillow holds an image whole at four bytes a pixel: 708 MB for 177 Mpx, before any of it can be
used. Here a band of rows is inflated from the file; libpng takes their filters off, given the
band as a small PNG that begins with the row above it, because a filter looks back one row and no
further. What is not pixels (palette, transparency, the orientation tag, what stands behind the
pixels) Pillow reads as in any PNG, from the file with one pixel in place of all. A file that is
unlike what is expected here is left to Pillow.

Pillow passes over three things that are refused here: pixels that end too early at the end of a
row (its other rows are black then), a checksum that does not fit the pixels before it, and damage
behind the last row.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.images.pyramid import DAMAGE

Rows: TypeAlias = npt.NDArray[np.uint8]
"""Rows of an image as bytes, without filters: (rows, bytes of a row) uint8."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">IIBBBBB")
_HEAD_AT, _HEAD_END = 16, 33
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by its kind of colour."""
_ALIKE = {1: 0, 2: 4, 3: 2, 4: 6}
"""A kind of colour that has so many bytes a pixel: filters know bytes, not colours."""
_PIECE_BYTES, _BAND_BYTES = 2**16, 2**18
"""A band stays in the processor's cache: with one of 1 MB an image of 1024 px takes half as long
again."""
_MOST_ROWS, _MOST_COLUMNS = 2**16, 1_000_000
"""Of a band: libpng takes no more than a million either way."""
_MOST_BESIDE_BYTES = 2**25
"""Of a file before its pixels, and behind them."""


@dataclass(frozen=True)
class PngRows:
    """Where the rows of a PNG are, and what they mean.

    Attributes:
        path: the file.
        size_px: (width, height) as stored.
        hollow: the image with one pixel in place of all: mode, palette, transparency and tags.
        raw_mode: what Pillow calls the pixels as they are stored.
        bits: of a pixel.
        start: where the first chunk of pixels begins in the file.
    """

    path: Path
    size_px: tuple[int, int]
    hollow: Image.Image
    raw_mode: str
    bits: int
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return -(-self.size_px[0] * self.bits // 8)

    def bands(self) -> Iterator[Rows]:
        """Yield all rows from top to bottom, a band at a time.

        Raises:
            ValueError, RuntimeError, zlib.error: they are damaged or end too early; what was
                yielded before is worth nothing then.
        """
        above = np.zeros(self.row_bytes, np.uint8)
        for filtered in self._filtered():
            first = b"\0" + above.tobytes()  # a row without a filter
            rows = _without_filters(first + filtered, self.row_bytes, max(1, self.bits // 8))[1:]
            above = rows[-1]
            yield rows

    def _filtered(self) -> Iterator[bytes]:
        """Yield the bytes of a band, in each row its filter first."""
        left = self.size_px[1]  # rows that are to come
        row_bytes = 1 + self.row_bytes
        most = min(_MOST_ROWS, max(1, _BAND_BYTES // row_bytes))
        inflating = zlib.decompressobj()
        band = bytearray()
        is_over = False
        for piece in self._compressed():
            while left and not inflating.eof:
                wanted = row_bytes * min(most, left)
                band += inflating.decompress(piece, wanted - len(band))
                piece = inflating.unconsumed_tail
                if len(band) == wanted:
                    yield bytes(band)
                    left -= wanted // row_bytes
                    band.clear()
                elif not piece:
                    break
            if not left and not is_over and not inflating.eof:
                # As far as the checksum behind the last row; more rows are passed over.
                is_over = bool(inflating.decompress(piece, 1))
        if left:
            raise ValueError("it ends before its pixels do")

    def _compressed(self) -> Iterator[bytes]:
        """Yield what stands in the chunks of pixels, each held against its checksum at its end."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while (head := file.read(8))[4:] == b"IDAT":
                left = int.from_bytes(head[:4], "big")
                found = zlib.crc32(b"IDAT")  # the checksum is over the name too
                while left:
                    piece = file.read(min(left, _PIECE_BYTES))
                    if not piece:
                        raise ValueError("it ends before its pixels do")
                    left -= len(piece)
                    found = zlib.crc32(piece, found)
                    yield piece
                if file.read(4) != found.to_bytes(4, "big"):
                    raise ValueError("a part of its pixels does not fit its checksum")


def find_rows(image: Image.Image, path: Path) -> PngRows | None:
    """Return where the rows of a PNG are; None where Pillow must decode it.

    Args:
        image: the file opened by Pillow, nothing of it decoded.
        path: the file.
    """
    with path.open("rb") as file:
        start = file.read(_HEAD_END)
        if len(start) < _HEAD_END or start[:_HEAD_AT] != _SIGNATURE + b"\0\0\0\x0dIHDR":
            return None
        width, height, depth, kind, _, _, interlaced = _HEAD.unpack_from(start, _HEAD_AT)
        tiles: Sequence[Any] = getattr(image, "tile", ())
        is_known = depth <= 8 and kind in _SAMPLES and not interlaced
        if len(tiles) != 1 or not is_known or width > _MOST_COLUMNS:
            return None
        _, extents, offset, raw_mode = tiles[0]
        if extents != (0, 0, width, height) or image.size != (width, height):
            return None  # an animation, or two heads
        hollow = _hollow(file, offset - 8, depth, kind)
    if hollow is None or hollow.mode != image.mode:
        return None
    return PngRows(path, (width, height), hollow, raw_mode, depth * _SAMPLES[kind], offset - 8)


def _hollow(file: BinaryIO, start: int, depth: int, kind: int) -> Image.Image | None:
    """Return what Pillow makes of a file with one pixel in place of all; None where nothing."""
    if start > _MOST_BESIDE_BYTES:
        return None
    file.seek(_HEAD_END)
    before = file.read(start - _HEAD_END)
    name = b"IDAT"
    while name == b"IDAT":
        end = file.tell()
        head = file.read(8)
        name = head[4:]
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    file.seek(end)
    behind = file.read(_MOST_BESIDE_BYTES)
    if name in {b"DDAT", b"fdAT"} or len(behind) == _MOST_BESIDE_BYTES:
        return None
    pixel = _chunk(b"IDAT", zlib.compress(bytes(1 + -(-depth * _SAMPLES[kind] // 8))))
    whole = BytesIO(_head(1, 1, depth, kind) + before + pixel + behind)
    try:
        hollow = Image.open(whole, formats=("PNG",))
        if hollow.size != (1, 1):
            return None
        hollow.load()
    except DAMAGE:
        return None
    return hollow


def _without_filters(filtered: bytes, row_bytes: int, pixel_bytes: int) -> Rows:
    """Return rows without their filters; the first one must have none."""
    rows = len(filtered) // (1 + row_bytes)
    head = _head(row_bytes // pixel_bytes, rows, 8, _ALIKE[pixel_bytes])
    stored = zlib.compress(filtered, 0)  # 0: wrapped up, not compressed
    png = b"".join((head, *_parts(b"IDAT", stored), *_parts(b"IEND", b"")))
    image = imagecodecs.png_decode(png)
    return np.asarray(image, np.uint8).reshape(rows, row_bytes)


def _head(width: int, height: int, depth: int, kind: int) -> bytes:
    return _SIGNATURE + _chunk(b"IHDR", _HEAD.pack(width, height, depth, kind, 0, 0, 0))


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join(_parts(name, data))


def _parts(name: bytes, data: bytes) -> tuple[bytes, ...]:
    check = zlib.crc32(data, zlib.crc32(name))
    return len(data).to_bytes(4, "big"), name, data, check.to_bytes(4, "big")
