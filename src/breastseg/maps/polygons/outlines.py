"""A block of labels -> its areas as polygons with holes, along the edges of pixels, simplified
together.

Lattice points lie between four pixels. Those at which a border turns or meets another are linked
to rings: each goes round its area clockwise (x to the right, y down), so that holes go the other
way. Where three areas meet, or two diagonally, or a border meets the block's, the point stays in
every polygon: neighbours share all vertices of their border, within a block and across blocks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.maps.polygons.components import Bools, Components, Ints

Places = npt.NDArray[np.float64]
Polygons = npt.NDArray[np.object_]

_OUTSIDE = 255
"""The label of what is beyond the block while rings are drawn: no label map has so many classes."""

_STEPS = np.array([[1, 0, -1, 0], [0, 1, 0, -1]])
"""What headings add to x and to y, by number: east, south, west, north."""

_COLUMN, _ROW = np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0])
"""From the pixel to the right of who arrives under a heading to the point."""


@dataclass(frozen=True)
class _Points:
    """Lattice points that matter, row by row.

    Attributes:
        x: (N,) columns to the left.
        y: (N,) rows above.
        ways: (4, N) whether a border leaves the point under this heading.
        ends: (4, N) the point at which that border arrives.
        fixed: (N,) where simplification must not move a vertex.
    """

    x: Ints
    y: Ints
    ways: Bools
    ends: Ints
    fixed: Bools


@dataclass(frozen=True)
class _Turns:
    """Rings as passages through points, ring after ring, those of an area together with its outline
    first.

    Attributes:
        point: (M,) the point that is passed.
        come: (M,) heading before it.
        go: (M,) heading after it.
        lengths: (R,) passages of each ring.
        area: (R,) the area round which it goes.
    """

    point: Ints
    come: Ints
    go: Ints
    lengths: Ints
    area: Ints


def outlines(framed: Labels, found: Components, box: Box, tolerance_px: float) -> Polygons:
    """Return the (C,) polygons of the areas of a block, in pixels of the raster.

    Args:
        framed: (H + 2, W + 2) the block in a frame of one pixel of what is around it.
        found: the areas of the block.
        box: where the block lies.
        tolerance_px: corners are cut, then vertices go whose triangle with their neighbours is
            smaller than the square of this (Visvalingam and Whyatt 1993). With 0 the polygons
            follow the edges of the pixels.
    """
    points = _points(framed)
    turns = _turns(points, found, (box.height, box.width))
    ring = np.repeat(np.arange(turns.lengths.size), turns.lengths)
    places = np.stack(
        [points.x[turns.point] + box.x, points.y[turns.point] + box.y], axis=-1
    ).astype(np.float64)
    if tolerance_px:
        places, ring = _cut(places, ring, turns, points.fixed[turns.point])
    polygons: Polygons = shapely.polygons(
        shapely.linearrings(places, indices=ring), indices=turns.area
    )
    return (
        shapely.coverage_simplify(polygons, tolerance_px, simplify_boundary=False)
        if tolerance_px
        else polygons
    )


def _points(framed: Labels) -> _Points:
    own = framed.copy()
    own[[0, -1]] = _OUTSIDE
    own[:, [0, -1]] = _OUTSIDE
    level, upright = own[1:] != own[:-1], own[:, 1:] != own[:, :-1]
    east, south, west, north = level[:, 1:], upright[1:], level[:, :-1], upright[:-1]
    wanted = (east != west) | (south != north) | (east & north)
    wanted[0, 1:-1] |= framed[0, 1:-2] != framed[0, 2:-1]
    wanted[-1, 1:-1] |= framed[-1, 1:-2] != framed[-1, 2:-1]
    wanted[1:-1, 0] |= framed[1:-2, 0] != framed[2:-1, 0]
    wanted[1:-1, -1] |= framed[1:-2, -1] != framed[2:-1, -1]
    y, x = np.divmod(np.flatnonzero(wanted), wanted.shape[1])
    ways = np.stack([way[y, x] for way in (east, south, west, north)])
    ends = np.zeros(ways.shape, np.intp)
    ends[0, :-1], ends[2, 1:] = np.arange(1, x.size), np.arange(x.size - 1)
    down = np.argsort(x.astype(np.uint16), kind="stable")  # column by column
    ends[1, down[:-1]], ends[3, down[1:]] = down[1:], down[:-1]
    bottom, right = np.array(wanted.shape) - 1
    fixed = (ways.sum(axis=0) > 2) | (x == 0) | (y == 0) | (x == right) | (y == bottom)
    return _Points(x, y, ways, ends, fixed)


def _turns(points: _Points, found: Components, shape: tuple[int, int]) -> _Turns:
    """Link passages through points to rings.

    A passage turns right if it can, so that areas that touch diagonally stay apart; but where an
    area touches itself, it turns left, which makes a hole that touches the outline and not an
    outline that touches itself.
    """
    come, point = np.nonzero(points.ways[[2, 3, 0, 1]])
    row, column = points.y[point] - _ROW[come], points.x[point] - _COLUMN[come]
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    come, point, pixel = come[inside], point[inside], (row * shape[1] + column)[inside]
    right, left = (come + 1) % 4, (come + 3) % 4
    go = np.where(points.ways[right, point], right, np.where(points.ways[come, point], come, left))
    cross = np.flatnonzero(points.ways[:, point].all(axis=0))
    across = (points.y[point] - _ROW[come - 2]) * shape[1] + points.x[point] - _COLUMN[come - 2]
    cross = cross[found.at(across[cross]) == found.at(pixel[cross])]
    go[cross] = left[cross]
    number = np.zeros(points.ways.shape, np.intp)
    number[come, point] = np.arange(point.size)
    after = number[go, points.ends[go, point]]

    first, ring, steps, lengths = _cycles(after)
    x, y = points.x[point], points.y[point]
    doubled = np.bincount(ring, x * y[after] - x[after] * y)
    area = found.at(pixel[first])
    order = np.lexsort((doubled < 0, area))
    start = np.zeros(order.size, np.intp)
    start[order] = np.cumsum(lengths[order]) - lengths[order]
    place = np.empty_like(point)
    place[start[ring] + steps] = np.arange(point.size)
    return _Turns(point[place], come[place], go[place], lengths[order], area[order])


def _cycles(after: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the cycles of a permutation by doubling steps.

    Returns:
        (R,) the first member of each cycle; (M,) the cycle of each member; (M,) its steps from the
        first; (R,) lengths.
    """
    least = np.arange(after.size)
    ahead = np.zeros_like(least)
    reach = 1
    while (better := (there := least[after]) < least).any():
        ahead = np.where(better, ahead[after] + reach, ahead)
        least = np.where(better, there, least)
        after, reach = after[after], 2 * reach
    is_first = ahead == 0
    cycle = (np.cumsum(is_first) - 1)[least]
    lengths = np.bincount(cycle)
    return np.flatnonzero(is_first), cycle, np.where(is_first, 0, lengths[cycle] - ahead), lengths


