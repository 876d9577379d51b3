"""A film as the chain works on it: its box, in grey values of 0 to 255, about 0.4 mm a pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError, InputError

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

WORKING_MM = 0.4
"""Finer pixels do not change where breast and muscle end, and cost four times the time."""
ASSUMED_LENGTH_MM = 205.0
"""The long side of a film whose pixel size is not known: 1024 px of 0.2 mm in mini-MIAS."""
LEAST_PX = 64
"""Films with a shorter side are refused."""
_LEAST_WHITE = 8.0
_FILLED_SHARE = 0.01
"""A row or column with fewer pixels above zero is padding."""


@dataclass(frozen=True)
class Working:
    """A film made small.

    Attributes:
        grey: (h, w) float32, 0 to 255, where 255 is the 99.9th percentile of the film.
        mm_per_px: size of a pixel of `grey`, in mm.
        box: rows and columns of the film in the full image: top, bottom, left, right; the ends are
            exclusive.
        shape_px: height and width of the full image.
    """

    grey: Floats
    mm_per_px: float
    box: tuple[int, int, int, int]
    shape_px: tuple[int, int]

    def px(self, length_mm: float) -> int:
        """Return a length as a whole number of working pixels, one at least."""
        return max(1, round(length_mm / self.mm_per_px))


def check_pixels(pixels: Pixels) -> None:
    """Check that an array can be a film.

    Raises:
        ImageError: it is not (H, W) of uint8 or uint16, or is too small.
    """
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"the film is an array of shape {pixels.shape} and type {pixels.dtype}, wanted "
            "(height, width) of uint8 or uint16; give one grey channel"
        )
    if min(pixels.shape) < LEAST_PX:
        height, width = pixels.shape
        raise ImageError(
            f"the film is {width} x {height} px, wanted {LEAST_PX} px a side at least; give "
            "the whole film, not a thumbnail or a crop"
        )


def check_mm_per_px(mm_per_px: float | None) -> None:
    """Check a pixel size.

    Raises:
        InputError: it is not a number from 0.01 to 2 mm.
    """
    if mm_per_px is not None and not 0.01 <= mm_per_px <= 2:
        raise InputError(
            f"pixels of {mm_per_px:g} mm, wanted 0.01 to 2 mm a pixel; mammograms have 0.05 to 0.2"
        )


def film_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Return the rows and columns that hold film: top, bottom, left, right; the ends are exclusive.

    Padding is zero. A row or column is film where at least 1 % of its pixels are above zero.

    Args:
        pixels: (H, W).

    Raises:
        ImageError: all is zero or of one value, or the film is too small.
    """
    check_pixels(pixels)
    if int(pixels.max()) == int(pixels.min()):
        raise ImageError(
            f"the film is empty: every pixel is {int(pixels.max())}; check how the file was read"
        )
    above_zero = pixels > 0  # (H, W)
    rows = np.flatnonzero(above_zero.mean(axis=1) >= _FILLED_SHARE)
    columns = np.flatnonzero(above_zero.mean(axis=0) >= _FILLED_SHARE)
    top, bottom, left, right = 0, 0, 0, 0
    if len(rows):
        top, bottom = int(rows[0]), int(rows[-1]) + 1
    if len(columns):
        left, right = int(columns[0]), int(columns[-1]) + 1
    height = bottom - top
    width = right - left
    if min(height, width) < LEAST_PX:
        raise ImageError(
            f"the film is nearly all border: {width} x {height} px are above zero, wanted "
            f"{LEAST_PX} px a side at least; check how the file was read"
        )
    return top, bottom, left, right


def working_of(pixels: Pixels, mm_per_px: float | None) -> Working:
    """Return a film made small: its box, at about 0.4 mm a pixel, never enlarged.

    The same film in 8 and in 16 bits gives the same grey values to the rounding of single
    precision.

    Args:
        pixels: (H, W), bright is dense.
        mm_per_px: size of a pixel; None where it is not known, then the long side is taken as 205
        mm.

    Raises:
        ImageError: the film is empty, too small or too dark.
        InputError: the pixel size cannot be.
    """
    check_mm_per_px(mm_per_px)
    box = film_box(pixels)
    top, bottom, left, right = box
    full_mm = mm_per_px or ASSUMED_LENGTH_MM / max(pixels.shape)
    working_mm = max(WORKING_MM, full_mm)  # never enlarged
    height_px = round((bottom - top) * full_mm / working_mm)
    width_px = round((right - left) * full_mm / working_mm)
    size = (max(LEAST_PX // 2, width_px), max(LEAST_PX // 2, height_px))
    film = np.ascontiguousarray(pixels[top:bottom, left:right])
    inside = film.astype(np.float32)
    if pixels.dtype == np.uint16:
        inside /= 257  # 65535 becomes 255
    small = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)  # (h, w)
    # Not the brightest pixel: letters on a film are much brighter than the breast.
    white = float(np.percentile(small, 99.9))
    if white < _LEAST_WHITE:
        raise ImageError(
            f"the film is too dark: its bright parts have {100 * white / 255:.1f} % of the range, "
            f"wanted {100 * _LEAST_WHITE / 255:.0f} % at least; scale the pixels to the range of "
            "their type"
        )
    grey = np.clip(small * (255 / white), 0, 255)
    return Working(grey.astype(np.float32), working_mm, box, pixels.shape)


def enlarged(mask: Mask, working: Working) -> Mask:
    """Return a mask in the size of the full image; False outside the film's box.

    Args:
        mask: (h, w) bool, of the shape of `working.grey`.
        working: the film.
    """
    top, bottom, left, right = working.box
    size = (right - left, bottom - top)
    # Interpolated and cut at a half: edges are then smooth, not steps of working pixels.
    soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    full = np.zeros(working.shape_px, bool)
    full[top:bottom, left:right] = soft > 0.5
    return full
