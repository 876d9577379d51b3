"""A PNG checked without decoding it: every chunk carries a checksum of its own, and the last one is
empty."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from breastseg.errors import ImageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20


def check_png(path: Path) -> tuple[int, int]:
    """Check every chunk of a PNG against its checksum.

    Returns:
        (width, height) in pixels.

    Raises:
        ImageError: not a PNG, cut short, or a byte of it has changed.
    """
    size = (0, 0)
    with path.open("rb") as file:
        if file.read(8) != _SIGNATURE:
            raise ImageError(f"{path}: not a PNG; fetch or copy it again")
        kind = b""
        while kind != b"IEND":
            kind, head = _chunk(file, path)
            if kind == b"IHDR":
                size = struct.unpack(">II", head[:8])
    return size[0], size[1]


def _chunk(file: BinaryIO, path: Path) -> tuple[bytes, bytes]:
    """Read a chunk in pieces; return its name and its first bytes."""
    start = file.read(8)
    if len(start) < 8:
        raise ImageError(f"{path}: cut short; fetch or copy it again")
    left = int.from_bytes(start[:4], "big")
    kind = start[4:]
    crc = zlib.crc32(kind)  # the checksum is over the name too
    head = b""
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise ImageError(f"{path}: cut short; fetch or copy it again")
        crc = zlib.crc32(piece, crc)
        head = head or piece
        left -= len(piece)
    stored = file.read(4)
    if len(stored) < 4:
        raise ImageError(f"{path}: cut short; fetch or copy it again")
    if stored != crc.to_bytes(4, "big"):
        raise ImageError(
            f"{path}: damaged, a part of it does not fit its checksum; fetch or copy it again"
        )
    return kind, head
