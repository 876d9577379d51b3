"""What a compressed tile says of itself: its size, because decoders take as much memory as that
asks for; a JPEG's colours."""

import re
from dataclasses import dataclass

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_JPEG_XL, _JPEG_XL_BOXES = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_MARKER = re.compile(rb"\xff+([^\xff\0])")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that begin a frame, SOF0 to SOF15; the three are tables of other kinds."""
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers that have no length behind them."""
_SCAN, _JFIF, _ADOBE = 0xDA, 0xE0, 0xEE
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height of a JPEG XL, by the number in its head."""


@dataclass(frozen=True)
class JpegHead:
    """What the markers of a JPEG say.

    Attributes:
        pixels: width times height.
        components: the number of each, as in (1, 2, 3).
        subsampled: whether the second and third component have fewer pixels than the first; nobody
            does that with green and blue.
        jfif: whether it says that it is JFIF, which is grey or YCbCr.
        adobe: the colours of Adobe's marker: 0 for RGB (or CMYK), 1 for YCbCr; None without the
            marker.
    """

    pixels: int
    components: tuple[int, ...] = ()
    subsampled: bool = False
    jfif: bool = False
    adobe: int | None = None

    @property
    def is_ycbcr(self) -> bool:
        """Whether it can be nothing else but YCbCr."""
        if len(self.components) != 3:
            return False
        # Adobe's marker goes over JFIF's, as decoders have it.
        return self.subsampled or self.adobe == 1 or (self.jfif and self.adobe is None)

    @property
    def is_rgb(self) -> bool:
        """Whether it says of itself that it is RGB."""
        if len(self.components) != 3 or self.subsampled:
            return False
        is_named_rgb = bytes(self.components) == b"RGB" and not self.jfif
        return self.adobe == 0 or (self.adobe is None and is_named_rgb)


def claimed_px(data: bytes) -> int:
    """Return the pixels of a JPEG, JPEG 2000, JPEG XL or WebP by its head; 0 for anything else."""
    if data.startswith(_JPEG):
        return read_jpeg_head(data).pixels
    if data.startswith((_JPEG_XL, _JPEG_XL_BOXES)):
        return _jpeg_xl_px(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_px(data)
    if data.startswith(_JPEG_2000):
        return _jpeg_2000_px(data, 0)
    # In a file of boxes the codestream comes later. Any bytes of a box may look like its start:
    # the largest claim counts.
    claims = [0]
    for start in re.finditer(re.escape(_JPEG_2000), data[:65536]):
        claims.append(_jpeg_2000_px(data, start.start()))
    return max(claims)


def _jpeg_2000_px(data: bytes, start: int) -> int:
    return _number(data, start + 8, 4) * _number(data, start + 12, 4)


def read_jpeg_head(data: bytes) -> JpegHead:
    """Read the markers before the first scan; what is not there stays as if nothing were said."""
    jfif = False
    adobe = None
    place = 2
    while found := _MARKER.search(data, place):
        marker = found[1][0]
        place = found.end()
        if marker == _SCAN:
            break
        if marker in _FRAMES:
            return _frame(data, place, jfif, adobe)
        if marker == _JFIF and data[place + 2 : place + 7] == b"JFIF\0":
            jfif = True
        if marker == _ADOBE and data[place + 2 : place + 7] == b"Adobe" and place + 14 <= len(data):
            adobe = data[place + 13]
        if marker not in _ALONE:
            place += _number(data, place, 2)
    return JpegHead(0)


def _frame(data: bytes, place: int, jfif: bool, adobe: int | None) -> JpegHead:
    """Read a frame's head: length, bits, height, width, and for each component its number, its
    sampling factors and its table."""
    pixels = _number(data, place + 3, 2) * _number(data, place + 5, 2)
    count = _number(data, place + 7, 1)
    table = data[place + 8 : place + 8 + 3 * count]
    # Four bits across and four down.
    factors = [(value >> 4) * (value & 15) for value in table[1::3]]
    subsampled = len(factors) == 3 and factors[0] > max(factors[1:])
    return JpegHead(pixels, tuple(table[::3]), subsampled, jfif, adobe)


def _webp_px(data: bytes) -> int:
    kind = data[12:16]
    if kind == b"VP8X":  # extended, as with transparency: sides less one, in 24 bits
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":  # without loss: sides less one, in 14 bits one behind the other
        packed = int.from_bytes(data[21:25], "little")
        width = (packed & 0x3FFF) + 1
        height = (packed >> 14 & 0x3FFF) + 1
    else:  # with loss: 14 bits of 16
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        height = int.from_bytes(data[28:30], "little") & 0x3FFF
    return width * height


def _jpeg_xl_px(data: bytes) -> int:
    """Read the packed numbers at the start of a JPEG XL; in a file of boxes, of the first that
    holds pixels."""
    start = _first_pixels(data) if data.startswith(_JPEG_XL_BOXES) else 0
    bits = int.from_bytes(data[start + 2 : start + 18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    is_small = take(1)

    def side() -> int:
        if is_small:
            return 8 * (take(5) + 1)
        length = (9, 13, 18, 30)[take(2)]
        return take(length) + 1

    height = side()
    ratio = take(3)
    if not ratio:
        return side() * height
    across, down = _RATIOS[ratio]
    return height * across // down * height


def _first_pixels(data: bytes) -> int:
    """Return where the first box of pixels of a JPEG XL has them."""
    place = 0
    while place + 8 <= len(data):
        length = _number(data, place, 4)
        kind = data[place + 4 : place + 8]
        head = 8
        if length == 1:  # the length follows in 8 bytes
            length = _number(data, place + 8, 8)
            head = 16
        if kind == b"jxlc":
            return place + head
        if kind == b"jxlp":  # a part of several: its number comes first
            return place + head + 4
        # Without a length it goes to the end. At least a head further, so that it ends.
        place += max(length, head) if length else len(data)
    return len(data)


def _number(data: bytes, place: int, length: int) -> int:
    return int.from_bytes(data[place : place + length], "big")
