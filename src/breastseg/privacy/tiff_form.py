"""The directories of a TIFF as they lie in the file, so that they can be written again in place.

tifffile reads them too, but passes over tags that it cannot read, and a copy must know of every
one; nor does it tell where the place of the next directory stands. Classic TIFF, BigTIFF, and
NDPI: Hamamatsu's own form, a classic TIFF whose places have 64 bits (the high halves of all values
stand behind the directory).
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError
from breastseg.images.directories import (
    BYTES_OF_TYPE,
    MAX_DIRECTORIES,
    MOST_ENTRIES,
    SUB_DIRECTORIES,
)

NDPI_MARK = 65420
_WHOLE = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
"""Types that whole numbers without sign have, as NumPy calls them."""


@dataclass(frozen=True)
class Form:
    """How a TIFF writes its numbers.

    Attributes:
        order: "<" or ">", as in `struct`.
        big: BigTIFF.
        ndpi: Hamamatsu's form.
    """

    order: str
    big: bool
    ndpi: bool

    @property
    def count_bytes(self) -> int:
        """Length of the number of entries."""
        return 8 if self.big else 2

    @property
    def value_bytes(self) -> int:
        """Length of a value that stands in the entry itself."""
        return 8 if self.big else 4

    @property
    def entry_bytes(self) -> int:
        """Length of an entry."""
        return 20 if self.big else 12

    @property
    def next_bytes(self) -> int:
        """Length of the place of the next directory."""
        return 8 if self.big or self.ndpi else 4

    def number(self, data: bytes) -> int:
        """Return an unsigned whole number."""
        return int.from_bytes(data, "little" if self.order == "<" else "big")

    def data(self, number: int, length: int) -> bytes:
        """Write an unsigned whole number."""
        return number.to_bytes(length, "little" if self.order == "<" else "big")


@dataclass(frozen=True)
class Entry:
    """One tag.

    Attributes:
        code: its number.
        kind: the TIFF type of its values.
        count: how many values.
        field: the value or its place, as it stands in the entry.
        high: high half of it, in NDPI.
        place: where the values lie; None when they stand in the entry.
        length: of the values in bytes.
    """

    code: int
    kind: int
    count: int
    field: bytes
    high: bytes
    place: int | None
    length: int


@dataclass(frozen=True)
class Directory:
    """One image of a TIFF.

    Attributes:
        place: where the directory lies.
        entries: its tags by code.
        following: where the next directory lies; 0 for none.
        inner: the directories of its SubIFDs.
    """

    place: int
    entries: dict[int, Entry]
    following: int
    inner: list["Directory"] = field(default_factory=list)


class TiffFileForm:
    """An open TIFF: its form, its directories, and its values.

    Attributes:
        path: of the file.
        file: open for reading.
        end: length of the file.
        form: how it writes numbers.
        directories: the chain, in order.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Walk the directories; ImageError where they are damaged."""
        self.path = path
        self.file = file
        self.end = file.seek(0, 2)
        head = self.bytes_at(0, 8)
        if head[:4] not in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
            raise ImageError(f"{path}: not a TIFF, wanted one (SVS and NDPI are TIFFs too)")
        order = "<" if head.startswith(b"II") else ">"
        self.form = Form(order, head[2:4] in {b"+\0", b"\0+"}, False)
        first = self._first_big() if self.form.big else self._settle_ndpi(head)
        self.directories: list[Directory] = []
        self._places: set[int] = set()  # of the directories that were read
        while first:
            directory = self._directory(first, with_inner=True)
            self.directories.append(directory)
            first = directory.following
        if not self.directories:
            raise self.damaged("no directory: its writing was not finished")

    def damaged(self, cause: str) -> ImageError:
        """Return the error of a damaged file."""
        return ImageError(f"{self.path}: cut short or damaged ({cause}); copy or export it again")

    def bytes_at(self, place: int, length: int) -> bytes:
        """Return a stretch of the file."""
        if place + length > self.end:
            raise self.damaged(f"it ends at byte {self.end}, wanted {place + length}")
        self.file.seek(place)
        return self.file.read(length)

    def value(self, entry: Entry) -> bytes:
        """Return the bytes of a tag's values."""
        if entry.place is None:
            return entry.field[: entry.length]
        return self.bytes_at(entry.place, entry.length)

    def text(self, entry: Entry | None) -> str:
        """Return a tag as text, "" without the tag."""
        if entry is None:
            return ""
        return self.value(entry).split(b"\0")[0].decode("utf-8", "replace")

    def numbers(self, entry: Entry | None) -> npt.NDArray[np.uint64]:
        """Return the whole numbers of a tag, (count,); none without the tag.

        Raises:
            ImageError: its values are of another type.
        """
        if entry is None:
            return np.empty(0, np.uint64)
        if entry.kind not in _WHOLE:
            raise self.damaged(f"tag {entry.code} has no whole numbers")
        kind = np.dtype(self.form.order + _WHOLE[entry.kind])
        values = np.frombuffer(self.value(entry), kind).astype(np.uint64)  # (count,)
        # In an NDPI a single number of 32 bits has 32 more, as a place beyond 4 GB.
        if entry.count == 1 and entry.kind == 4 and entry.high:
            values = values + np.uint64(self.form.number(entry.high) << 32)
        return values

    def number(self, directory: Directory, code: int, default: int) -> int:
        """Return the first whole number of a tag."""
        values = self.numbers(directory.entries.get(code))
        return int(values[0]) if values.size else default

    def _first_big(self) -> int:
        """Return where the first directory of a BigTIFF lies."""
        return self.form.number(self.bytes_at(8, 8))

    def _settle_ndpi(self, head: bytes) -> int:
        """Find out whether this is an NDPI by its first directory; return where that lies."""
        first = self.form.number(head[4:8])
        if self.form.order != "<" or self.end < 12:
            return first
        # In an NDPI the place has 8 bytes. Nothing says that a file is one but a tag in the
        # directory that lies there, if one lies there.
        far = self.form.number(head[4:8] + self.bytes_at(8, 4))
        if far + 2 > self.end:
            return first
        count = self.form.number(self.bytes_at(far, 2))
        if not 0 < count <= MOST_ENTRIES or far + 2 + count * 12 > self.end:
            return first
        table = self.bytes_at(far + 2, count * 12)
        codes = set()
        for at in range(0, len(table), 12):  # an entry begins with its code of two bytes
            codes.add(self.form.number(table[at : at + 2]))
        if NDPI_MARK not in codes:
            return first
        self.form = Form("<", False, True)
        return far

    def _directory(self, place: int, *, with_inner: bool) -> Directory:
        if place in self._places:
            raise self.damaged("its directories go round in a circle")
        self._places.add(place)
        if len(self._places) > MAX_DIRECTORIES:
            raise ImageError(f"{self.path}: a TIFF of more than {MAX_DIRECTORIES} images")
        form = self.form
        count = form.number(self.bytes_at(place, form.count_bytes))
        if not 0 < count <= MOST_ENTRIES:
            raise self.damaged(f"a directory of {count} entries")
        at = place + form.count_bytes
        table = self.bytes_at(at, count * form.entry_bytes)
        at += len(table)
        following = form.number(self.bytes_at(at, form.next_bytes))
        # NDPI: behind the place of the next directory, four bytes for each entry.
        high = self.bytes_at(at + form.next_bytes, 4 * count) if form.ndpi else b""
        entries: dict[int, Entry] = {}
        for number in range(count):
            piece = table[number * form.entry_bytes : (number + 1) * form.entry_bytes]
            entry = self._entry(piece, high[4 * number : 4 * number + 4])
            if entry.code in entries:
                raise self.damaged(f"tag {entry.code} stands twice in a directory")
            entries[entry.code] = entry
        directory = Directory(place, entries, following)
        if with_inner:
            for inner in self.numbers(entries.get(SUB_DIRECTORIES)).tolist():
                directory.inner.append(self._directory(inner, with_inner=False))
        elif SUB_DIRECTORIES in entries:
            raise ImageError(f"{self.path}: SubIFDs in SubIFDs, which no known slide has")
        return directory

    def _entry(self, piece: bytes, high: bytes) -> Entry:
        form = self.form
        code, kind = struct.unpack_from(f"{form.order}HH", piece)
        count = form.number(piece[4 : 4 + form.value_bytes])
        value = piece[4 + form.value_bytes :]
        if kind not in BYTES_OF_TYPE:
            raise self.damaged(f"tag {code} is of a type that TIFF does not have")
        length = count * BYTES_OF_TYPE[kind]
        place = None
        if length > form.value_bytes:
            place = form.number(value + high)
            if place + length > self.end:
                raise self.damaged(f"tag {code} lies behind its end")
        return Entry(code, kind, count, value, high, place, length)
