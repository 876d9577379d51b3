"""The pectoral muscle on a film whose chest wall is on the left: three methods.

`path` is ours. `srg` and `rows` are what two papers describe; they are here to be compared with,
and they cut off too much or too little on many films.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from breastseg.errors import InputError
from breastseg.mammography.muscle_path import LEAST_SCORE, Border, find_border
from breastseg.mammography.working import Floats, Mask

WIDER_MM = 1.2
"""The path runs where the border is steepest; canvas outlines lie a little further outside."""
CLEAR_SCORE = 0.8
"""A border with a lower score is to be looked at: 17 of 322 films of mini-MIAS."""
_SRG_TOLERANCE = 20.0
_ROWS_SHARE = 1 / 3


@dataclass(frozen=True)
class Muscle:
    """The muscle on a film whose chest wall is on the left.

    Attributes:
        mask: (h, w) bool, within the breast.
        score: 0 to 1 for `path`; NaN for the methods that have none.
        notes: what a person should know.
    """

    mask: Mask
    score: float
    notes: tuple[str, ...] = ()


def find_muscle(grey: Floats, breast: Mask, mm_per_px: float, method: str) -> Muscle:
    """Find the muscle.

    Args:
        grey: (h, w) float32, 0 to 255, the chest wall on the left.
        breast: (h, w) bool.
        mm_per_px: size of a pixel.
        method: a name in `METHODS`.

    Raises:
        InputError: there is no such method.
    """
    if method not in METHODS:
        raise InputError(f"muscle method '{method}', wanted one of {', '.join(METHODS)}")
    rows = np.flatnonzero(breast.any(axis=1))
    columns = np.flatnonzero(breast.any(axis=0))
    if len(rows) < _LEAST_SIDE_PX or len(columns) < _LEAST_SIDE_PX:
        empty = np.zeros(breast.shape, bool)
        return Muscle(empty, 0.0, ("the breast is too small to look for muscle",))
    # The breast alone: the corner that methods begin at is then that of the breast.
    row_slice = slice(rows[0], rows[-1] + 1)
    column_slice = slice(columns[0], columns[-1] + 1)
    window = (row_slice, column_slice)
    breast_part = np.ascontiguousarray(breast[window])
    grey_part = np.ascontiguousarray(grey[window])
    part = METHODS[method](grey_part, breast_part, mm_per_px)
    whole = np.zeros(breast.shape, bool)
    whole[window] = part.mask & breast_part
    return Muscle(whole, part.score, part.notes)


_LEAST_SIDE_PX = 24


def by_path(grey: Floats, breast: Mask, mm_per_px: float) -> Muscle:
    """Return the muscle inside the best border, 1.2 mm wider; none where its score is under 0.3."""
    border = find_border(grey, breast, mm_per_px)
    if border.score < LEAST_SCORE:
        note = f"no muscle found: score {border.score:.2f}, wanted {LEAST_SCORE:g} at least"
        return Muscle(np.zeros(breast.shape, bool), border.score, (note,))
    inside = _at_corner(_within(border, breast.shape))
    outside = (~inside).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    notes: tuple[str, ...] = ()
    if border.score < CLEAR_SCORE:
        notes = (f"the border of the muscle is not clear (score {border.score:.2f}): look at it",)
    return Muscle(np.asarray(distance * mm_per_px <= WIDER_MM), border.score, notes)


def _at_corner(inside: Mask) -> Mask:
    """Return the part that hangs together with the upper left corner."""
    # A border may cross itself, and leave an island.
    _, objects = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    return np.asarray((objects == objects[0, 0]) & inside)


def _within(border: Border, shape: tuple[int, int]) -> Mask:
    """Return what lies between a border and the upper left corner."""
    far = 2.0 * max(shape)
    path = zip(border.columns.tolist(), border.rows.tolist(), strict=True)
    # Round the corner far outside of the film, where the polygon's own edges paint nothing.
    points = [(-far, -far), (float(border.columns[0]), -far)]
    points += path
    points.append((-far, float(border.rows[-1])))
    shift = 4  # OpenCV takes whole numbers: sixteenths of a pixel
    sixteenths = np.array(points) * 2**shift
    corners = np.rint(sixteenths).astype(np.int32)
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [corners], 1, shift=shift)
    return canvas > 0


def by_srg(grey: Floats, breast: Mask, mm_per_px: float) -> Muscle:
    """Return what grows from a seed in the corner between chest wall and top edge.

    Seeded region growing as in the mini-MIAS CNN of the literature: a pixel joins where it differs
    from the region's mean by 20 grey values of 255 at most. The mean is taken anew until the region
    stays the same, five times at most. The text names the same corner for left and right breasts;
    taken here as the corner at the chest wall.
    """
    seed = max(2, round(4 / mm_per_px))
    values = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    values[~breast] = 0
    region = np.zeros(breast.shape, bool)
    if not breast[seed, seed]:
        return Muscle(region, float("nan"), ("the seed is not in the breast",))
    corner = values[: 2 * seed, : 2 * seed]
    mean = float(np.median(corner))
    for _ in range(5):
        alike = (np.abs(grey - mean) <= _SRG_TOLERANCE) & breast
        _, objects = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
        label = int(objects[seed, seed])
        if label == 0:  # the seed itself is not alike: the region of before stays
            break
        grown = objects == label
        if np.array_equal(grown, region):
            break
        region = grown
        mean = float(grey[region].mean())
    return Muscle(region, float("nan"))


def by_rows(grey: Floats, breast: Mask, mm_per_px: float) -> Muscle:
    """Return, row by row from the top, the bright run that begins at the chest wall.

    As in the review of image practices: rows are cut until their white ends, or at a third of the
    height. White is what Otsu's threshold of the breast calls bright.
    """
    del mm_per_px
    values = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    inside = values[breast]
    threshold, _ = cv2.threshold(inside, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    white = (values > threshold) & breast
    mask = np.zeros(breast.shape, bool)
    for row in range(round(len(breast) * _ROWS_SHARE)):
        # The first column that is not white; argmin() gives 0 where there is none.
        run = white.shape[1]
        if not white[row].all():
            run = int(white[row].argmin())
        if run == 0:
            break
        mask[row, :run] = True
    return Muscle(mask, float("nan"))


def no_muscle(grey: Floats, breast: Mask, mm_per_px: float) -> Muscle:
    """Return an empty muscle: nothing was looked for."""
    del grey, mm_per_px
    return Muscle(np.zeros(breast.shape, bool), float("nan"))


METHODS: Mapping[str, Callable[[Floats, Mask, float], Muscle]] = MappingProxyType(
    {"path": by_path, "srg": by_srg, "rows": by_rows, "none": no_muscle}
)
"""Ways to find the muscle, by name."""
