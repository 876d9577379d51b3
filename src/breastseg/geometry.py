"""Boxes, sizes and microns per pixel. Pure: no files, no images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError, MppError

MIN_MPP, MAX_MPP = 0.05, 20.0
_MOST = 1e300
"""Below what a float holds; a whole number may be larger, and cannot be written as a float."""
_MOST_PLACE = 1e12
"""In pixels or microns: a kilometre at 1 nm, and whole numbers up to here are exact in a float."""
STRIDE_PX = 32
"""Networks here halve their input five times: tiles start and end on multiples of this."""
EDGE_PX = 64
"""Most that is shown beyond the edge of a field, where the field is mirrored: with 128, fewer dots
of small fields were named right."""


TILE_SIDES_PX = (320, 448, 640, 960, 1280, 1664, 2048)
"""Sides of tiles. Few, because a network is compiled for each shape and every shape is tested on
every instruction set; dense towards the large end, where what a tile shows too much costs most (a
field of 2,000 to 6,000 px shows 7 % more on each side than with any multiple of 32)."""


@dataclass(frozen=True, order=True)
class Box:
    """A rectangle in pixels: left-top corner (x, y), then width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Return the area in pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return rows and columns, to index an (H, W, ...) array with."""
        rows = slice(self.y, self.y + self.height)
        columns = slice(self.x, self.x + self.width)
        return rows, columns

    @property
    def text(self) -> str:
        """Return the box as `parse_box` reads it."""
        return f"{self.x},{self.y},{self.width},{self.height}"


@dataclass(frozen=True)
class BoxUm:
    """A rectangle of a slide in microns: left-top corner (x, y), then width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def text(self) -> str:
        """Return the box as `parse_box` reads it."""
        return f"{self.x:.17g},{self.y:.17g},{self.width:.17g},{self.height:.17g}um"


@dataclass(frozen=True)
class Tile:
    """One step of a tiled run: `outer` is shown to the network (it may reach over the edge),
    `inner` is kept."""

    outer: Box
    inner: Box


def check_mpp(mpp: float, where: str, option: str = "--mpp") -> float:
    """Return `mpp` when it can be the scan of a tissue section, else raise MppError naming `where`
    it was found."""
    if not MIN_MPP <= mpp <= MAX_MPP:
        # A whole number can be too large to be written as a float; NaN is below nothing.
        is_too_large = abs(mpp) >= _MOST
        said = inf if is_too_large else mpp
        raise MppError(
            f"{where}: {said:g} um/px, wanted {MIN_MPP:g} to {MAX_MPP:g}; give the right value with"
            f" {option}"
        )
    return mpp


def parse_box(text: str) -> Box | BoxUm:
    """Return what a person wrote: "x,y,width,height" in level-0 pixels, or with "um" at its end in
    microns.

    Raises:
        InputError: not four numbers that a slide can have.
    """
    numbers = text.strip().removesuffix("um").split(",")
    try:
        x, y, width, height = (float(number) for number in numbers)
    except ValueError:
        x = y = width = height = inf
    # max() would be shorter, but may pass over NaN, which is below nothing.
    if not all(abs(number) < _MOST_PLACE for number in (x, y, width, height)):
        raise InputError(
            f"box '{text}': wanted x,y,width,height in level-0 pixels, or in microns as in"
            " 500,500,2000,1000um"
        )
    if text.strip().endswith("um"):
        # It becomes pixels only where the slide's um/px are known: `box_within`.
        return BoxUm(x, y, width, height)
    return _between(x, y, x + width, y + height)


