"""The directories of a TIFF, walked before anything in it is believed: what they say is held
against the length of the file."""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from tifffile import TiffFile

from breastseg.errors import ImageError
from breastseg.images.pyramid import check_stored

MAX_DIRECTORIES = 1000
"""A pyramid with label and macro has about ten; whatever has more is no single image."""

MOST_ENTRIES = 4096
"""Of one directory."""
SUB_DIRECTORIES = 330
"""The tag whose values are places of other directories."""
_TILE_SIDES = (322, 323)
"""Tags TileWidth and TileLength."""
BYTES_OF_TYPE = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""Length of a value, by the TIFF type of a tag; 16 to 18 are BigTIFF's."""
_OFFSET_TYPES = {3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}
"""Types that whole numbers without sign have, as `struct` calls them."""


@dataclass(frozen=True)
class _Form:
    """How numbers are written: classic TIFF or BigTIFF, little or big end first."""

    order: str
    big: bool

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self.order == "<" else "big")


def open_tiff(path: Path) -> TiffFile:
    """Open one TIFF and no other (OME and Micro-Manager can name more, by any path), after a look
    at its directories.

    Raises:
        ImageError: cut short, or directories that no slide has. What tifffile raises at damage is
            the caller's.
    """
    check_directories(path)
    return TiffFile(path, _multifile=False, is_mmstack=False, is_ndtiff=False)


def check_directories(path: Path) -> None:
    """Walk the chain of directories and their SubIFDs; read nothing that they point to but other
    directories.

    Raises:
        ImageError: the file ends before a directory or before a value of one, directories that go
            round in a circle, or too many.
    """
    try:
        with path.open("rb") as file:
            _walk(path, file, file.seek(0, 2))
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None


def _walk(path: Path, file: BinaryIO, end: int) -> None:
    head = _bytes(path, file, 0, 8, end)
    order = "<" if head.startswith(b"II") else ">"
    is_big = head[2:4] in {b"+\0", b"\0+"}  # 43 in either order of bytes; classic TIFF has 42
    form = _Form(order, is_big)
    first = form.number(_bytes(path, file, 8, 8, end) if is_big else head[4:8])
    if not first:
        raise ImageError(
            f"{path}: cut short or damaged (no directory: its writing was not finished); copy or"
            " export it again"
        )
    place, seen, count = first, set[int](), 0
    while place:
        if place in seen:
            raise ImageError(
                f"{path}: cut short or damaged (its directories go round in a circle); copy or"
                " export it again"
            )
        inner, following = _read(path, file, place, form, end)
        seen.add(place)
        count += 1 + len(inner)
        if count > MAX_DIRECTORIES:
            raise ImageError(
                f"{path}: a TIFF of more than {MAX_DIRECTORIES} images, wanted one; export the"
                " one that is wanted"
            )
        # The chains that SubIFDs have of their own often say the same again: not followed.
        for sub_directory in inner:
            _read(path, file, sub_directory, form, end)
        place = following


def _read(path: Path, file: BinaryIO, place: int, form: _Form, end: int) -> tuple[list[int], int]:
    """Check the directory at a place; return the places of its SubIFDs and that of the next
    directory, 0 for none."""
    # An entry is code, type, count, and the value, or its place where it is longer.
    count_bytes, entry_bytes, value_bytes = (8, 20, 8) if form.big else (2, 12, 4)
    entries = form.number(_bytes(path, file, place, count_bytes, end))
    if entries > MOST_ENTRIES:
        raise ImageError(
            f"{path}: cut short or damaged (a directory of {entries} entries); copy or export it"
            " again"
        )
    table = _bytes(path, file, place + count_bytes, entries * entry_bytes + value_bytes, end)
    inner: list[int] = []
    tile = dict.fromkeys(_TILE_SIDES, 1)
    for at in range(0, entries * entry_bytes, entry_bytes):
        code, kind = struct.unpack_from(f"{form.order}HH", table, at)
        count = form.number(table[at + 4 : at + 4 + value_bytes])
        value = table[at + 4 + value_bytes : at + entry_bytes]
        length = count * BYTES_OF_TYPE.get(kind, 1)
        if length > value_bytes and form.number(value) + length > end:
            raise _cut(path, form.number(value) + length, end)
        if kind not in _OFFSET_TYPES:
            continue
        letter = _OFFSET_TYPES[kind]
        if code in _TILE_SIDES and count == 1:
            tile[code] = struct.unpack_from(f"{form.order}{letter}", value)[0]
        if code == SUB_DIRECTORIES:
            if count > MAX_DIRECTORIES:
                raise ImageError(
                    f"{path}: a TIFF of more than {MAX_DIRECTORIES} images, wanted one; export"
                    " the one that is wanted"
                )
            data = value[:length]
            if length > value_bytes:
                data = _bytes(path, file, form.number(value), length, end)
            places = struct.unpack(f"{form.order}{count}{letter}", data)
            inner += [place for place in places if place]
    # OpenSlide takes memory for a tile as it is said to be, and ends the process without it.
    check_stored(path, prod(tile.values()))
    return inner, form.number(table[entries * entry_bytes :])


def _bytes(path: Path, file: BinaryIO, place: int, length: int, end: int) -> bytes:
    if place + length > end:
        raise _cut(path, place + length, end)
    file.seek(place)
    return file.read(length)


def _cut(path: Path, wanted: int, end: int) -> ImageError:
    return ImageError(
        f"{path}: cut short or damaged (it ends at byte {end}, its directory goes on to byte"
        f" {wanted}); copy or export it again"
    )
