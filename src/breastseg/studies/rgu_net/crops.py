"""Crops of 51 mm: cut off centre, turned, and made alike in brightness."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.mammography.findings import Circle, Mask, paint_shape
from breastseg.studies.rgu_net.cases import CROP_PX, MM_PER_PX, Case, Grey

OFF_CENTRE_MM = 11.0
"""How far from the middle of a crop its finding may be, so that "a disc in the middle" is no
answer."""
TURNS = 8
"""Four quarter turns, each mirrored or not."""
_SCALES = (0.8, 1.25)
"""Smallest and largest piece that a training crop shows, by the side of a crop; one is the other's
reciprocal, so that crops get larger and smaller alike."""
_DARK, _BRIGHT = -3.0, 3.0
_FEW_PX = 16  # of breast: too few for a mean and a deviation
Offset: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """A piece of a film.

    Attributes:
        case: whose finding it shows.
        grey: (64, 64) float32, mean 0 and deviation 1 in the breast, -3 outside of it.
        mask: (64, 64) bool, the circles.
        off_px: (down, right) from the middle of the crop to the middle of the finding.
        turn: 0 to 7.
    """

    case: Case
    grey: Grey
    mask: Mask
    off_px: Offset
    turn: int = 0


def draw_offset(rng: np.random.Generator) -> Offset:
    """Return (down, right) pixels from a finding to the middle of a crop, even over a disc."""
    far_px = OFF_CENTRE_MM / MM_PER_PX * np.sqrt(rng.random())  # the root makes a disc even
    angle = 2 * np.pi * rng.random()
    down_px = far_px * np.sin(angle)
    right_px = far_px * np.cos(angle)
    return float(down_px), float(right_px)


def cut(case: Case, offset_px: Offset, *, scale: float = 1.0) -> Crop:
    """Return a crop whose middle lies beside the finding.

    A crop never leaves the film: at an edge it is moved inside, and the finding is farther from its
    middle then. A film that is smaller than a crop is filled up with what is no breast.

    Args:
        case: the finding.
        offset_px: (down, right) from the finding to the middle of the crop.
        scale: more than 1 takes a larger piece and makes it smaller.
    """
    side = round(CROP_PX * scale)
    height, width = case.grey.shape
    top = start_inside(case.circle.y_px + offset_px[0], side, height)
    left = start_inside(case.circle.x_px + offset_px[1], side, width)
    piece = np.zeros((side, side), np.float32)
    rows = slice(max(0, top), top + side)
    columns = slice(max(0, left), left + side)
    inside = case.grey[rows, columns]
    down = max(0, -top)
    right = max(0, -left)
    bottom = down + inside.shape[0]
    end = right + inside.shape[1]
    piece[down:bottom, right:end] = inside
    factor = CROP_PX / side
    if side != CROP_PX:
        piece = cv2.resize(piece, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    # Painted at the crop's own size: a disc that is resized as pixels gets another edge.
    mask = np.zeros((CROP_PX, CROP_PX), bool)
    for circle in case.circles:
        mask |= paint_shape(_moved(circle, top, left, factor), mask.shape)
    own = _moved(case.circle, top, left, factor)
    middle = (CROP_PX - 1) / 2
    off_px = (own.y_px - middle, own.x_px - middle)
    return Crop(case, alike(piece), mask, off_px)


def start_inside(middle: float, side: int, length: int) -> int:
    """Return where a crop starts along one side of a film: inside; below 0 where the film is
    smaller."""
    if length < side:
        return -((side - length) // 2)
    start = round(middle - (side - 1) / 2)
    return min(max(start, 0), length - side)


def _moved(circle: Circle, top: int, left: int, factor: float) -> Circle:
    # edges are scaled, not middles of pixels
    y_px = (circle.y_px - top + 0.5) * factor - 0.5
    x_px = (circle.x_px - left + 0.5) * factor - 0.5
    return Circle(x_px, y_px, circle.radius_px * factor)


def alike(grey: Grey) -> Grey:
    """Return grey values with mean 0 and deviation 1 in the breast (above 0), -3 outside of it."""
    breast = grey > 0
    if np.count_nonzero(breast) < _FEW_PX:
        return np.full(grey.shape, _DARK, np.float32)
    inside = grey[breast].astype(np.float64)  # (pixels of the breast,)
    deviation = max(float(inside.std()), 1e-6)  # an even crop must not divide by 0
    scaled = (grey - inside.mean()) / deviation
    scaled = np.clip(scaled, _DARK, _BRIGHT)
    scaled[~breast] = _DARK
    return np.asarray(scaled, np.float32)


def turned(values: npt.NDArray[np.generic], turn: int) -> npt.NDArray[np.generic]:
    """Return (..., H, W) turned by a quarter `turn % 4` times, mirrored first from 4 on."""
    if turn >= 4:
        values = values[..., ::-1]
    rotated = np.rot90(values, turn % 4, axes=(-2, -1))
    return np.ascontiguousarray(rotated)


def turned_back(values: npt.NDArray[np.generic], turn: int) -> npt.NDArray[np.generic]:
    """Undo `turned`."""
    # The other way round: `turned` mirrors first, so the mirror comes last here.
    values = np.rot90(values, -(turn % 4), axes=(-2, -1))
    if turn >= 4:
        values = values[..., ::-1]
    return np.ascontiguousarray(values)


def turn_crop(crop: Crop, turn: int) -> Crop:
    """Return a crop turned; `off_px` stays that of the crop before."""
    grey = np.asarray(turned(crop.grey, turn), np.float32)
    mask = np.asarray(turned(crop.mask, turn), bool)
    return replace(crop, grey=grey, mask=mask, turn=turn)


def scored_crops(cases: Sequence[Case], draws: int, seed: int) -> list[Crop]:
    """Return `draws` crops of each case, off centre; drawn by seed and place, not by what was drawn
    before."""
    crops = []
    for place, case in enumerate(cases):
        for draw in range(draws):
            rng = np.random.default_rng([seed, 1, place, draw])
            crops.append(cut(case, draw_offset(rng)))
    return crops


def training_crop(case: Case, rng: np.random.Generator) -> Crop:
    """Return a crop to learn from: off centre, of another size, turned."""
    low, high = np.log(_SCALES)  # even in the logarithm: half of all crops are made smaller
    scale = float(np.exp(rng.uniform(low, high)))
    crop = cut(case, draw_offset(rng), scale=scale)
    return turn_crop(crop, int(rng.integers(TURNS)))
