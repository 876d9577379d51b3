"""Deep zoom: the levels of an image or label image, their tiles, and how these are sent. Nothing
here knows of HTTP."""

import struct
import zlib

import imagecodecs
import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box
from breastseg.images import Pixels
from breastseg.serve.refusals import Absent

PIECE_PX = 256
"""Side of a tile of pixels or labels."""
OVERVIEW_PX = 2048
"""Levels up to this side are cut from one image of the whole slide, which is read once: few
slides store them all."""
THUMBNAIL_PX = 320
_QUALITY = 90


def levels_of(size_px: tuple[int, int]) -> int:
    """Return the number of deep zoom levels: halvings until the larger side is no more than a tile,
    plus one."""
    halvings = 0
    while max(halved(size_px, halvings)) > PIECE_PX:
        halvings += 1
    return halvings + 1


def halved(size_px: tuple[int, int], times: int) -> tuple[int, int]:
    """Return (width, height) after so many halvings, rounded up."""
    return -(-size_px[0] // 2**times), -(-size_px[1] // 2**times)


def grid_of(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return the number of tiles of a level, (columns, rows)."""
    return -(-size_px[0] // PIECE_PX), -(-size_px[1] // PIECE_PX)


def piece_box(size_px: tuple[int, int], level: int, column: int, row: int) -> Box:
    """Return the place of a tile in the pixels of its level; those at the edge are smaller.

    Raises:
        Refused: there is no such tile.
    """
    levels = levels_of(size_px)
    if 0 <= level < levels and column >= 0 and row >= 0:
        width, height = halved(size_px, levels - 1 - level)
        x, y = column * PIECE_PX, row * PIECE_PX
        if x < width and y < height:
            return Box(x, y, min(PIECE_PX, width - x), min(PIECE_PX, height - y))
    raise Absent(
        f"no tile {column}, {row} at level {level}; an image of {size_px[0]} x {size_px[1]} px has"
        f" {levels} levels",
    )


def thumbnail_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) of a thumbnail."""
    shrink = min(1.0, THUMBNAIL_PX / max(size_px))
    return max(1, round(size_px[0] * shrink)), max(1, round(size_px[1] * shrink))


def jpeg(pixels: Pixels) -> bytes:
    """Return (H, W, 3) uint8 as JPEG."""
    return bytes(imagecodecs.jpeg8_encode(pixels, level=_QUALITY, subsampling="420"))


def grey_png(values: npt.NDArray[np.uint8]) -> bytes:
    """Return (H, W) uint8 as 8-bit grey PNG without filters or colour tables: what a page decodes
    is what was stored."""
    height, width = values.shape
    # Before each row a byte with its filter: 0 is none. By hand, because encoders choose filters
    # and palettes, and take longer for it than for the tile itself.
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = values
    # Bits, colour type (0 is grey), compression, filter and interlace.
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(rows.tobytes(), 1)
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG: length, name, data, and the checksum of name and data."""
    checksum = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
