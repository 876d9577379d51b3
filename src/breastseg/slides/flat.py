"""Flat images (PNG, JPEG, TIFF) through Pillow, and masks whose pixel values are label codes."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from breastseg.errors import ImageError, MppError
from breastseg.geometry import MAX_MPP, MIN_MPP, check_mpp, scaled_size
from breastseg.slides.slide import Pixels

MAX_PIXELS = 250_000_000
"""A flat image is decoded whole: at 3 bytes a pixel this is 750 MB."""

_TIFF_RESOLUTION_X, _TIFF_RESOLUTION_UNIT = 282, 296
_UM_PER_TIFF_UNIT = {2: 25_400.0, 3: 10_000.0}

_OPENING = threading.Lock()
"""catch_warnings() changes the filters of all threads: two at once leave them wrong."""


@dataclass(frozen=True)
class FlatSlide:
    """A flat image as a Slide: one level, held in memory when read."""

    path: Path
    size_px: tuple[int, int]
    mpp: float
    mpp_source: str

    def read(self, *, mpp: float) -> Pixels:
        """Return the whole picture at `mpp`, resampled with area weights: (H, W, 3) uint8."""
        pixels = _read_pixels(self.path)
        if pixels.shape[1::-1] != self.size_px:
            raise ImageError(f"{self.path}: turned by a tag behind its pixels, or changed since it was opened; export it upright")
        return resample_pixels(pixels, scaled_size(self.size_px, self.mpp, mpp))


def open_slide(path: str | Path, *, mpp: float | None = None) -> FlatSlide:
    """Open a picture: read its header, find its microns per pixel.

    Args:
        path: a PNG, JPEG or TIFF file.
        mpp: microns per pixel when the file does not say, or says it wrong.

    Raises:
        ImageError: no picture, or one too large to decode whole.
        MppError: no mpp was given and the file has none; the message lists what was looked at.
    """
    path = Path(path)
    with _opened(path) as image:
        size = _upright_size(image)
        _check_depth(image, path)
        if mpp is not None:
            return FlatSlide(path, size, check_mpp(mpp, "--mpp"), "given")
        found, looked_at = _mpp_from_tags(image)
    if found is None:
        raise MppError(f"{path}: no microns per pixel (looked at {looked_at}); give --mpp, as in --mpp 0.25 for a 40x scan")
    return FlatSlide(path, size, check_mpp(found, str(path)), "TIFF resolution tags")


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


def resample_pixels(pixels: Pixels, size_px: tuple[int, int]) -> Pixels:
    """Return the picture at (width, height): area weights when shrinking, bilinear when growing."""
    height, width = pixels.shape[:2]
    if (width, height) == size_px:
        return pixels
    shrinks = size_px[0] <= width and size_px[1] <= height
    return np.asarray(cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def resample_labels(labels: npt.NDArray[np.uint8], size_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the label image at (width, height): the label under each new pixel's centre, nothing mixed."""
    if labels.shape[::-1] == size_px:
        return labels
    # INTER_NEAREST_EXACT, because INTER_NEAREST takes corners for centres and shifts labels against pixels.
    return np.asarray(cv2.resize(labels, size_px, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture of acceptable size. Only the errors of opening are told here, never those of the caller's body."""
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            image = Image.open(path)
    except FileNotFoundError:
        raise ImageError(f"{path}: not found") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, wanted a picture") from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large(path, "more than twice Pillow's limit")) from None
    except (UnidentifiedImageError, OSError, SyntaxError) as cause:
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
    except (OSError, SyntaxError, ValueError) as cause:
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
        warnings.simplefilter("ignore", UserWarning)  # a damaged tag table says nothing of the pixels
        turned = Image.Image.getexif(image).get(0x0112, 1) in {5, 6, 7, 8}
    return (image.height, image.width) if turned else (image.width, image.height)


def _mpp_from_tags(image: Image.Image) -> tuple[float | None, str]:
    """Return mpp from TIFF tags if plausible, and in words what was looked at."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return None, "--mpp; TIFF resolution tags: not a TIFF"
    unit, per_unit = tags.get(_TIFF_RESOLUTION_UNIT), tags.get(_TIFF_RESOLUTION_X)
    if unit not in _UM_PER_TIFF_UNIT or not per_unit:
        return None, f"--mpp; TIFF resolution tags: {per_unit} per unit {unit}"
    mpp = _UM_PER_TIFF_UNIT[unit] / float(per_unit)
    if not MIN_MPP <= mpp <= MAX_MPP:
        return None, f"--mpp; TIFF resolution tags: {mpp:g} um/px, which no scan has"
    return mpp, ""
