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


def outlines(framed: Labels, areas: Components, box: Box, tolerance_px: float) -> Polygons:
    """Return the (C,) polygons of the areas of a block, in pixels of the raster.

    Args:
        framed: (H + 2, W + 2) the block in a frame of one pixel of what is around it.
        areas: of the block.
        box: where the block lies.
        tolerance_px: corners are cut, then vertices go whose triangle with their neighbours is
            smaller than the square of this (Visvalingam and Whyatt 1993). With 0 the polygons
            follow the edges of the pixels.
    """
    points = _points(framed)
    turns = _turns(points, areas, (box.height, box.width))
    # (M,) which ring each passage belongs to
    ring = np.repeat(np.arange(turns.lengths.size), turns.lengths)
    x = points.x[turns.point] + box.x  # (M,)
    y = points.y[turns.point] + box.y  # (M,)
    places = np.stack([x, y], axis=-1).astype(np.float64)  # (M, 2)
    if tolerance_px:
        places, ring = _cut(places, ring, turns, points.fixed[turns.point])
    rings = shapely.linearrings(places, indices=ring)  # (R,)
    polygons: Polygons = shapely.polygons(rings, indices=turns.area)  # (C,)
    if not tolerance_px:
        return polygons
    # Polygons are simplified together, so that neighbours keep one border between them; the
    # block's own border stays, because the next block does not know what became of it.
    simplified: Polygons = shapely.coverage_simplify(
        polygons, tolerance_px, simplify_boundary=False
    )
    return simplified


def _points(framed: Labels) -> _Points:
    """Return the lattice points of a (H + 2, W + 2) block in its frame that matter."""
    own = framed.copy()
    own[[0, -1]] = _OUTSIDE
    own[:, [0, -1]] = _OUTSIDE
    level = own[1:] != own[:-1]  # (H + 1, W + 2) edges that lie below a row
    upright = own[:, 1:] != own[:, :-1]  # (H + 2, W + 1) edges that lie right of a column
    # Each (H + 1, W + 1): whether a border leaves a lattice point under this heading.
    east, west = level[:, 1:], level[:, :-1]
    south, north = upright[1:], upright[:-1]
    # A border that goes straight on needs no point; one that turns, ends or is met does. At a
    # crossing of four the first two conditions fail and the third holds.
    wanted = (east != west) | (south != north) | (east & north)
    # What meets the block's border from outside ends a stretch of it, in the next block too.
    wanted[0, 1:-1] |= framed[0, 1:-2] != framed[0, 2:-1]
    wanted[-1, 1:-1] |= framed[-1, 1:-2] != framed[-1, 2:-1]
    wanted[1:-1, 0] |= framed[1:-2, 0] != framed[2:-1, 0]
    wanted[1:-1, -1] |= framed[1:-2, -1] != framed[2:-1, -1]
    y, x = np.divmod(np.flatnonzero(wanted), wanted.shape[1])
    ways = np.stack([east[y, x], south[y, x], west[y, x], north[y, x]])  # (4, N)
    # A border that leaves a point runs straight to the next one that matters: in the order of
    # rows that is the next to the east, in the order of columns the next to the south.
    ends = np.zeros(ways.shape, np.intp)  # (4, N)
    ends[0, :-1] = np.arange(1, x.size)
    ends[2, 1:] = np.arange(x.size - 1)
    down = np.argsort(x.astype(np.uint16), kind="stable")  # column by column
    ends[1, down[:-1]] = down[1:]
    ends[3, down[1:]] = down[:-1]
    bottom, right = np.array(wanted.shape) - 1
    fixed = (ways.sum(axis=0) > 2) | (x == 0) | (y == 0) | (x == right) | (y == bottom)
    return _Points(x, y, ways, ends, fixed)


