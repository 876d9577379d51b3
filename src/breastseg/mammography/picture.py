"""Reading a mammogram from an image: PGM, PNG, TIFF or JPEG, of 8 or 16 bits."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from breastseg.errors import ImageError
from breastseg.images.directories import open_tiff
from breastseg.mammography.film import WHITE, Film, Grey, check_film
from breastseg.wording import in_short

SUFFIXES = (".pgm", ".png", ".tif", ".tiff", ".jpg", ".jpeg")
MAX_PIXELS = 200_000_000
_BRIGHT = 0.6
"""Share of white above which the middle grey value of a film looks inverted."""


def read_picture(path: Path, where: str, *, mm_per_px: float | None = None) -> Film:
    """Read a mammogram from an image.

    Images of 8 bits are scaled by 257. Those of 16 bits are scaled by the fewest of 10, 12, 14
    or 16 bits that hold their brightest pixel, as detectors have them.

    Args:
        path: the file.
        where: how errors call it.
        mm_per_px: millimetres a pixel where somebody knows.

    Raises:
        ImageError: no image, colours, more than `MAX_PIXELS`, or one grey value.
    """
    values = _values(path, where)
    history = []
    if path.suffix.lower() in (".jpg", ".jpeg"):
        history.append("JPEG: was compressed with loss")
    pixels, line = _scaled(values)
    history.append(line)
    if float(np.median(pixels)) > _BRIGHT * WHITE:
        history.append("looks inverted: most of it is bright; dense tissue should be")
    origin = "given" if mm_per_px else "an image does not say"
    return check_film(Film(pixels, mm_per_px, origin, history=tuple(history)), where)


def read_mask(path: Path, where: str) -> npt.NDArray[np.bool_]:
    """Read a mask: (H, W), true where a pixel is not 0."""
    return np.asarray(_values(path, where) > 0)


def read_grey(path: Path, where: str) -> npt.NDArray[Any]:
    """Read a grey image of any size as it is: (H, W) uint8 or uint16; ImageError names it."""
    return _values(path, where)


def _scaled(values: npt.NDArray[Any]) -> tuple[Grey, str]:
    """Return grey values of 16 bits, (H, W), and a line of history."""
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * 257, "8 bits, x 257"  # 255 * 257 is 65535
    whole = np.asarray(values, np.uint16)
    brightest = int(whole.max())
    bits = 10
    while brightest >= 1 << bits:  # 10, 12, 14 or 16
        bits += 2
    if bits == 16:
        return whole, "16 bits as they are"
    share = whole.astype(np.float64) / ((1 << bits) - 1)
    line = f"16 bits with {bits} in use (brightest {brightest}), scaled to 65535"
    return np.round(share * WHITE).astype(np.uint16), line


def _values(path: Path, where: str) -> npt.NDArray[Any]:
    """Return the grey values of an image: (H, W) uint8 or uint16."""
    with path.open("rb") as file:
        data = file.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that nobody looks at
        try:
            is_tiff = path.suffix.lower() in (".tif", ".tiff")
            values: npt.NDArray[Any] = _tiff(path, where) if is_tiff else _pillow(data, where)
        except (UnidentifiedImageError, tifffile.TiffFileError, SyntaxError) as cause:
            raise ImageError(
                f"{where}: not an image ({in_short(type(cause).__name__)}), "
                "wanted PGM, PNG, TIFF or JPEG"
            ) from None
        except (OSError, ValueError, EOFError, IndexError) as cause:
            if isinstance(cause, ImageError):
                raise
            raise ImageError(
                f"{where}: cannot be decoded ({in_short(cause, 80)}); copy it again"
            ) from None
    return values


def _check_size(width: int, height: int, where: str) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(f"{where}: {width} x {height} pixels, wanted up to {MAX_PIXELS:,}")


def _pillow(data: bytes, where: str) -> npt.NDArray[Any]:
    with Image.open(io.BytesIO(data)) as picture:
        _check_size(*picture.size, where)  # the head alone has been read by now
        if picture.mode in ("I;16", "I;16B", "I"):
            return np.asarray(np.clip(np.asarray(picture), 0, WHITE), np.uint16)
        if picture.mode in ("1", "L", "LA"):
            return np.asarray(picture.convert("L"), np.uint8)
        return _without_colours(np.asarray(picture.convert("RGB"), np.uint8), where)


def _tiff(path: Path, where: str) -> npt.NDArray[Any]:
    try:
        opened = open_tiff(path)
    except ImageError as cause:
        raise ImageError(str(cause).replace(str(path), where)) from None
    with opened as file:
        page = file.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise ImageError(f"{where}: a TIFF without pixels; copy it again")
        _check_size(page.imagewidth, page.imagelength, where)
        values = np.asarray(page.asarray())
        if values.dtype not in (np.uint8, np.uint16):
            raise ImageError(f"{where}: {values.dtype} values, wanted 8 or 16 bits; convert it")
        if values.ndim == 3:
            return _without_colours(values[..., :3], where)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:  # 0 is white: inverted
            white = np.iinfo(values.dtype).max
            values = np.asarray(white - values, values.dtype)
        return values


def _without_colours(values: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return one channel of (H, W, 3) in which all are alike."""
    if not np.all(values == values[..., :1]):
        raise ImageError(f"{where}: a colour image, wanted grey values; it is no mammogram")
    return np.ascontiguousarray(values[..., 0])
