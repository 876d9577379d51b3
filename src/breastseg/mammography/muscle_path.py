"""The border of the pectoral muscle: the best of many smooth curves, refined by a shortest path.

All works on a film whose chest wall is on the left, so that the muscle fills the upper left corner.
A curve runs from a point on the top edge to a point on the chest wall. Chosen is the one with the
largest mean signed gradient across it (bright inside, dark outside) x share of points with the
right sign x length x (share of the gradient that points straight inwards)^3. A path of least cost
in a band round the best curve then follows the muscle's own border.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.mammography.working import Floats, Mask

LEAST_SCORE = 0.3
"""A border with a lower score is no muscle."""
_TOP_POINTS, _WALL_POINTS = 44, 56
_BOWS = (-0.12, -0.08, -0.04, 0.0, 0.04, 0.08)
"""How far the middle of a curve bends away from the corner, as a share of its length."""
_SAMPLES = 64
_SCALES_MM = (1.2, 3.0)
_BAND_MM = 8.0
_EXTENSION_MM = 12.0
_ALIGNED_POWER = 3
_LARGEST_SHARE = 0.6
_SKIN_MM = (8.0, 25.0)
_LEAST_FALL, _MOST_FALL = 0.025, 0.08
_OFFSET_COST, _TURN_COST = 0.05, 0.01
"""What the refined path pays at the edge of the band, and for a step aside."""


@dataclass(frozen=True)
class Border:
    """The muscle's border on a film with its chest wall on the left.

    Attributes:
        score: 0 to 1, how much the path is a border; see `_score`.
        rows: (n,) float32, from the top edge to the chest wall.
        columns: (n,) float32.
    """

    score: float
    rows: Floats
    columns: Floats


def contrast_of(grey: Floats, breast: Mask) -> Floats:
    """Return grey values in units of the spread inside the breast, so that films compare.

    Outside the breast the 5th percentile inside is put, so that the skin makes no edge.
    """
    inside = grey[breast]
    low, high = np.percentile(inside, (5, 95))
    filled = np.where(breast, grey, low)  # (h, w)
    spread = max(1.0, float(high - low))
    # A little beyond 0 and 1: only what is far outside of the breast's grey values is cut.
    contrast = np.clip((filled - low) / spread, -0.2, 1.2)
    return np.asarray(contrast, np.float32)


def gradients(contrast: Floats, mm_per_px: float) -> tuple[Floats, Floats]:
    """Return the contrast's gradient along rows and columns, times the width of the smoothing.

    So it has no unit of length: a sharp step of height h has 0.4 h on it at every width. It is the
    mean over two widths: thin borders and broad ones.
    """
    along_rows = np.zeros_like(contrast)
    along_columns = np.zeros_like(contrast)
    for scale_mm in _SCALES_MM:
        deviation = scale_mm / mm_per_px
        soft = cv2.GaussianBlur(contrast, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)
        # times the width: an ideal step then has the same height at both scales
        # 1 / 8: Sobel's weights add up to 8 for a slope of 1
        slope_rows = cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8)
        slope_columns = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8)
        along_rows += deviation * slope_rows
        along_columns += deviation * slope_columns
    along_rows /= len(_SCALES_MM)
    along_columns /= len(_SCALES_MM)
    return along_rows, along_columns


def from_skin_mm(breast: Mask, mm_per_px: float) -> Floats:
    """Return how far a pixel of the breast is from the skin; the film's edges are no skin."""
    # the edge is repeated outside, so that the film's end does not look like skin
    framed = np.pad(breast, 1, mode="edge").astype(np.uint8)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inner = distance[1:-1, 1:-1]
    return np.asarray(inner * mm_per_px, np.float32)


def candidates(breast: Mask, mm_per_px: float) -> tuple[Floats, Floats, Floats]:
    """Return curves: rows (k, s), columns (k, s), and the length of each in mm (k,)."""
    height, _ = breast.shape
    top_rows = max(1, round(4 / mm_per_px))
    top_width = int(breast[:top_rows].any(axis=0).sum())
    farthest = max(12 / mm_per_px, 0.95 * top_width)
    tops = np.linspace(8 / mm_per_px, farthest, _TOP_POINTS)
    # Beyond the height too: the muscle may leave the film at its lower edge.
    walls = np.linspace(0.1 * height, 1.15 * height, _WALL_POINTS)
    grid = np.meshgrid(tops, walls, np.array(_BOWS), indexing="ij")
    top = grid[0].ravel()  # (k,): each with each, as the two below
    wall = grid[1].ravel()
    bow = grid[2].ravel()
    along = np.linspace(0, 1, _SAMPLES)[None]  # (1, s)
    length = np.hypot(top, wall)[:, None]  # (k, 1)
    # (k, s), away from the corner: 4 x (1 - x) is 1 in the middle and 0 at both ends
    bend = bow[:, None] * length * 4 * along * (1 - along)
    rows = wall[:, None] * along
    rows = rows + bend * top[:, None] / length
    columns = top[:, None] * (1 - along)
    columns = columns + bend * wall[:, None] / length
    # The muscle is a steep triangle: flatter lines are folds of skin, or tape.
    is_steep = wall > 0.6 * top
    rows = rows[is_steep].astype(np.float32)
    columns = columns[is_steep].astype(np.float32)
    length_mm = (length[is_steep, 0] * mm_per_px).astype(np.float32)
    return rows, columns, length_mm