def _cut(places: Places, ring: Ints, turns: _Turns, fixed: Bools) -> tuple[Places, Ints]:
    """Cut the corners that are not fixed, and leave out what then lies on a straight line.

    A corner is cut half a pixel along both its edges; where one of them is a step of one pixel,
    along half of the other edge. So a staircase becomes a straight line, and every pixel keeps its
    middle.
    """
    xy = places.T
    before, behind = (np.abs(_beside(xy, ring, step) - xy).sum(axis=0) for step in (-1, 1))
    back = np.where(fixed, 0, np.where(behind == 1, before / 2, 0.5))
    on = np.where(fixed, 0, np.where(before == 1, behind / 2, 0.5))
    cut = np.stack(
        [xy - back * _STEPS[:, turns.come], xy + on * _STEPS[:, turns.go]], axis=-1
    ).reshape(2, -1)
    ring, fixed = np.repeat(ring, 2), np.repeat(fixed, 2)
    new = (cut != _beside(cut, ring, -1)).any(axis=0)
    cut, ring, fixed = cut[:, new], ring[new], fixed[new]
    come, go = cut - _beside(cut, ring, -1), _beside(cut, ring, 1) - cut
    bends = fixed | (come[0] * go[1] != come[1] * go[0])
    return cut[:, bends].T, ring[bends]


def _beside(xy: Places, ring: Ints, step: int) -> Places:
    """Return for each vertex, a column of (2, N), the one before it (step -1) or after it (1) in
    its ring."""
    beside = np.roll(xy, -step, axis=1)
    end = np.flatnonzero(np.diff(ring, append=-1))
    start = np.append(0, end[:-1] + 1)
    beside[:, start if step < 0 else end] = xy[:, end if step < 0 else start]
    return beside
