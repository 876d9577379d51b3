"""PNG and JPEG through Pillow, in bands of rows where the file lets it."""

import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from breastseg.errors import ImageError
from breastseg.images.pyramid import DAMAGE
from breastseg.images.readers.flat_file import (
    FIRST_BYTES,
    MAX_PIXELS,
    check_area,
    first_bytes,
    joined,
    too_large,
)
from breastseg.images.readers.large_jpeg import decode_large
from breastseg.images.readers.orientation import UPRIGHT, turned
from breastseg.images.readers.png_bands import PngRows, find_rows
from breastseg.images.slide import Pixels

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_ORIENTATION = 0x0112
_BAND_ROWS = 512
_PIECE_BYTES = 2**20
_OPENING = threading.Lock()
"""catch_warnings() changes the filters of all threads: two at once leave them wrong."""

# Set once, before any thread opens an image; Pillow refuses what has twice as many.
if Image.MAX_IMAGE_PIXELS is not None:
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MAX_PIXELS)


def upright_bands(path: Path, turn: int) -> Iterator[Pixels]:
    """Yield a PNG or JPEG, upright, in bands of rows; what Pillow must decode, and what is turned,
    is held whole meanwhile."""
    with opened(path) as image:
        rows = _png_rows(image, path)
        if rows is not None:
            _check_turn(rows.hollow, turn, path)
            stored = _bands_of_png(rows, path)
            if turn == UPRIGHT:
                yield from stored
            else:
                yield turned(joined(stored, rows.size_px), turn)
        elif (pixels := decode_large(image, path)) is not None:
            _check_turn(image, turn, path)
            yield turned(pixels, turn)
        else:
            load(image, path)
            _check_turn(image, turn, path)
            ImageOps.exif_transpose(image, in_place=True)
            yield from _bands_of(image)


def _check_turn(image: Image.Image, turn: int, path: Path) -> None:
    if orientation_of(image) != turn:
        raise ImageError(
            f"{path}: turned by a tag behind its pixels, or changed since it was opened; save it"
            " upright without the tag"
        )


def _png_rows(image: Image.Image, path: Path) -> PngRows | None:
    with _damage_told(path), _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return find_rows(image, path) if image.format == "PNG" else None


def _bands_of_png(rows: PngRows, path: Path) -> Iterator[Pixels]:
    hollow, (width, _) = rows.hollow, rows.size_px
    is_plain = hollow.mode == "RGB" and "transparency" not in hollow.info
    with _damage_told(path):
        for stored in rows.bands():
            if is_plain:
                yield stored.reshape(len(stored), width, 3)  # (h, W * 3) -> (h, W, 3)
            else:
                # A crop has the image's palette and its transparency.
                band = hollow.crop((0, 0, width, len(stored)))
                band.frombytes(stored.tobytes(), "raw", rows.raw_mode)
                yield np.array(_on_white(band))


def _bands_of(image: Image.Image) -> Iterator[Pixels]:
    """Yield a decoded image in bands: of the whole Pillow would make two copies on the way, half
    a gigabyte each for the largest."""
    for top in range(0, image.height, _BAND_ROWS):
        bottom = min(image.height, top + _BAND_ROWS)
        yield np.array(_on_white(image.crop((0, top, image.width, bottom))))