def scores_of(
    rows: Floats, columns: Floats, length_mm: Floats, along_rows: Floats, along_columns: Floats
) -> npt.NDArray[np.float64]:
    """Return by what curves are compared (k,); where they leave the film they gain nothing."""
    height, width = along_rows.shape
    row_index = np.rint(rows).astype(np.int32)  # (k, s), as all below until the sums
    column_index = np.rint(columns).astype(np.int32)
    is_inside = (row_index >= 0) & (row_index < height) & (column_index >= 0)
    is_inside &= column_index < width
    flat = np.where(is_inside, row_index * width + column_index, 0)
    outward_rows, outward_columns = _outward(rows, columns)
    gradient_rows = np.where(is_inside, along_rows.ravel()[flat], 0)
    gradient_columns = np.where(is_inside, along_columns.ravel()[flat], 0)
    falls = -(gradient_rows * outward_rows + gradient_columns * outward_columns)
    steepness = np.hypot(gradient_rows, gradient_columns).sum(axis=1)  # (k,)
    # 1 where the gradient points straight inwards all along the curve, 0 where it points outwards
    aligned = np.maximum(falls.sum(axis=1), 0) / (steepness + 1e-6)
    count = np.maximum(1, is_inside.sum(axis=1))
    # one very bright edge must not carry a whole curve
    mean = np.minimum(falls, _MOST_FALL).sum(axis=1) / count
    positive = (falls > 0).sum(axis=1) / count
    seen_mm = length_mm * count / rows.shape[1]
    return np.asarray(mean * positive * aligned**_ALIGNED_POWER * seen_mm)


def find_border(grey: Floats, breast: Mask, mm_per_px: float) -> Border:
    """Find the muscle's border on a film whose chest wall is on the left.

    Args:
        grey: (h, w) float32, cropped to the breast.
        breast: (h, w) bool.
        mm_per_px: size of a pixel.

    Returns:
        The border; its score says whether it is one.
    """
    along_rows, along_columns = gradients(contrast_of(grey, breast), mm_per_px)
    # the breast gets thin towards the skin: its grey value falls there without any muscle
    heights = np.arange(len(breast)) / len(breast)  # 0 at the top
    thin_mm = np.interp(heights, (0, 0.5), _SKIN_MM)[:, None]
    shares = from_skin_mm(breast, mm_per_px) / thin_mm  # (h, w)
    weight = np.clip(shares, 0, 1).astype(np.float32) ** 2
    along_rows *= weight
    along_columns *= weight
    rows, columns, length_mm = candidates(breast, mm_per_px)
    scores = scores_of(rows, columns, length_mm, along_rows, along_columns)
    scores *= _plausible_area(rows, columns, breast)
    best = int(scores.argmax())  # of the k curves
    path_rows, path_columns = _refined(
        rows[best], columns[best], along_rows, along_columns, mm_per_px
    )
    score = _score(path_rows, path_columns, along_rows, along_columns)
    return Border(score, path_rows, path_columns)


def _score(rows: Floats, columns: Floats, along_rows: Floats, along_columns: Floats) -> float:
    """Return how much a path is a border, 0 to 1.

    It is the share of the gradient that points straight inwards (0 for a half, 1 for all of it) x
    the share of points with the right sign x the strength (1 for steps of 6 % of the breast's
    spread or more).
    """
    height, width = along_rows.shape
    on_film = (rows >= 0) & (rows < height)
    on_film &= (columns >= 0) & (columns < width)
    rows = rows[on_film]
    columns = columns[on_film]
    if len(rows) < 8:
        return 0.0
    outward_rows, outward_columns = _outward(rows[None], columns[None])
    gradient_rows = _at(along_rows, rows[None], columns[None])  # (1, n), as all here
    gradient_columns = _at(along_columns, rows[None], columns[None])
    falls = -(gradient_rows * outward_rows + gradient_columns * outward_columns)
    steepness = float(np.hypot(gradient_rows, gradient_columns).sum()) + 1e-6
    aligned = float(np.clip(2 * falls.sum() / steepness - 1, 0, 1))
    strength = float(np.clip(falls.mean() / _LEAST_FALL, 0, 1))
    right_sign = float((falls > 0).mean())
    return aligned * right_sign * strength


