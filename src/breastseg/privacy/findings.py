"""What a slide gives away, and the proof that its pixels were not touched."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO

from breastseg.errors import ImageError

PIECE_BYTES = 2**20
"""As much of a file is held at once; one tile of an NDPI may be a whole level of 2 GB."""


@dataclass(frozen=True)
class Finding:
    """Something in a file that may tell who a slide is of, or where and when it was made.

    Attributes:
        place: where it is, as in "image 3", "whole file" or "file name".
        tag: the name of the tag or part; of one that is not known, its number or a general word.
        kind: what kind of value it is, as in "date"; never the value.
    """

    place: str
    tag: str
    kind: str

    def row(self) -> dict[str, str]:
        """Return it as a row of a table."""
        return asdict(self)


@dataclass(frozen=True)
class Level:
    """What proves that one level's pixels are the same: the hash of all its compressed tiles.

    Attributes:
        level: which image of the file.
        width_px: its width.
        height_px: its height.
        tiles: how many pieces of compressed pixels it has.
        bytes: of all of them.
        sha256: of the SHA-256 of each piece, in order.
    """

    level: str
    width_px: int
    height_px: int
    tiles: int
    bytes: int
    sha256: str

    def row(self) -> dict[str, object]:
        """Return it as a row of a table."""
        return asdict(self)


def pieces(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    """Yield the bytes of a file from `start`, piece by piece; ImageError where it ends before."""
    file.seek(start)
    to_read = length
    while to_read:
        piece = file.read(min(to_read, PIECE_BYTES))
        if not piece:
            raise ImageError(f"{file.name}: cut short or damaged (it ends before its pixels do)")
        to_read -= len(piece)
        yield piece


def hash_of(file: BinaryIO, start: int, length: int) -> bytes:
    """Return the SHA-256 of a stretch of a file."""
    digest = hashlib.sha256()
    for piece in pieces(file, start, length):
        digest.update(piece)
    return digest.digest()


def check_same(before: list[Level], after: list[Level], where: str) -> None:
    """Compare two proofs; ImageError when a tile is another, so that the copy is thrown away."""
    # Two empty proofs are equal, and prove nothing.
    if before != after or not after:
        raise ImageError(
            f"{where}: the copy's pixels are not those of the slide, nothing was kept; report it"
            " with this line"
        )