def _on_white(image: Image.Image) -> Image.Image:
    """Return an image in RGB, what is transparent over white."""
    if "A" in image.getbands() or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    if image.mode != "RGB":  # Pillow copies what is RGB already
        image = image.convert("RGB")
    return image


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a PNG or JPEG of acceptable size. Only the errors of opening are told here, never those
    of the caller's body.

    Raises:
        ImageError: not there, something else, cut short in its header, or too large.
    """
    head = first_bytes(path)
    try:
        with _OPENING, warnings.catch_warnings():
            # Our own limit follows.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # A damaged tag table says nothing of the pixels.
            warnings.simplefilter("ignore", UserWarning)
            image = Image.open(path, formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        raise ImageError(too_large(path, "more than twice Pillow's limit")) from None
    except DAMAGE as cause:
        if head.startswith((_PNG, _JPEG)):
            raise ImageError(
                f"{path}: cut short or damaged in its header ({_line(cause)}); copy or export it"
                " again"
            ) from None
        raise ImageError(
            f"{path}: not an image that Pillow reads (it begins with {head!r}); wanted PNG, JPEG"
            " or TIFF"
        ) from None
    with image:
        check_area(path, image.size)
        yield image


def load(image: Image.Image, path: Path) -> None:
    """Decode an opened image; ImageError where it is cut short or damaged."""
    if image.format == "PNG":
        _check_chunks(path)
    with _damage_told(path):
        image.load()


def _check_chunks(path: Path) -> None:
    """Refuse a PNG with a chunk that is longer than what is left of the file: Pillow would ask for
    so much memory, up to 4 GB, before it reads."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(len(_PNG))
        for name, end in _chunks(file):
            if end > size:
                said = name.decode("ascii", "backslashreplace")
                raise ImageError(
                    f"{path}: cut short or damaged (chunk {said} ends at byte {end:,} of {size:,});"
                    " copy or export it again"
                )


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each chunk of a PNG from the place that the file is at, and where its
    data end; the last is IEND where nothing is missing."""
    name = b""
    while name != b"IEND" and len(head := file.read(8)) == 8:
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        yield name, file.tell() + length
        file.seek(length + 4, 1)  # its checksum has 4 bytes


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (*DAMAGE, zlib.error) as cause:
        raise ImageError(
            f"{path}: cut short or damaged ({_line(cause)}); copy or export it again"
        ) from None


def _line(cause: Exception) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__


def check_colours(image: Image.Image, path: Path) -> None:
    """Refuse inks, and more than 8 bits a channel: Pillow would give the upper bytes, almost black
    for a 12-bit camera."""
    steps = getattr(image, "tile", ())  # how Pillow will decode it: the last item is the raw mode
    has_16_bits = any(";16" in str(step[3]) for step in steps)
    if has_16_bits or image.mode.startswith(("I", "F")):
        raise ImageError(
            f"{path}: 16-bit pixels, wanted one image in RGB or grey with 8 bits a channel;"
            " convert it"
        )
    if image.mode == "CMYK":  # inks, whose colours only a profile knows
        raise ImageError(
            f"{path}: CMYK colours, wanted one image in RGB or grey with 8 bits a channel;"
            " convert it"
        )


def orientation_of(image: Image.Image) -> int:
    """Return what the orientation tag of an opened image says, 1 to 8; of one that was loaded,
    also of tags behind its pixels."""
    # The base class's method, because that of PNG decodes the whole image to look for a tag
    # behind the pixels.
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            said = Image.Image.getexif(image).get(_ORIENTATION, UPRIGHT)
        except DAMAGE:  # what cannot be understood turns nothing, for exif_transpose() neither
            return UPRIGHT
    return said if isinstance(said, int) and UPRIGHT < said <= 8 else UPRIGHT


def is_cut_short(path: Path) -> bool:
    """Return whether the end of a PNG or JPEG is missing; nothing is decoded."""
    with path.open("rb") as file:
        if file.read(FIRST_BYTES) != _PNG:
            return not _come_in_turn(file, [b"\xff\xda", b"\xff\xd9"])
        return all(name != b"IEND" for name, _ in _chunks(file))


def _come_in_turn(file: BinaryIO, marks: list[bytes]) -> bool:
    """Return whether marks of two bytes come in a file one behind the other, whatever its
    length."""
    last = b""  # a mark may begin in one piece and end in the next
    while piece := file.read(_PIECE_BYTES):
        data = last + piece
        at = 0
        while marks and (at := data.find(marks[0], at)) >= 0:
            marks = marks[1:]
        if not marks:
            return True
        last = data[-1:]
    return False
