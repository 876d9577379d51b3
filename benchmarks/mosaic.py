"""A slide of any size from one real region: a tiled JPEG pyramid, written strip by strip, and the
truth that belongs to it.

The region is repeated in mirror images, so that there are no hard seams. With `glass`, a share of
the slide is off-white with noise, in large connected parts with ragged borders; truth is 0 there.
Same arguments, same pixels.

    python benchmarks/mosaic.py slide.tif --region REGION.png --side 40000 --glass 0.33
    python benchmarks/mosaic.py slide.tif --region REGION.png --side 4000 --mpp 0.5 --mask MASK.png
    --truth truth.png
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from breastseg.geometry import scaled_size
from breastseg.images import read_codes, resample_labels, resample_pixels

Bytes = npt.NDArray[np.uint8]

REGION_MPP = 0.30
TILE = 256
LEVELS = 7
"""Each level has half the size of the one before, down to a few hundred px."""
_WHOLE = 2 ** (LEVELS - 1)
"""The region is cut to a multiple of this: then a level of the mosaic is the mosaic of the region
at that level."""
_CELL = 16
"""Pixels a side under one element of the plan of glass."""
_QUALITY = 80
_BUFFER = 2**25


@dataclass(frozen=True)
class Mosaic:
    """A region, repeated over a square.

    Attributes:
        region: (H, W, 3) uint8 pixels, or (H, W) uint8 labels; H and W multiples of 64.
        side_px: side of the square.
        glass: share of the square that is glass.
    """

    region: Bytes
    side_px: int
    glass: float = 0.0

    @cached_property
    def is_glass(self) -> npt.NDArray[np.bool_]:
        """The plan of glass, one element per 16 px: the low parts of smooth noise with a little
        rough noise on it."""
        cells = -(-self.side_px // _CELL) + TILE // _CELL
        draws = np.random.default_rng(0)
        height = sum(
            weight
            * cv2.resize(
                draws.standard_normal((size, size), np.float32),
                (cells, cells),
                interpolation=cv2.INTER_CUBIC,
            )
            for weight, size in ((1.0, 5), (0.3, 20), (0.05, 160))
        )
        return np.asarray(height < np.quantile(height, self.glass))

    def strips(self, level: int) -> Iterator[Bytes]:
        """Yield the rows of tiles of a level, top down, each filled up to whole tiles."""
        height, width = (size >> level for size in self.region.shape[:2])
        shrunk = resample_pixels(self.region, (width, height))
        side = -(-(self.side_px >> level) // TILE) * TILE
        columns = np.arange(side)
        for top in range(0, side, TILE):
            rows = np.arange(top, top + TILE)
            part = shrunk[_mirrored(rows, height)]
            strip = _repeated(np.concatenate([part, part[:, ::-1]], axis=1), side)
            if self.glass:
                plan = self.is_glass[np.ix_(self._cells(rows, level), self._cells(columns, level))]
                np.copyto(
                    strip,
                    _glass(strip.shape),
                    where=plan.reshape(plan.shape + (1,) * (strip.ndim - 2)),
                )
            yield strip

    def tiles(self, level: int) -> Iterator[Bytes]:
        """Yield the tiles of a level, row by row."""
        for strip in self.strips(level):
            for left in range(0, strip.shape[1], TILE):
                yield strip[:, left : left + TILE]

    def whole(self) -> Bytes:
        """Return level 0; for small squares."""
        return np.concatenate(list(self.strips(0)))[: self.side_px, : self.side_px]

    def _cells(self, places: npt.NDArray[np.intp], level: int) -> npt.NDArray[np.intp]:
        return np.minimum((places << level) // _CELL, len(self.is_glass) - 1)


def _mirrored(places: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    places = places % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)


def _repeated(part: Bytes, width: int) -> Bytes:
    return np.concatenate([part] * -(-width // part.shape[1]), axis=1)[:, :width]


def _glass(shape: tuple[int, ...]) -> Bytes:
    """Return off-white with the noise of a camera, or label 0."""
    if len(shape) == 2:
        return np.zeros(shape, np.uint8)
    noise = np.random.default_rng(0).normal((242, 240, 243), 1.5, (TILE, TILE, 3)).astype(np.uint8)
    return _repeated(noise, shape[1])


def pixels_of(region: Path, mpp: float) -> Bytes:
    """Return the region's pixels at `mpp`, cut to a multiple of 64 px."""
    with Image.open(region) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return _cut(resample_pixels(pixels, scaled_size(pixels.shape[1::-1], REGION_MPP, mpp)))


def codes_of(mask: Path, mpp: float) -> Bytes:
    """Return the region's label codes at `mpp`, cut as its pixels are."""
    codes = read_codes(mask)
    return _cut(resample_labels(codes, scaled_size(codes.shape[::-1], REGION_MPP, mpp)))


def _cut(picture: Bytes) -> Bytes:
    height, width = (size // _WHOLE * _WHOLE for size in picture.shape[:2])
    return picture[:height, :width]


def write_slide(
    path: Path, region: Path, side_px: int, *, mpp: float = REGION_MPP, glass: float = 0.0
) -> None:
    """Write a square slide of `side_px` at level 0, `mpp` in its resolution tags; levels follow as
    pages of their own."""
    mosaic = Mosaic(pixels_of(region, mpp), side_px, glass)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for level in range(LEVELS):
            side = side_px >> level
            if level and side < TILE:
                break
            file.write(
                mosaic.tiles(level),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(TILE, TILE),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": _QUALITY},
                resolution=(1e4 / (mpp * 2**level),) * 2,
                resolutionunit="CENTIMETER",
                subfiletype=int(level > 0),
                metadata=None,
                maxworkers=2,
                buffersize=_BUFFER,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--region", type=Path, required=True, help=f"image of a region at {REGION_MPP} um/px"
    )
    parser.add_argument("--side", type=int, required=True, help="px at level 0")
    parser.add_argument(
        "--mpp",
        type=float,
        default=REGION_MPP,
        help="um/px of level 0; the region is resampled to it",
    )
    parser.add_argument("--glass", type=float, default=0.0, help="share of the slide that is glass")
    parser.add_argument("--mask", type=Path, help="the region's label codes, for --truth")
    parser.add_argument("--truth", type=Path, help="also write the mosaic of the codes, as PNG")
    options = parser.parse_args()
    write_slide(options.out, options.region, options.side, mpp=options.mpp, glass=options.glass)
    if options.mask and options.truth:
        Image.fromarray(
            Mosaic(codes_of(options.mask, options.mpp), options.side, options.glass).whole()
        ).save(options.truth)


if __name__ == "__main__":
    main()
