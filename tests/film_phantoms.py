"""Painted films: half ellipse for the breast, triangle for the muscle, plate, tape, stripe."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Phantom:
    """A painted film, its chest wall on the left, and what is where."""

    pixels: npt.NDArray[np.uint16]
    breast: npt.NDArray[np.bool_]  # with the muscle
    muscle: npt.NDArray[np.bool_]
    mm_per_px: float


def paint(
    seed: int = 0,
    *,
    mm_per_px: float = 0.2,
    muscle: bool = True,
    plate: bool = False,
    tape: bool = False,
    stripe: bool = False,
    shift_mm: float = 0.0,
    ground: float = 6.0,
) -> Phantom:
    """Paint a film of 200 x 120 mm."""
    rng = np.random.default_rng(seed)
    height, width = round(200 / mm_per_px), round(120 / mm_per_px)
    rows = ((np.arange(height) + 0.5) * mm_per_px)[:, None]
    columns = ((np.arange(width) + 0.5) * mm_per_px)[None]
    # the ellipse's middle is on the chest wall; its top is above the film
    reach = ((rows - 90 - shift_mm) / 95) ** 2 + (columns / 75) ** 2
    breast = reach < 1
    thickness = np.sqrt(np.clip(1 - reach, 0, 1)) ** 0.5
    grey = ground + 110 * thickness
    for _ in range(12):  # gland
        at_row, at_column = rng.uniform(70, 150), rng.uniform(15, 50)
        size = rng.uniform(4, 9)
        blob = np.exp(-((rows - at_row) ** 2 + (columns - at_column) ** 2) / (2 * size**2))
        grey = grey + 35 * blob * breast
    in_muscle = (rows / 95 + columns / 45 < 1) & breast & muscle
    grey = np.where(in_muscle, 190, grey)
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.6 / mm_per_px)
    # noise of whole millimetres, so that it is the same at every pixel size
    coarse = rng.normal(0, 2, (200, 120)).astype(np.float32)
    grey += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    px = 1 / mm_per_px
    if plate:
        grey[round(20 * px) : round(36 * px), round(98 * px) : round(110 * px)] = 250
        grey[round(26 * px) : round(29 * px), round(101 * px) : round(107 * px)] = 40
    if tape:
        grey[:, round(114 * px) :] = 245
    if stripe:
        grey[: round(8 * px)] = 120
        grey[round(7 * px) : round(8 * px)] = 30
    pixels = np.clip(np.rint(grey), 1, 255).astype(np.uint16) * 257
    return Phantom(pixels, breast, in_muscle, mm_per_px)


def dice(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Return Dice of two masks."""
    return 2 * float((first & second).sum()) / max(1, int(first.sum()) + int(second.sum()))
