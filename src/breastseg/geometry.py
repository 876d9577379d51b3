"""Boxes, sizes and microns per pixel. Pure: no files, no pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

from breastseg.errors import InputError, MppError

MIN_MPP, MAX_MPP = 0.05, 20.0
STRIDE_PX = 32
"""Networks here halve their input five times: tiles start and end on multiples of this."""


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
        raise MppError(f"{where}: {mpp:g} um/px, wanted {MIN_MPP:g} to {MAX_MPP:g}; give the right value with {option}")
    return mpp


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
        halo_px: border shown on each side of the inner box, a multiple of 32.

    Raises:
        InputError: the sizes are not multiples of 32, or the halo leaves nothing of the tile.
    """
    core = tile_px - 2 * halo_px
    if tile_px % STRIDE_PX or halo_px % STRIDE_PX or halo_px < 0 or core <= 0:
        raise InputError(
            f"tile of {tile_px} px with a halo of {halo_px} px: both must be multiples of {STRIDE_PX}, "
            f"and the tile larger than two halos, as in 512 and 64"
        )
    width, height = size_px
    for y, inner_height in _steps(height, core):
        for x, inner_width in _steps(width, core):
            outer = Box(x - halo_px, y - halo_px, _up(inner_width) + 2 * halo_px, _up(inner_height) + 2 * halo_px)
            yield Tile(outer, Box(x, y, inner_width, inner_height))


def _up(length: int) -> int:
    return -(-length // STRIDE_PX) * STRIDE_PX


def _steps(length: int, core: int) -> Iterator[tuple[int, int]]:
    count = -(-length // core)
    step = _up(-(-length // count))
    for start in range(0, length, step):
        yield start, min(step, length - start)
