"""The headers of a DICOM slide's files, held against their first frame: colours that the header
misnames are known and turned right.

OpenSlide believes the header. Files are met whose header says RGB and whose frames are JPEG in
YCbCr: green and blue are never stored with fewer pixels than red, so a frame that does so is
YCbCr whatever is said of it. What OpenSlide gives of it then are Y, Cb and Cr, from which RGB
follows as the JPEG decoder would have made it. The opposite, RGB that OpenSlide takes for YCbCr,
has lost colours and is refused.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from breastseg.errors import ImageError
from breastseg.images.claims import read_jpeg_head

Header: TypeAlias = Mapping[int, bytes]
"""Value by tag, group in the upper 16 bits."""

_SYNTAX, _FLAVOUR, _SERIES, _CONCATENATION, _MEMBER, _MEMBERS = (
    0x00020010,
    0x00080008,
    0x0020000E,
    0x00209161,
    0x00209162,
    0x00209163,
)
_PHOTOMETRIC, _COLUMNS, _ROWS, _PATHS, _PLANES = (
    0x00280004,
    0x00480006,
    0x00480007,
    0x00480302,
    0x00480303,
)
_PER_FRAME, _PIXELS = 0x52009230, 0x7FE00010
_WANTED = {
    _SYNTAX,
    _FLAVOUR,
    _SERIES,
    _CONCATENATION,
    _MEMBER,
    _MEMBERS,
    _PHOTOMETRIC,
    _COLUMNS,
    _ROWS,
    _PATHS,
    _PLANES,
}
_START, _UNDEFINED, _DEEPEST = 132, 0xFFFFFFFF, 16
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
"""Kinds of value whose length has 4 bytes."""
_PACKED_PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
_HEAD_BYTES = 2**16
_JPEG, _JPEG_2000, _NATIVE = (
    "1.2.840.10008.1.2.4.50",
    {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"},
    "1.2.840.10008.1.2.1",
)
_OTHER = {
    "1.2.840.10008.1.2": "implicit VR",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.2": "big-endian",
    "1.2.840.10008.1.2.4.51": "12-bit JPEG",
    "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.110": "JPEG XL",
    "1.2.840.10008.1.2.4.111": "JPEG XL",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.4.201": "HTJ2K",
    "1.2.840.10008.1.2.4.202": "HTJ2K",
    "1.2.840.10008.1.2.4.203": "HTJ2K",
    "1.2.840.10008.1.2.5": "RLE",
}
_OTHERWISE = {"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
"""Syntaxes in which the header itself is written another way: big-endian, and deflated."""


@dataclass(frozen=True)
class _File:
    """A file of a slide: what its header says, and the start of its first frame."""

    path: Path
    header: Header
    frame: bytes

    def text(self, tag: int) -> str:
        return self.header.get(tag, b"").rstrip(b"\0 ").decode("ascii", "replace")

    def number(self, tag: int) -> int:
        return int.from_bytes(self.header.get(tag, b"")[:4], "little")


def misnamed_levels(file: Path) -> frozenset[tuple[int, int]]:
    """Look at a DICOM file and at those of its series beside it.

    Returns:
        (width, height) of the levels whose frames are YCbCr and whose header says RGB.

    Raises:
        ImageError: a file that is cut short or damaged, a form of pixels that is not read, a slide
            of several planes of focus or illuminations, parts that are not there, or colours that
            contradict the header and cannot be turned right.
    """
    first = _read(file)
    series = first.text(_SERIES)
    files = [first]
    for other in _beside(file):
        one = _read(other)
        if one.text(_SERIES) == series:
            files.append(one)
    # Label and overview have colours of their own, and nobody reads them.
    volumes = [one for one in files if "VOLUME" in one.text(_FLAVOUR).split("\\")]
    _check_parts(file, volumes)
    misnamed = [one for one in volumes if _is_misnamed(one)]
    return frozenset((one.number(_COLUMNS), one.number(_ROWS)) for one in misnamed)


def _beside(file: Path) -> Iterator[Path]:
    """Yield the other DICOM files of a folder, in order."""
    for other in sorted(file.parent.iterdir()):
        if other != file and other.is_file():
            with other.open("rb") as opened:
                if opened.read(_START)[128:] == b"DICM":
                    yield other


def _check_parts(file: Path, volumes: list[_File]) -> None:
    for one in volumes:
        for tag, kind in ((_PLANES, "planes of focus"), (_PATHS, "illuminations")):
            if one.number(tag) > 1:
                raise ImageError(
                    f"{one.path}: {one.number(tag)} {kind}, wanted one; export one alone"
                )
    # A level may be split over files, a concatenation: each says its number and how many there are.
    parts_of: dict[str, list[_File]] = {}
    for one in volumes:
        name = one.text(_CONCATENATION)
        if name:
            parts_of.setdefault(name, []).append(one)
    for parts in parts_of.values():
        last = parts[-1]
        count = last.number(_MEMBERS)
        numbers = {part.number(_MEMBER) for part in parts}
        if numbers != set(range(1, count + 1)):
            raise ImageError(
                f"{last.path}: part of a level of {count or 'unknown number of'}"
                f" files, {len(numbers)} of which are here; copy all of them"
            )


def _is_misnamed(one: _File) -> bool:
    """Return whether frames are YCbCr and the header says RGB; ImageError where the two part in
    another way."""
    said, syntax = one.text(_PHOTOMETRIC), one.text(_SYNTAX)
    if syntax not in {_JPEG, _NATIVE, *_JPEG_2000}:
        named = _OTHER.get(syntax, f"the transfer syntax {syntax or '(none)'}")
        raise ImageError(
            f"{one.path}: pixels in {named}, wanted JPEG, JPEG 2000 or uncompressed; convert it"
        )
    if syntax == _JPEG:
        head = read_jpeg_head(one.frame)
        if said.startswith("YBR") and head.is_rgb:
            raise ImageError(
                f"{one.path}: frames in RGB, which the header calls {said}; correct its"
                " PhotometricInterpretation to RGB"
            )
        return said == "RGB" and head.is_ycbcr
    if syntax in _JPEG_2000:
        _check_jpeg_2000(one, said)
    return False


def _check_jpeg_2000(one: _File, said: str) -> None:
    """Hold the header against the codestream: green and blue are never halved, and the transforms
    ICT and RCT are said in it."""
    size = one.frame.find(b"\xff\x4f\xff\x51")  # the markers SOC and SIZ
    coding = one.frame.find(b"\xff\x52")  # the marker COD
    count = int.from_bytes(one.frame[size + 40 : size + 42], "big")
    table = one.frame[size + 42 : size + 42 + 3 * count]  # a component: depth, step x, step y
    steps = [*table[1::3], *table[2::3]]
    is_halved = any(step > 1 for step in steps)
    is_transformed = coding > 0 and one.frame[coding + 8 : coding + 9] == b"\x01"
    if (said == "RGB" and is_halved) or (said in {"YBR_ICT", "YBR_RCT"} and not is_transformed):
        raise ImageError(
            f"{one.path}: frames whose JPEG 2000 is not {said}, as the header says; convert it"
            " to RGB"
        )


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parsed(path, data)
    except (IndexError, struct.error, ValueError):
        raise ImageError(
            f"{path}: cut short or damaged (its DICOM header); copy or export it again"
        ) from None
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None


def _parsed(path: Path, data: mmap.mmap) -> _File:
    header: dict[int, bytes] = {}
    place, syntax = _START, _NATIVE
    while place + 8 <= len(data):
        # The group 2 at the start, which says the syntax, is always explicit.
        is_meta = data[place : place + 2] == b"\x02\x00"
        implicit = place > _START and syntax == "1.2.840.10008.1.2" and not is_meta
        tag, start, length = _element(data, place, implicit)
        if tag == _PIXELS:
            return _File(path, header, _first_frame(data, start, length))
        if length == _UNDEFINED:
            if tag == _PER_FRAME:
                # The places of frames may be millions of elements; the pixels behind them have a
                # beginning that is found at once.
                place = data.find(_PACKED_PIXELS, start)
            else:
                place = _behind(data, start, implicit, 0)
            if place < 0:
                break
            continue
        if start + length > len(data):
            break
        if tag in _WANTED:
            header[tag] = data[start : start + length]
        if tag == _SYNTAX:
            syntax = header[tag].rstrip(b"\0 ").decode("ascii", "replace")
            if syntax in _OTHERWISE:
                # Taken for a level, so that it is refused by the name of its syntax.
                return _File(path, {**header, _FLAVOUR: b"VOLUME"}, b"")
        place = start + length
    if _PHOTOMETRIC in header:
        raise ImageError(
            f"{path}: cut short or damaged (it ends before its pixels); copy or export it again"
        )
    return _File(path, header, b"")  # no image


def _element(data: mmap.mmap, place: int, implicit: bool) -> tuple[int, int, int]:
    """Return tag, where its value starts, and its length."""
    group, element = struct.unpack_from("<HH", data, place)
    tag = group << 16 | element
    kind = data[place + 4 : place + 6]
    if implicit or group == 0xFFFE:  # items and delimiters have no kind
        return tag, place + 8, struct.unpack_from("<I", data, place + 4)[0]
    if kind in _LONG:
        return tag, place + 12, struct.unpack_from("<I", data, place + 8)[0]
    return tag, place + 8, struct.unpack_from("<H", data, place + 6)[0]


def _behind(data: mmap.mmap, place: int, implicit: bool, depth: int) -> int:
    """Return the place behind a sequence or item without a length."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    while True:
        tag, start, length = _element(data, place, implicit)
        if tag in {_SEQUENCE_END, _ITEM_END}:
            return start
        if length == _UNDEFINED:
            place = _behind(data, start, implicit, depth + 1)
        else:
            place = start + length


def _first_frame(data: mmap.mmap, start: int, length: int) -> bytes:
    """Return the beginning of the first frame; of packed ones the first item is a table of
    places."""
    if length != _UNDEFINED:
        return data[start : start + _HEAD_BYTES]
    _, table, table_length = _element(data, start, implicit=True)
    _, frame, frame_length = _element(data, table + table_length, implicit=True)
    return data[frame : frame + min(frame_length, _HEAD_BYTES)]
