"""How many pixels a compressed tile says it has: decoders take as much memory as that asks for, whatever the file around it says."""

import re

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_MARKER = re.compile(rb"\xff+([^\xff\0])")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN = 0xDA


def claimed_px(data: bytes) -> int:
    """Return the pixels of a JPEG or of a JPEG 2000 by its head; 0 for anything else."""
    if data.startswith(_JPEG):
        return _jpeg_px(data)
    starts = [0] if data.startswith(_JPEG_2000) else [found.start() for found in re.finditer(re.escape(_JPEG_2000), data[:65536])]
    return max((_number(data, start + 8, 4) * _number(data, start + 12, 4) for start in starts), default=0)


def _jpeg_px(data: bytes) -> int:
    place = 2
    while found := _MARKER.search(data, place):
        marker, place = found[1][0], found.end()
        if marker == _SCAN:
            break
        if marker in _FRAMES:
            return _number(data, place + 3, 2) * _number(data, place + 5, 2)
        if marker not in _ALONE:
            place += _number(data, place, 2)
    return 0


def _number(data: bytes, place: int, length: int) -> int:
    return int.from_bytes(data[place : place + length], "big")