def parse_place(text: str) -> tuple[float, float]:
    """Read a place in level-0 pixels, as in "1200,840"; InputError when it is none."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = inf
    if not (isfinite(x) and isfinite(y)):
        raise InputError(f"place '{text}': wanted X,Y in level-0 pixels, as in 1200,840")
    return x, y


def box_within(box: Box | BoxUm, size_px: tuple[int, int], mpp: float, where: str) -> Box:
    """Return a box of a slide in level-0 pixels.

    Args:
        box: in level-0 pixels, or in microns.
        size_px: (width, height) of the slide at level 0.
        mpp: its microns per pixel.
        where: the slide, for errors.

    Raises:
        InputError: the box is empty or does not lie inside the slide.
    """
    if isinstance(box, BoxUm):
        right_um = box.x + box.width
        bottom_um = box.y + box.height
        box_px = _between(box.x / mpp, box.y / mpp, right_um / mpp, bottom_um / mpp)
    else:
        box_px = box
    width, height = size_px
    is_inside_x = 0 <= box_px.x < box_px.x + box_px.width <= width
    is_inside_y = 0 <= box_px.y < box_px.y + box_px.height <= height
    if not (is_inside_x and is_inside_y):
        raise InputError(
            f"box '{box.text}': does not lie inside {where}, which has {width} x {height}"
            f" px at {mpp:g} um/px"
        )
    return box_px


def _between(left: float, top: float, right: float, bottom: float) -> Box:
    """Return the box between four places; each is rounded, so that neighbours stay neighbours."""
    x, y = round(left), round(top)
    return Box(x, y, round(right) - x, round(bottom) - y)


def scaled_size(size_px: tuple[int, int], mpp: float, new_mpp: float) -> tuple[int, int]:
    """Return (width, height) in pixels of the same field at another resolution, at least one pixel
    each."""
    width, height = size_px
    return max(1, round(width * mpp / new_mpp)), max(1, round(height * mpp / new_mpp))


def middles_within(low: float, high: float, length: int) -> tuple[int, int]:
    """Return the first pixel of a line whose middle lies between two places, and the one after the
    last; at least one pixel of the line.

    Args:
        low: in pixels; a middle on it counts.
        high: likewise; a middle on it does not count.
        length: of the line, in pixels.
    """
    # The middle of pixel k lies at k + 0.5.
    start = max(0, ceil(low - 0.5))
    end = min(length, ceil(high - 0.5))
    if start < end:
        return start, end
    # No middle lies between the two: the pixel in which the middle of both lies.
    between = floor((low + high) / 2)
    nearest = min(max(0, between), length - 1)
    return nearest, nearest + 1


def tile_grid(size_px: tuple[int, int], tile_px: int, halo_px: int) -> Iterator[Tile]:
    """Cut a field into tiles of one shape whose inner boxes cover it once, row by row.

    Inner boxes start on multiples of 32 px and share the field evenly, so that a tiled run meets
    the same strides as an untiled one. Sides of what is shown are of `tile_sides` alone: those that
    show least in all. What that leaves over is shown of the neighbours, or mirrored where the whole
    field is smaller than a tile.

    Args:
        size_px: (width, height) of the field.
        tile_px: largest side of an outer box, a multiple of 32.
        halo_px: border shown on each side of the inner box at least, a multiple of 32; beyond the
            field's edge no more than 64, unless the field is smaller than a tile.

    Raises:
        InputError: the sizes are not multiples of 32, or the halo leaves nothing of the tile.
    """
    if tile_px % STRIDE_PX or halo_px % STRIDE_PX or halo_px < 0 or tile_px <= 2 * halo_px:
        raise InputError(
            f"tile of {tile_px} px with a halo of {halo_px} px: both must be multiples of"
            f" {STRIDE_PX}, and the tile larger than two halos, as in 512 and 64"
        )
    width, height = size_px
    sides = tile_sides(tile_px)
    across = _steps(width, sides, halo_px)
    down = _steps(height, sides, halo_px)
    for y, inner_height, top, shown_height in down:
        for x, inner_width, left, shown_width in across:
            outer = Box(left, top, shown_width, shown_height)
            inner = Box(x, y, inner_width, inner_height)
            yield Tile(outer, inner)


def tile_sides(tile_px: int) -> tuple[int, ...]:
    """Return the sides that tiles may have where `tile_px` is the largest: networks are compiled
    for these and no others."""
    smaller = [side for side in TILE_SIDES_PX if side < tile_px]
    return (*smaller, tile_px)


def reach(tile: Tile, halo_px: int, size_px: tuple[int, int]) -> Box:
    """Return the inner box of a tile widened by the halo, inside a field of (width, height)."""
    inner = tile.inner
    width, height = size_px
    left = max(0, inner.x - halo_px)
    top = max(0, inner.y - halo_px)
    right = min(width, inner.x + inner.width + halo_px)
    bottom = min(height, inner.y + inner.height + halo_px)
    return Box(left, top, right - left, bottom - top)


def _up(length: int) -> int:
    """Return the next multiple of the stride, up."""
    return -(-length // STRIDE_PX) * STRIDE_PX


def _down(length: int) -> int:
    """Return the next multiple of the stride, down."""
    return length // STRIDE_PX * STRIDE_PX


def _steps(length: int, sides: Sequence[int], halo: int) -> list[tuple[int, int, int, int]]:
    """Return along one side of a field, for each tile: start and length of the inner box, start and
    length of what is shown."""
    edge = min(halo, EDGE_PX)
    whole = _up(length) + 2 * edge
    # A tile keeps at least half of what it shows: its halos are no more than half of it.
    least = min(whole, 4 * halo)
    fitting = [side for side in sides if side >= least] or sides[-1:]
    plans = []
    for side in fitting:
        count = _count(length, side, halo)
        plans.append((count * side, count, side))
    # The least that is shown in all; of equals the fewest tiles.
    _, count, shown = min(plans)
    if count == 1:
        # What the tile has to spare is mirrored on both sides alike.
        return [(0, length, -edge - _down((shown - whole) // 2), shown)]
    step = _up(-(-length // count))
    margin = _down((shown - step) // 2)
    last = _up(length) + edge - shown
    steps = []
    for start in range(0, length, step):
        inner_length = min(step, length - start)
        # At the edges a tile moves inwards: it shows more of its neighbour, not what is mirrored.
        outer_start = min(max(start - margin, -edge), last)
        steps.append((start, inner_length, outer_start, shown))
    return steps


def _count(length: int, side: int, halo: int) -> int:
    """Return how many tiles of a side cover a length; the first and the last see less beyond the
    edge than the others of neighbours."""
    edge = min(halo, EDGE_PX)
    if side >= _up(length) + 2 * edge:
        return 1
    if side >= _up(-(-length // 2)) + edge + halo:
        return 2
    return max(3, -(-length // (side - 2 * halo)))


def crossings(
    edges: npt.NDArray[np.float64], rows: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where edges cross the middles of rows of pixels.

    A pixel lies within a ring when its middle does. A middle on a border counts to the right of
    it, or below it: of two areas that share a border, one has the pixel.

    Args:
        edges: (4, N) x and y of the upper end, then of the lower end.
        rows: the first row that matters, and the one after the last.

    Returns:
        (M,) the edge of each crossing, its row, and the first column whose middle is not left of
        it.
    """
    x, y, to_x, to_y = edges  # (N,) each
    # An edge crosses the rows whose middle, k + 0.5, lies from y on and above to_y.
    first = np.clip(np.ceil(y - 0.5), *rows).astype(np.int64)  # (N,)
    end = np.clip(np.ceil(to_y - 0.5), *rows).astype(np.int64)  # (N,)
    count = end - first
    edge = np.repeat(np.arange(count.size), count)  # (M,)
    # Crossings of an edge lie one after another: number in all, minus number of its first one.
    first_of_edge = np.cumsum(count) - count  # (N,)
    row = np.arange(edge.size) + (first - first_of_edge)[edge]  # (M,)
    # An edge that crosses nothing may be level; its slope is not used.
    slope = (to_x - x) / np.where(count > 0, to_y - y, 1)  # (N,)
    at = x[edge] + (row + 0.5 - y[edge]) * slope[edge]  # (M,)
    return edge, row, np.ceil(at - 0.5).astype(np.int64)


def downward(
    places: npt.NDArray[np.float64], to: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return edges from (N, 2) places to others as `crossings` takes them, and which of them went
    down already."""
    is_down = places[:, 1] < to[:, 1]  # (N,)
    as_it_is = (*places.T, *to.T)  # x, y, to_x, to_y: (N,) each
    turned = (*to.T, *places.T)
    return np.where(is_down, as_it_is, turned), is_down
