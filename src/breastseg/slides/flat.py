"""Flat images (PNG, JPEG, small TIFF) through Pillow, and masks whose pixel values are label codes."""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.slides.pyramid import MAX_ASKED_PX, Pyramid
from breastseg.slides.resolution import Clue, find_mpp, tiff_clues
from breastseg.slides.slide import Pixels

MAX_PIXELS = MAX_ASKED_PX
"""A flat image is decoded whole."""

_DESCRIPTION, _RESOLUTION_X, _RESOLUTION_Y, _RESOLUTION_UNIT = 270, 282, 283, 296

_DAMAGE = (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error)
"""What Pillow raises at damaged files."""
_OPENING = threading.Lock()
"""catch_warnings() changes the filters of all threads: two at once leave them wrong."""


class FlatSlide(Pyramid):
    """A flat image as a Slide of one level. From `hold()` or the first box on its pixels are held, until `close()`."""

    in_blocks = False

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the header and find the microns per pixel.

        Args:
            path: a PNG, JPEG or TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: no picture, or one too large to decode whole.
            MppError: no mpp was given and the file has none; the message lists what was looked at.
        """
        with _opened(path) as image:
            size = _upright_size(image)
            _check_depth(image, path)
            super().__init__(path, [size], find_mpp(path, mpp, _clues(image)))
        self._lock = threading.Lock()
        self._held: Pixels | None = None

    def hold(self) -> None:
        """Decode the picture now and keep it: it will be read more than once."""
        with self._lock:
            if self._held is None:
                self._held = self._decoded()

    def _stored(self, level: int, box: Box) -> Pixels:
        if box != Box(0, 0, *self.size_px):  # boxes come in numbers; a picture that is read once as a whole is not kept
            self.hold()
        with self._lock:
            whole = self._decoded() if self._held is None else self._held
        return np.ascontiguousarray(whole[box.y : box.y + box.height, box.x : box.x + box.width])

    def _decoded(self) -> Pixels:
        whole = _read_pixels(self.path)
        if whole.shape[1::-1] != self.size_px:
            raise ImageError(f"{self.path}: turned by a tag behind its pixels, or changed since it was opened; export it upright")
        return whole

    def close(self) -> None:
        """Let go of the pixels."""
        with self._lock:
            self._held = None


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as `read` will give them, from the header alone."""
    with _opened(path) as image:
        return _upright_size(image)


def read_codes(path: Path) -> npt.NDArray[np.uint8]:
    """Read a mask whose pixel values are label codes: (H, W) uint8.

    Raises:
        ImageError: not a picture, cut short, a colour rendering, or 16-bit.
    """
    with _opened(path) as image:
        if image.mode not in {"L", "P"}:
            kind = {"1": "1-bit pixels", "I": "32-bit pixels", "I;16": "16-bit pixels"}.get(image.mode, f"{image.mode} colours")
            raise ImageError(
                f"{path}: mask has {kind}, wanted 8-bit grey or palette with one label code a pixel; export the codes, not their picture"
            )
        return np.asarray(_decoded(image, path))


def _read_pixels(path: Path) -> Pixels:
    with _opened(path) as image:
        upright = _decoded(image, path)
        ImageOps.exif_transpose(upright, in_place=True)
        if "A" in upright.getbands() or "transparency" in upright.info:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture of acceptable size. Only the errors of opening are told here, never those of the caller's body."""
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            warnings.simplefilter("ignore", UserWarning)  # a damaged tag table says nothing of the pixels
            image = Image.open(path)
    except FileNotFoundError:
        raise ImageError(f"{path}: not found") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, wanted a picture") from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large(path, "more than twice Pillow's limit")) from None
    except _DAMAGE as cause:
        raise ImageError(f"{path}: not a picture that Pillow reads ({cause}); wanted PNG, JPEG or TIFF") from None
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise ImageError(_too_large(path, f"{image.width} x {image.height} px"))
        yield image


def _too_large(path: Path, size: str) -> str:
    return f"{path}: {size}, a flat image is decoded whole up to {MAX_PIXELS // 1_000_000} Mpx; cut it into smaller fields"


def _decoded(image: Image.Image, path: Path) -> Image.Image:
    try:
        image.load()
    except _DAMAGE as cause:
        raise ImageError(f"{path}: cut short or damaged ({cause}); copy or export it again") from None
    return image


def _check_depth(image: Image.Image, path: Path) -> None:
    """Refuse more than 8 bits a channel; of 16-bit colours Pillow would give the upper bytes, almost black for a 12-bit camera."""
    raw = next((str(step[3]) for step in getattr(image, "tile", ()) if ";16" in str(step[3])), "")
    if raw or image.mode.startswith(("I", "F")):
        kind = "16-bit colour" if raw and image.mode == "RGB" else image.mode
        raise ImageError(f"{path}: picture is {kind}, wanted 8 bits a channel; convert it to 8-bit RGB")


def _upright_size(image: Image.Image) -> tuple[int, int]:
    # The base class's method, because that of PNG decodes the whole picture to look for a tag behind the pixels.
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        turned = Image.Image.getexif(image).get(0x0112, 1) in {5, 6, 7, 8}
    return (image.height, image.width) if turned else (image.width, image.height)


def _clues(image: Image.Image) -> list[Clue]:
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return [Clue("TIFF resolution tags", found="not a TIFF")]
    x, y = (tags.get(tag) for tag in (_RESOLUTION_X, _RESOLUTION_Y))
    numbers = [float(side) if isinstance(side, SupportsFloat) else None for side in (x, y)]
    return tiff_clues(numbers[0], numbers[1], tags.get(_RESOLUTION_UNIT), str(tags.get(_DESCRIPTION, "")))
