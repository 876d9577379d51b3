"""A small copy of an image inside its own file, as cameras keep one: who shows thousands of
images reads a few kB of each.

It is JPEG in the second directory of the EXIF, which file managers know.
"""

import io
import struct

from PIL import Image

SMALL_PX = 144
"""Longer side."""
_QUALITY = 80
# The TIFF header (II: little end first, 42, first directory at byte 8), then a directory of one
# entry: tag 0x0112 (orientation), type 3 (short), one value, 1 (upright); the next one is at 26.
_FIRST = b"Exif\0\0" + struct.pack("<2sHL H HHLL L", b"II", 42, 8, 1, 0x0112, 3, 1, 1, 26)
"""EXIF up to its second directory."""
# Number of entries, three entries (tag, type, count, value), and where the next directory is.
_SECOND = struct.Struct("<H HHLL HHLL HHLL L")
# Places in EXIF are counted from the TIFF header, behind "Exif\0\0".
_COPY_AT = 26 + _SECOND.size


def exif_of(picture: Image.Image) -> bytes:
    """Return EXIF that holds a small copy of an image, for Pillow's `save(exif=...)`."""
    share = min(1.0, SMALL_PX / max(picture.size))
    width = max(1, round(picture.width * share))
    height = max(1, round(picture.height * share))
    data = io.BytesIO()
    small = picture.resize((width, height), Image.Resampling.BOX)
    small.save(data, format="JPEG", quality=_QUALITY)
    copy = data.getvalue()
    return _FIRST + _second(len(copy)) + copy


def small_copy(picture: Image.Image) -> bytes:
    """Return the small copy that `exif_of` put into an image's file, as JPEG.

    Args:
        picture: just opened; it is not decoded.

    Returns:
        b"" where there is none. What is there may be damaged.
    """
    exif = picture.info.get("exif", b"")
    start = len(_FIRST) + _SECOND.size
    copy = exif[start:]
    # EXIF of others may say anything: only what is ours to the byte is taken.
    return bytes(copy) if exif[:start] == _FIRST + _second(len(copy)) else b""


def _second(length: int) -> bytes:
    """Return the second directory: compression (JPEG), place and length of the copy."""
    compression = 0x0103, 3, 1, 6  # tag, type (short), count, JPEG
    place = 0x0201, 4, 1, _COPY_AT  # type 4: long
    size = 0x0202, 4, 1, length
    return _SECOND.pack(3, *compression, *place, *size, 0)
