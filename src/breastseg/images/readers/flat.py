"""Flat pictures: PNG and JPEG, and TIFF small enough to be held; decoded in bands of rows or whole,
turned upright by their tag.

A picture with an orientation tag is turned wherever it is looked at, as on a telephone. Nobody can
see whether a mask, or areas that were drawn elsewhere, lie on the picture as it is stored (QuPath
and scikit-image show it so) or as it is turned (OpenCV, browsers and the view
of `breastseg serve` do): where the two would be put together, the picture is refused by
`check_upright`, whatever the tag.
"""

import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from breastseg.errors import ImageError, MppError
from breastseg.geometry import Box
from breastseg.images.pyramid import DAMAGE, MAX_ASKED_PX, Pyramid
from breastseg.images.readers.large_jpeg import decode_large
from breastseg.images.readers.png_bands import PngRows, find_rows
from breastseg.images.resolution import Clue, find_mpp
from breastseg.images.slide import Pixels, Slide

MAX_PIXELS = MAX_ASKED_PX
"""A flat image is decoded whole."""
UPRIGHT = 1
"""The orientation that turns nothing."""
WANTED_CODES = (
    "wanted 8-bit grey or palette with one label code a pixel; export the codes, not their picture"
)

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 0x0112
_CHUNK_HEAD = 8
_BAND_ROWS = 512
_PIECE_BYTES = 2**20
_OPENING = threading.Lock()
"""catch_warnings() changes the filters of all threads: two at once leave them wrong."""

if (
    Image.MAX_IMAGE_PIXELS is not None
):  # set once, before any thread opens a picture; Pillow refuses what has twice as many
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MAX_PIXELS)


@dataclass(frozen=True)
class Flat:
    """What the header of a flat picture says.

    Attributes:
        size_px: (width, height), upright.
        orientation: of the tag, 1 to 8.
        clues: where microns per pixel may be written.
        bands: gives all pixels, upright, in bands of rows from top to bottom: (h, W, 3) uint8 each,
            the caller's own.
        is_cut: looks whether the file ends before its pixels do.
        notes: what a person should know of how the file is read.
    """

    size_px: tuple[int, int]
    orientation: int
    clues: list[Clue]
    bands: Callable[[], Iterator[Pixels]]
    is_cut: Callable[[], bool]
    notes: tuple[str, ...] = ()


class FlatSlide(Pyramid):
    """A flat image as a Slide of one level. From `hold()` or the first box on its pixels are held,
    until `close()`.

    Attributes:
        orientation: of the file's tag; the pixels that are read were turned by it. 1 turns nothing.
    """

    in_blocks = False

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the header and find the microns per pixel.

        Args:
            path: a PNG, JPEG or TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: no picture, one cut short, or one too large to decode whole.
            MppError: no mpp was given and the file has none; the message lists what was looked at.
        """
        flat = _look(path)
        try:
            super().__init__(path, [flat.size_px], find_mpp(path, mpp, flat.clues))
        except MppError:
            if flat.is_cut():
                raise ImageError(
                    f"{path}: cut short or damaged (it ends before its pixels do); copy or export"
                    " it again"
                ) from None
            raise
        self.orientation, self.notes, self._bands = flat.orientation, flat.notes, flat.bands
        if self.orientation != UPRIGHT:
            self.notes += (
                (
                    f"turned upright by its orientation tag ({self.orientation}); QuPath and others"
                    " show it as it is stored"
                ),
            )
        self._lock = threading.Lock()
        self._held: Pixels | None = None

    def hold(self) -> None:
        """Decode the picture now and keep it: it will be read more than once."""
        with self._lock:
            if self._held is None:
                self._held = self._decoded()

    def _stored(self, level: int, box: Box) -> Pixels:
        if box != Box(
            0, 0, *self.size_px
        ):  # boxes come in numbers; a picture that is read once as a whole is not kept
            self.hold()
        with self._lock:
            whole = self._decoded() if self._held is None else self._held
        return np.ascontiguousarray(whole[box.y : box.y + box.height, box.x : box.x + box.width])

    def bands(self) -> Iterator[Pixels]:
        """Yield the whole picture in bands of rows from top to bottom: (h, W, 3) uint8 each.

        Most PNGs take a few MB so, whatever their size; other pictures are decoded whole first.

        Raises:
            ImageError: the file is broken; what was yielded before is worth nothing then.
        """
        width, height = self.size_px
        rows = 0
        for band in self._bands():
            rows += band.shape[0]
            if band.shape[1] != width or rows > height:
                raise self._changed()
            yield band
        if rows < height:
            raise self._changed()

    def _decoded(self) -> Pixels:
        return _whole(self.bands(), self.size_px)

    def _changed(self) -> ImageError:
        return ImageError(
            f"{self.path}: changed since it was opened; leave it alone while it is read"
        )

    def close(self) -> None:
        """Let go of the pixels."""
        with self._lock:
            self._held = None


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as `read` will give them, from the header alone."""
    return _look(path).size_px


