"""Boxes, sizes and microns per pixel. Pure: no files, no pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from breastseg.errors import InputError, MppError

MIN_MPP, MAX_MPP = 0.05, 20.0
_MOST = 1e300
STRIDE_PX = 32
"""Networks here halve their input five times: tiles start and end on multiples of this."""
EDGE_PX = 64
"""Most that is shown beyond the edge of a field, where the field is mirrored: with 128, fewer dots of small fields were named right."""


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


@dataclass(frozen=True)
class Tile:
    """One step of a tiled run: `outer` is shown to the network (it may reach over the edge), `inner` is kept."""

    outer: Box
    inner: Box


def check_mpp(mpp: float, where: str, option: str = "--mpp") -> float:
    """Return `mpp` when it can be the scan of a tissue section, else raise MppError naming `where` it was found."""
    if not MIN_MPP <= mpp <= MAX_MPP:
        said = mpp if mpp != mpp or abs(mpp) < _MOST else inf  # a whole number can be too large to be written as another kind
        raise MppError(f"{where}: {said:g} um/px, wanted {MIN_MPP:g} to {MAX_MPP:g}; give the right value with {option}")
    return mpp


def parse_box(text: str, size_px: tuple[int, int], mpp: float, where: str) -> Box:
    """Return the box "x,y,width,height" of a slide in level-0 pixels; with "um" at its end the numbers are microns.

    Args:
        text: as a person writes it.
        size_px: (width, height) of the slide at level 0.
        mpp: its microns per pixel.
        where: the slide, for errors.

    Raises:
        InputError: not four numbers, or a box that does not lie inside the slide.
    """
    try:
        x, y, width, height = (float(part) for part in text.strip().removesuffix("um").split(","))
    except ValueError:
        raise InputError(f"box '{text}': wanted x,y,width,height in level-0 pixels, or in microns as in 500,500,2000,1000um") from None
    per_px = mpp if text.strip().endswith("um") else 1.0
    left, top, right, bottom = (round(place / per_px) if abs(place) < _MOST else -1 for place in (x, y, x + width, y + height))
    if not (0 <= left < right <= size_px[0] and 0 <= top < bottom <= size_px[1]):
        raise InputError(f"box '{text}': does not lie inside {where}, which has {size_px[0]} x {size_px[1]} px at {mpp:g} um/px")
    return Box(left, top, right - left, bottom - top)


def scaled_size(size_px: tuple[int, int], mpp: float, new_mpp: float) -> tuple[int, int]:
    """Return (width, height) in pixels of the same field at another resolution, at least one pixel each."""
    width, height = size_px
    return max(1, round(width * mpp / new_mpp)), max(1, round(height * mpp / new_mpp))


def tile_grid(size_px: tuple[int, int], tile_px: int, halo_px: int) -> Iterator[Tile]:
    """Cut a field into tiles whose inner boxes cover it once, row by row.

    Inner boxes start on multiples of 32 px and share the field evenly, so that no tile overshoots by more than that,
    and a tiled run meets the same strides as an untiled one.

    Args:
        size_px: (width, height) of the field.
        tile_px: largest side of an outer box, a multiple of 32.
        halo_px: border shown on each side of the inner box, a multiple of 32; beyond the field's edge no more than 64.

    Raises:
        InputError: the sizes are not multiples of 32, or the halo leaves nothing of the tile.
    """
    core = tile_px - 2 * halo_px
    if tile_px % STRIDE_PX or halo_px % STRIDE_PX or halo_px < 0 or core <= 0:
        raise InputError(
            f"tile of {tile_px} px with a halo of {halo_px} px: both must be multiples of {STRIDE_PX}, "
            f"and the tile larger than two halos, as in 512 and 64"
        )
    for y, inner_height, top, shown_height in _steps(size_px[1], core, halo_px):
        for x, inner_width, left, shown_width in _steps(size_px[0], core, halo_px):
            yield Tile(Box(left, top, shown_width, shown_height), Box(x, y, inner_width, inner_height))


def reach(tile: Tile, halo_px: int, size_px: tuple[int, int]) -> Box:
    """Return the inner box of a tile widened by the halo, inside a field of (width, height)."""
    inner, (width, height) = tile.inner, size_px
    x, y = max(0, inner.x - halo_px), max(0, inner.y - halo_px)
    right, bottom = min(width, inner.x + inner.width + halo_px), min(height, inner.y + inner.height + halo_px)
    return Box(x, y, right - x, bottom - y)


def _up(length: int) -> int:
    return -(-length // STRIDE_PX) * STRIDE_PX


def _steps(length: int, core: int, halo: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield along one side: start and length of the inner box, start and length of what is shown.

    All are shown alike long, because a network compiled for many sizes holds memory for each: those at the edges see more of the field.
    """
    count = -(-length // core)
    step, edge = _up(-(-length // count)), min(halo, EDGE_PX)
    end = _up(length) + edge
    shown = (end + edge, step + edge + halo, step + 2 * halo)[min(count, 3) - 1]
    for start in range(0, length, step):
        yield start, min(step, length - start), min(max(start - halo, -edge), end - shown), shown