def _outward(rows: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Return the unit normals of curves (k, s) that run from the top edge to the chest wall.

    They point away from the corner.
    """
    step_rows = np.gradient(rows, axis=1)
    step_columns = np.gradient(columns, axis=1)
    length = np.hypot(step_rows, step_columns) + 1e-6
    # The direction of the curve, turned by a quarter.
    return -step_columns / length, step_rows / length


def _plausible_area(rows: Floats, columns: Floats, breast: Mask) -> npt.NDArray[np.float64]:
    """Return 1 for curves that cut off up to 40 % of the breast, falling to 0 at 60 % (k,)."""
    height = breast.shape[0]
    # the area between a curve and the chest wall, by the trapezium rule
    inside = np.clip(rows, 0, height)
    heights = np.diff(inside, axis=1)  # (k, s - 1)
    widths_twice = columns[:, 1:] + columns[:, :-1]
    areas = (heights * widths_twice / 2).sum(axis=1)
    shares = areas / max(1, int(breast.sum()))
    plausible = np.clip((_LARGEST_SHARE - shares) / 0.2, 0, 1)
    return np.asarray(plausible, np.float64)


def _refined(
    rows: Floats,
    columns: Floats,
    along_rows: Floats,
    along_columns: Floats,
    mm_per_px: float,
) -> tuple[Floats, Floats]:
    """Return the path of least cost in a band round a curve, from its first point to its last."""
    rows, columns = _extended(rows, columns, _EXTENSION_MM / mm_per_px)
    steps_px = np.hypot(np.diff(rows), np.diff(columns))
    count = max(8, round(float(steps_px.sum())))  # a place a pixel
    travelled = np.concatenate([[0], steps_px.cumsum()])
    places = np.linspace(0, travelled[-1], count)
    curve_rows = np.interp(places, travelled, rows).astype(np.float32)  # (n,)
    curve_columns = np.interp(places, travelled, columns).astype(np.float32)
    all_rows, all_columns = _outward(curve_rows[None], curve_columns[None])
    outward_rows = all_rows[0]
    outward_columns = all_columns[0]
    reach = round(_BAND_MM / mm_per_px)
    offsets = np.arange(-reach, reach + 1)
    # the band laid flat: (n along the curve, 2 * reach + 1 across it)
    band_rows = curve_rows[:, None] + offsets * outward_rows[:, None]
    band_columns = curve_columns[:, None] + offsets * outward_columns[:, None]
    band_rows = band_rows.astype(np.float32)
    band_columns = band_columns.astype(np.float32)
    falls = -(
        _at(along_rows, band_rows, band_columns) * outward_rows[:, None]
        + _at(along_columns, band_rows, band_columns) * outward_columns[:, None]
    )
    cost = -falls + _OFFSET_COST * (offsets / reach) ** 2
    chosen = offsets[_least_path(cost)].astype(np.float64)  # (n,) pixels along the normals
    chosen = _smoothed(chosen, 2.0 / mm_per_px)
    return (
        (curve_rows + chosen * outward_rows).astype(np.float32),
        (curve_columns + chosen * outward_columns).astype(np.float32),
    )


def _extended(rows: Floats, columns: Floats, more_px: float) -> tuple[Floats, Floats]:
    """Return a curve that goes straight on at both ends, out of the film."""
    points = np.stack([rows, columns], axis=1)  # (n, 2)
    first = points[0] - points[1]
    last = points[-1] - points[-2]
    first *= more_px / np.linalg.norm(first)
    last *= more_px / np.linalg.norm(last)
    longer = np.concatenate([[points[0] + first], points, [points[-1] + last]])
    longer = longer.astype(np.float32)
    return longer[:, 0].copy(), longer[:, 1].copy()  # each in one piece, as OpenCV wants it


def _at(image: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return an image's values between pixels; beyond its edges the nearest pixel's."""
    values = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float32)


def _least_path(cost: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """Return the column of each row on the cheapest way down; a step goes one column aside at most.

    Args:
        cost: (n, m).
    """
    count, width = cost.shape
    total = cost[0].astype(np.float64)
    came_from = np.zeros((count, width), np.intp)
    middle = np.arange(width)
    for row in range(1, count):
        padded = np.pad(total, 1, constant_values=np.inf)
        # three ways to come to each column: from the left, from above, from the right
        from_left = padded[:-2] + _TURN_COST
        from_above = padded[1:-1]
        from_right = padded[2:] + _TURN_COST
        ways = np.stack([from_left, from_above, from_right])  # (3, m)
        way = ways.argmin(axis=0)
        came_from[row] = middle + way - 1
        total = ways[way, middle] + cost[row]
    path = np.zeros(count, np.intp)
    path[-1] = int(total.argmin())
    for row in range(count - 1, 0, -1):
        path[row - 1] = came_from[row, path[row]]
    return path


def _smoothed(values: npt.NDArray[np.float64], deviation: float) -> npt.NDArray[np.float64]:
    column = values.astype(np.float32)[:, None]
    soft = cv2.GaussianBlur(
        column,
        (1, 2 * round(3 * deviation) + 1),
        1,
        sigmaY=deviation,
        borderType=cv2.BORDER_REPLICATE,
    )
    return np.asarray(soft[:, 0], np.float64)
