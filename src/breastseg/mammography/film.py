"""Film: one mammogram; grey values, side, view and size, each with where it comes from."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError

Grey: TypeAlias = npt.NDArray[np.uint16]

WHITE = 65535
MIN_MM_PER_PX, MAX_MM_PER_PX = 0.01, 1.0
"""Detectors have 0.05 to 0.1 mm a pixel, digitised films 0.04 to 0.2, small copies up to 1."""


@dataclass(frozen=True)
class Film:
    """One mammogram.

    Attributes:
        pixels: (H, W) uint16, bright is dense; after modality LUT, VOI and inversion, 0 to 65535.
        mm_per_px: millimetres a pixel in the plane of the breast; None where nobody says.
        mm_origin: where that comes from, or why it is not known.
        laterality: "L", "R" or "" where nobody says.
        laterality_origin: where that comes from, and who contradicts.
        view: "MLO", "CC", "ML" and so on, or "" where nobody says.
        view_origin: where that comes from, and who contradicts.
        history: what was done to the pixels, in order, and what a person should know of them.
        chest_wall: "left" or "right" in the image as the header says it; "" where it does not.
    """

    pixels: Grey
    mm_per_px: float | None = None
    mm_origin: str = "not known"
    laterality: str = ""
    laterality_origin: str = "not known"
    view: str = ""
    view_origin: str = "not known"
    history: tuple[str, ...] = ()
    chest_wall: str = ""

    def told(self, *lines: str) -> "Film":
        """Return the film with more history."""
        return replace(self, history=(*self.history, *lines))


def check_film(film: Film, where: str) -> Film:
    """Return a film in which there is something; ImageError for one that has a single grey value.

    Args:
        film: as it was read.
        where: its name, for the error.
    """
    height, width = film.pixels.shape
    if min(height, width) < 64:
        raise ImageError(
            f"{where}: {width} x {height} pixels, wanted a whole mammogram of 64 x 64 or more"
        )
    # What is not of the corner's grey value, which is that of the border.
    inner = film.pixels[film.pixels != film.pixels[0, 0]]
    has_little = inner.size < 0.01 * film.pixels.size
    if has_little or np.all(inner == inner[0]):
        raise ImageError(
            f"{where}: all border, 99 % of its pixels or more have one grey value; "
            "wanted a mammogram"
        )
    return film


def resample_film(film: Film, mm_per_px: float) -> tuple[Film, float]:
    """Return a film at another size of pixels, and the factor that coordinates grow by.

    Areas are averaged where pixels grow, values interpolated where they shrink; without a known
    size the film stays as it is, and says so.

    Args:
        film: the film.
        mm_per_px: millimetres a pixel that are wanted.
    """
    if film.mm_per_px is None:
        return film.told("not resampled: millimetres a pixel are not known"), 1.0
    factor = film.mm_per_px / mm_per_px
    height, width = film.pixels.shape
    new_width = max(1, round(width * factor))
    new_height = max(1, round(height * factor))
    if (new_width, new_height) == (width, height):
        return film, 1.0
    # Areas: single bright pixels, which calcifications are, must not fall between samples.
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(film.pixels, (new_width, new_height), interpolation=way)
    pixels = np.asarray(resized, np.uint16)
    line = f"resampled from {film.mm_per_px:.4g} to {mm_per_px:.4g} mm a pixel"
    if factor > 1:
        line += " (finer than it was taken: nothing is gained)"
    return replace(film, pixels=pixels, mm_per_px=mm_per_px).told(line), factor


def as_grey(values: npt.NDArray[np.float64], low: float, high: float) -> Grey:
    """Return values as 0 to 65535, `low` and below as 0, `high` and above as 65535.

    Args:
        values: (H, W) numbers.
        low: what becomes black.
        high: what becomes white.
    """
    span = max(high - low, 1e-12)  # one grey value must not divide by 0
    shares = np.clip((values - low) / span, 0.0, 1.0)  # (H, W) of white
    return np.round(shares * WHITE).astype(np.uint16)