def _turns(points: _Points, areas: Components, shape: tuple[int, int]) -> _Turns:
    """Link passages through points to rings.

    A passage turns right if it can, so that areas that touch diagonally stay apart; but where an
    area touches itself, it turns left, which makes a hole that touches the outline and not an
    outline that touches itself.
    """
    # Who arrives at a point under heading h came along the border that leaves it the other way.
    come, point = np.nonzero(points.ways[[2, 3, 0, 1]])  # (M,) each
    # The pixel to the right of who arrives: the ring goes round its area.
    row = points.y[point] - _ROW[come]
    column = points.x[point] - _COLUMN[come]
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    come, point = come[inside], point[inside]
    pixel = (row * shape[1] + column)[inside]  # (M,)

    right, left = (come + 1) % 4, (come + 3) % 4
    ahead = np.where(points.ways[come, point], come, left)
    go = np.where(points.ways[right, point], right, ahead)
    # Where four borders meet, the pixel diagonally across may be of the same area.
    cross = np.flatnonzero(points.ways[:, point].all(axis=0))
    # The pixel to the right of who arrives the other way: index -2 is two headings on, modulo 4.
    row_across = points.y[point] - _ROW[come - 2]
    column_across = points.x[point] - _COLUMN[come - 2]
    across = row_across * shape[1] + column_across  # (M,)
    cross = cross[areas.at(across[cross]) == areas.at(pixel[cross])]
    go[cross] = left[cross]

    number = np.zeros(points.ways.shape, np.intp)  # (4, N) the passage by heading and point
    number[come, point] = np.arange(point.size)
    after = number[go, points.ends[go, point]]  # (M,) the passage that follows

    first, ring, steps, lengths = _cycles(after)
    x, y = points.x[point], points.y[point]
    # (R,) twice the area inside by the shoelace formula, negative for a hole
    doubled = np.bincount(ring, x * y[after] - x[after] * y)
    area = areas.at(pixel[first])
    # Rings by area, and of an area the outline before the holes, as shapely wants them.
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
    # Each member knows the least within `reach` steps, and how far ahead it is. Looking from
    # there on doubles the reach, so that a ring of a million points takes 20 rounds.
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
    steps = np.where(is_first, 0, lengths[cycle] - ahead)
    return np.flatnonzero(is_first), cycle, steps, lengths


def _cut(places: Places, ring: Ints, turns: _Turns, fixed: Bools) -> tuple[Places, Ints]:
    """Cut the corners that are not fixed, and leave out what then lies on a straight line.

    A corner is cut half a pixel along both its edges; where one of them is a step of one pixel,
    along half of the other edge. So a staircase becomes a straight line, and every pixel keeps its
    middle.
    """
    xy = places.T  # (2, M)
    # (M,) lengths of the two edges of each corner; all edges are level or upright.
    before = np.abs(_beside(xy, ring, -1) - xy).sum(axis=0)
    behind = np.abs(_beside(xy, ring, 1) - xy).sum(axis=0)
    # (M,) how far each corner is cut, back along the one edge and on along the other.
    back = np.where(behind == 1, before / 2, 0.5)
    on = np.where(before == 1, behind / 2, 0.5)
    back[fixed] = on[fixed] = 0
    # Two vertices for each corner, (2, M, 2) -> (2, 2 M); of a fixed one both are the same.
    start = xy - back * _STEPS[:, turns.come]
    end = xy + on * _STEPS[:, turns.go]
    cut = np.stack([start, end], axis=-1).reshape(2, -1)
    ring, fixed = np.repeat(ring, 2), np.repeat(fixed, 2)
    # Two cuts may meet in the middle of an edge: one vertex is enough there.
    is_new = (cut != _beside(cut, ring, -1)).any(axis=0)
    cut, ring, fixed = cut[:, is_new], ring[is_new], fixed[is_new]
    come, go = cut - _beside(cut, ring, -1), _beside(cut, ring, 1) - cut
    # Exact: places are multiples of a half, so that products are multiples of a quarter.
    bends = fixed | (come[0] * go[1] != come[1] * go[0])
    return cut[:, bends].T, ring[bends]


def _beside(xy: Places, ring: Ints, step: int) -> Places:
    """Return for each vertex, a column of (2, N), the one before it (step -1) or after it (1) in
    its ring."""
    shifted = np.roll(xy, -step, axis=1)
    # Rolled over the ends of rings: what is beside the first vertex is the last of its own ring.
    end = np.flatnonzero(np.diff(ring, append=-1))  # (R,)
    start = np.append(0, end[:-1] + 1)
    if step < 0:
        shifted[:, start] = xy[:, end]
    else:
        shifted[:, end] = xy[:, start]
    return shifted
