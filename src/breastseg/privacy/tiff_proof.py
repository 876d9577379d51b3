"""The proof that a copy has the pixels of its slide, read by tifffile and not by what wrote it."""

import hashlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from tifffile import TiffFile, TiffPage

from breastseg.errors import ImageError
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE
from breastseg.privacy.findings import Level, hash_of

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it may say values of tags

_TILES, _STRIPS = (324, 325), (273, 279)
_HEAD_BYTES = 65536
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_PROGRAMS = re.compile(
    rb"(?:\x00\x01)?(?:Hamamatsu NanoZoomer|Kakadu-v|Kdu-Layer-Info|CREATOR: gd-jpeg"
    rb"|LEAD Technologies|Lavc|Created by OpenJPEG|Intel\(R\)|Aperio)"
)
"""How comments begin that coders write of themselves."""
_PLAIN_PARTS = {0xE0, 0xE2, 0xEE}
"""JFIF, colour profile, Adobe's note on colours."""


def prove_tiff(path: Path, places: list[int]) -> list[Level]:
    """Return the hashes of the tiles of some images of a TIFF, in the order in which it has them.

    Args:
        path: the file.
        places: where the directories of the images lie; others are not looked at.

    Raises:
        ImageError: damaged, or a tile carries text or an image of its own in its head.
    """
    try:
        with open_tiff(path) as tiff:
            pages = [page for page in _pages(tiff) if page.offset in places]
            levels = []
            for number, page in enumerate(pages):
                levels.append(_level(path, page, number))
            return levels
    except ImageError:
        raise
    except DAMAGE as cause:
        if isinstance(cause, OSError) and cause.errno is not None:
            raise
        raise ImageError(
            f"{path}: cut short or damaged ({type(cause).__name__}); copy or export it again"
        ) from None


def directories_of(path: Path) -> list[int]:
    """Return the places of all directories that tifffile finds, SubIFDs too."""
    try:
        with open_tiff(path) as tiff:
            return [page.offset for page in _pages(tiff)]
    except ImageError:
        raise
    except DAMAGE as cause:
        if isinstance(cause, OSError) and cause.errno is not None:
            raise
        raise ImageError(f"{path}: cut short or damaged ({type(cause).__name__})") from None


def _pages(tiff: TiffFile) -> Iterator[TiffPage]:
    for number in range(len(tiff.pages)):
        page = tiff.pages[number]
        if not isinstance(page, TiffPage):
            raise ImageError(f"{tiff.filehandle.path}: a directory that is no image")
        yield page
        inner = page.pages
        if inner is None or not page.subifds:
            continue
        for place in range(len(inner)):
            sub = inner[place]
            if isinstance(sub, TiffPage):
                yield sub


def _level(path: Path, page: TiffPage, number: int) -> Level:
    codes = _TILES if _TILES[0] in page.tags else _STRIPS
    starts = _numbers(page, codes[0])
    lengths = _numbers(page, codes[1])
    digest = hashlib.sha256()
    # Tables that all tiles of a JPEG share are pixels too: with others they look otherwise.
    tables = page.tags.get(347)
    if tables is not None:
        check_head(bytes(tables.value), path)
        digest.update(hashlib.sha256(bytes(tables.value)).digest())
    with path.open("rb") as file:
        for start, length in zip(starts, lengths, strict=True):
            file.seek(start)
            check_head(file.read(min(length, _HEAD_BYTES)), path)
            digest.update(hash_of(file, start, length))
    return Level(
        f"image {number}",
        page.imagewidth,
        page.imagelength,
        tiles=len(starts),
        bytes=sum(lengths),
        sha256=digest.hexdigest(),
    )


def _numbers(page: TiffPage, code: int) -> list[int]:
    value = page.tags[code].value
    return [value] if isinstance(value, int) else list(map(int, value))


def check_head(data: bytes, path: Path) -> None:
    """Look through the head of a tile for what is no pixel.

    Raises:
        ImageError: a comment that no coder writes of itself, Exif, XMP or the like. It cannot go
            without changing the tile.
    """
    if not data.startswith((_JPEG, _JPEG_2000)):
        return
    is_jpeg = data.startswith(_JPEG)
    # Markers at which pixels begin, and of comments: SOS and COM, in JPEG 2000 SOT and CME.
    last, comment = (0xDA, 0xFE) if is_jpeg else (0x90, 0x64)
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != last:
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        inside = data[at + 4 : at + 2 + length]
        is_application = is_jpeg and 0xE0 <= marker <= 0xEF and marker not in _PLAIN_PARTS
        is_text = marker == comment and not _PROGRAMS.match(inside)
        if is_application or is_text:
            raise ImageError(
                f"{path}: a tile carries text or Exif beside its pixels, which cannot go without"
                " changing the tile; export the slide again"
            )
        at += 2 + length