def check_upright(slide: Slide, annotation: str) -> None:
    """Refuse a picture that a tag turns, because nobody can see whether its annotation lies on it
    as stored or as turned.

    Args:
        slide: an open picture.
        annotation: the mask or the file of areas that is to be laid on it, for the error.

    Raises:
        ImageError: it has an orientation tag that turns or mirrors it.
    """
    if isinstance(slide, FlatSlide) and slide.orientation != UPRIGHT:
        raise ImageError(
            f"{slide.path}: an orientation tag ({slide.orientation}) turns it, and whether"
            f" {annotation} is turned too cannot be seen; save the picture upright without the tag,"
            " and its annotation in the same way"
        )


def check_area(path: Path, size_px: tuple[int, int]) -> None:
    """Refuse a picture too large to decode whole."""
    if size_px[0] * size_px[1] > MAX_PIXELS:
        raise ImageError(_too_large(path, f"{size_px[0]} x {size_px[1]} px"))


def upright_size(size_px: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the (width, height) that a picture of some size has when it was turned."""
    return (size_px[1], size_px[0]) if orientation >= 5 else size_px


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return a picture upright, by its orientation tag: what the first stored row and column are, 1
    to 8."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as TIFF does."""
    return _head(path).startswith(_TIFF)


def _look(path: Path) -> Flat:
    if is_tiff(path):
        from breastseg.images.readers.tiff import (
            look_flat,
        )  # flat pictures of other kinds wait for no tifffile

        return look_flat(path)
    with opened(path) as image:
        _check_colours(image, path)
        turn = orientation(image)
        size = upright_size(image.size, turn)
        clues = [Clue("TIFF resolution tags", found="not a TIFF")]
        return Flat(size, turn, clues, lambda: _bands(path, turn), lambda: _is_cut(path))


def _bands(path: Path, turn: int) -> Iterator[Pixels]:
    """Yield a PNG or JPEG, upright, in bands of rows; what Pillow must decode, and what is turned,
    is held whole meanwhile."""
    with opened(path) as image:
        rows = _png_rows(image, path)
        if rows is not None:
            _check_turn(rows.hollow, turn, path)
            stored = _bands_of_png(rows, path)
            yield from stored if turn == UPRIGHT else (turned(_whole(stored, rows.size_px), turn),)
        elif (pixels := decode_large(image, path)) is not None:
            _check_turn(image, turn, path)
            yield turned(pixels, turn)
        else:
            load(image, path)
            _check_turn(image, turn, path)
            ImageOps.exif_transpose(image, in_place=True)
            yield from _bands_of(image)


def _whole(bands: Iterator[Pixels], size_px: tuple[int, int]) -> Pixels:
    """Put all bands of a picture together; one that is all of it is taken as it is."""
    width, height = size_px
    whole, top = None, 0
    for band in bands:
        if len(band) == height:
            whole = band
            continue
        if whole is None:
            whole = np.empty((height, width, 3), np.uint8)
        whole[top : top + len(band)] = band
        top += len(band)
    assert whole is not None
    return whole


def _check_turn(image: Image.Image, turn: int, path: Path) -> None:
    if orientation(image) != turn:
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
                yield stored.reshape(len(stored), width, 3)
            else:
                band = hollow.crop(
                    (0, 0, width, len(stored))
                )  # has its palette and its transparency
                band.frombytes(stored.tobytes(), "raw", rows.raw_mode)
                yield np.array(_on_white(band))


def _bands_of(image: Image.Image) -> Iterator[Pixels]:
    """Yield a decoded picture in bands: of the whole Pillow would make two copies on the way, half
    a gigabyte each for the largest."""
    for top in range(0, image.height, _BAND_ROWS):
        yield np.array(
            _on_white(image.crop((0, top, image.width, min(image.height, top + _BAND_ROWS))))
        )


def _on_white(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, what is transparent over white."""
    if "A" in image.getbands() or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a PNG or JPEG of acceptable size. Only the errors of opening are told here, never those
    of the caller's body.

    Raises:
        ImageError: not there, something else, cut short in its header, or too large.
    """
    head = _head(path)
    try:
        with _OPENING, warnings.catch_warnings():
            # our own limit follows
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter(
                "ignore", UserWarning
            )  # a damaged tag table says nothing of the pixels
            image = Image.open(path, formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        raise ImageError(_too_large(path, "more than twice Pillow's limit")) from None
    except DAMAGE as cause:
        if head.startswith((_PNG, _JPEG)):
            raise ImageError(
                f"{path}: cut short or damaged in its header ({_line(cause)}); copy or export it"
                " again"
            ) from None
        raise ImageError(
            f"{path}: not a picture that Pillow reads (it begins with {head!r}); wanted PNG, JPEG"
            " or TIFF"
        ) from None
    with image:
        check_area(path, image.size)
        yield image


def load(image: Image.Image, path: Path) -> None:
    """Decode an opened picture; ImageError where it is cut short or damaged."""
    with _damage_told(path):
        image.load()


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


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_CHUNK_HEAD)
    except FileNotFoundError:
        raise ImageError(f"{path}: not found") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, wanted a picture") from None
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None


def _too_large(path: Path, size: str) -> str:
    return (
        f"{path}: {size}, a flat image is decoded whole up to {MAX_PIXELS // 1_000_000} Mpx; cut it"
        " into smaller fields"
    )


def _check_colours(image: Image.Image, path: Path) -> None:
    """Refuse inks, and more than 8 bits a channel: Pillow would give the upper bytes, almost black
    for a 12-bit camera."""
    raw = next((str(step[3]) for step in getattr(image, "tile", ()) if ";16" in str(step[3])), "")
    if raw or image.mode.startswith(("I", "F")):
        raise ImageError(
            f"{path}: 16-bit pixels, wanted one picture in RGB or grey with 8 bits a channel;"
            " convert it"
        )
    if image.mode == "CMYK":  # inks, whose colours only a profile knows
        raise ImageError(
            f"{path}: CMYK colours, wanted one picture in RGB or grey with 8 bits a channel;"
            " convert it"
        )


def orientation(image: Image.Image) -> int:
    """Return what the orientation tag of an opened picture says, 1 to 8; of one that was loaded,
    also of tags behind its pixels."""
    # The base class's method, because that of PNG decodes the whole picture to look for a tag
    # behind the pixels.
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            said = Image.Image.getexif(image).get(_ORIENTATION, UPRIGHT)
        except DAMAGE:  # what cannot be understood turns nothing, for exif_transpose() neither
            return UPRIGHT
    return said if isinstance(said, int) and UPRIGHT < said <= 8 else UPRIGHT


def _is_cut(path: Path) -> bool:
    """Return whether the end of a PNG or JPEG is missing; nothing is decoded."""
    with path.open("rb") as file:
        if file.read(_CHUNK_HEAD) != _PNG:
            return not _come_in_turn(file, [b"\xff\xda", b"\xff\xd9"])
        while len(chunk := file.read(_CHUNK_HEAD)) == _CHUNK_HEAD:
            if chunk[4:] == b"IEND":
                return False
            file.seek(int.from_bytes(chunk[:4], "big") + 4, 1)
    return True


def _come_in_turn(file: BinaryIO, marks: list[bytes]) -> bool:
    """Return whether marks of two bytes come in a file one behind the other, whatever its
    length."""
    last = b""
    while piece := file.read(_PIECE_BYTES):
        data, at = last + piece, 0
        while marks and (at := data.find(marks[0], at)) >= 0:
            marks = marks[1:]
        if not marks:
            return True
        last = data[-1:]
    return False
