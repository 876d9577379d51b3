"""Nuclei as dark blobs: how large they are. No network, and no diagnosis.

Everything is counted in whole numbers, or depends on distances alone, so that a turned image has
the same nuclei.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box
from breastseg.histology.planes import DENSITY, Mask, disc, square
from breastseg.images.slide import Pixels

NUCLEI_MPP = 0.5
"""Nuclei are looked at with this many um/px."""
LEAST_UM2, MOST_UM2 = 15.0, 400.0
"""A smaller blob is debris (a disc 4.4 um across), a larger one a clump that could not be parted (a
disc 23 um across)."""
SOLID = 0.9
"""Least share of its convex hull that a blob fills to count as one nucleus."""
NECK = 0.75
"""Two pieces are two nuclei where the neck between them is at most this share of their widths."""
BLUR_UM, AROUND_UM, OPEN_UM, HOLE_UM2 = 1.5, 30.0, 2.0, 30.0
"""Density is averaged over the first, and compared with the mean over the second; bridges thinner
than the third are cut; paler middles up to the fourth are filled."""
OVER_MEAN_PERCENT = 110
"""Of the mean density of the tissue around it that a nucleus has at least: purple cytoplasm is dark
as a whole."""
GLASS = 210
"""Darkest channel of what is no tissue, of 255."""
LEVELS = 4096
"""Steps of density: 0 to 4 in natural logarithm."""
_STEPS = 1000
"""Of one unit of optical density."""
_RED = np.round(_STEPS * DENSITY).astype(np.float64)
_CORNERS_TOO = 8


@dataclass(frozen=True)
class Nucleus:
    """One nucleus: its area, and where the middle of its pixels lies in the plane."""

    area_um2: float
    y: float
    x: float


@dataclass(frozen=True, eq=False)
class Plane:
    """Where an image is dark in red: haematoxylin absorbs red, eosin hardly does.

    Attributes:
        density: (H, W) uint16, thousandths of optical density, averaged over `BLUR_UM`.
        stands_out: (H, W), denser than the tissue around it by `OVER_MEAN_PERCENT`.
        tissue: (H, W), no glass.
        mpp: microns per pixel.
    """

    density: npt.NDArray[np.uint16]
    stands_out: Mask
    tissue: Mask
    mpp: float

    def counts(self) -> npt.NDArray[np.int64]:
        """Return the pixels of tissue by density, (LEVELS,), for `between`."""
        return np.bincount(self.density[self.tissue], minlength=LEVELS)


def plane_of(pixels: Pixels, mpp: float) -> Plane:
    """Look at (H, W, 3) pixels of H&E for nuclei."""
    small = square(BLUR_UM, mpp)
    wide = square(AROUND_UM, mpp)
    window_px = small[0] * small[1]
    darkest = pixels.min(axis=2).astype(np.float64)  # (H, W), as all below
    # Sums and not means: these are compared in whole numbers, without rounding.
    tissue = _sums(darkest, small) < GLASS * window_px
    red = np.minimum(_RED[pixels[..., 0]], LEVELS - 1)
    density = _sums(red, small) // window_px
    around = _sums(density * tissue, wide)
    number = np.maximum(_sums(tissue.astype(np.float64), wide), 1)
    # density >= percent / 100 of the mean, around / number, of the tissue around it.
    stands_out = 100 * density * number >= OVER_MEAN_PERCENT * around
    return Plane(density.astype(np.uint16), stands_out, tissue, mpp)


def _sums(plane: npt.NDArray[np.float64], side: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the sums of whole numbers in a square around each pixel: exact in float64, so that a
    turned image has turned sums."""
    sums = cv2.boxFilter(plane, -1, side, normalize=False, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.round(sums), np.float64)


def between(counts: npt.NDArray[np.int64]) -> int:
    """Return Otsu's threshold of (LEVELS,) counts: the first level of the darker class."""
    levels = np.arange(len(counts), dtype=np.float64)
    below = np.cumsum(counts).astype(np.float64)
    sums = np.cumsum(counts * levels)
    above = below[-1] - below
    # A class without pixels has no mean: NaN, which is no spread.
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        spread = np.nan_to_num(below * above * gap * gap)
    return int(spread.argmax()) + 1


def nuclei_of(plane: Plane, threshold: int) -> list[Nucleus]:
    """Find nuclei: blobs at or above a threshold that stand out from what is around them, parted at
    their necks, that are nearly convex.

    Args:
        plane: from `plane_of`.
        threshold: from `between`.

    Returns:
        nuclei that do not touch the border of the plane; of a clump that cannot be parted into
        convex pieces none.
    """
    mpp = plane.mpp
    is_dark = (plane.density >= threshold) & plane.stands_out & plane.tissue
    # Pale chromatin leaves holes, which opening would break a nucleus up at.
    dark = _filled(is_dark.astype(np.uint8), round(HOLE_UM2 / mpp**2))
    dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, disc(OPEN_UM, mpp))
    height, width = dark.shape
    nuclei = []
    for blob, top, left in _parts(dark):
        rows, columns = blob.shape
        begins_inside = top > 0 and left > 0
        ends_inside = top + rows < height and left + columns < width
        if begins_inside and ends_inside:
            nuclei += list(_single(blob, top, left, mpp))
    return nuclei


def _single(blob: Mask, top: int, left: int, mpp: float) -> Iterator[Nucleus]:
    """Yield the nuclei of a blob: itself where it is nearly convex and has no neck, else those of
    its pieces."""
    area = np.count_nonzero(blob)
    area_um2 = area * mpp**2
    if area_um2 < LEAST_UM2:
        return
    pieces, has_neck = _pieces(blob)
    if has_neck or area < SOLID * _hull_area(blob):
        for piece, y, x in pieces:
            yield from _single(piece, top + y, left + x, mpp)
    elif area_um2 <= MOST_UM2:
        rows, columns = np.nonzero(blob)
        yield Nucleus(area_um2, top + rows.mean(), left + columns.mean())


def _pieces(blob: Mask) -> tuple[list[tuple[Mask, int, int]], bool]:
    """Part a blob where it is narrowest: shrunk until it falls apart, and each piece grown back by
    as much as it was shrunk.

    Returns:
        the pieces with their places in the blob, none where it does not fall apart; and whether
        two of them are clearly wider than what joins them.
    """
    padded = np.pad(blob.view(np.uint8), 1)  # what lies beyond the blob is none of it
    # By how much a blob is shrunk when a pixel of it goes: its distance to the outside.
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    for shrunk in np.arange(1.0, float(depth.max()), 0.5):
        cores = list(_parts((depth > shrunk).astype(np.uint8)))
        if len(cores) < 2:
            continue
        pieces = []
        wide = 0
        for core, top, left in cores:
            rows, columns = core.shape
            inside = depth[top : top + rows, left : left + columns]
            wide += bool(inside[core].max() * NECK >= shrunk)
            pieces.append(_grown(core, top, left, float(shrunk), padded))
        return pieces, wide >= 2
    return [], False


def _grown(
    core: Mask, top: int, left: int, reach: float, inside: npt.NDArray[np.uint8]
) -> tuple[Mask, int, int]:
    """Grow a core by `reach` px within a padded blob; return it with its place in the blob."""
    rows, columns = core.shape
    height, width = inside.shape
    # Only as much of the blob as the core can reach.
    margin = int(reach) + 2
    y = max(0, top - margin)
    x = max(0, left - margin)
    bottom = min(height, top + rows + margin)
    right = min(width, left + columns + margin)
    # 0 is the core, and the transform measures how far each pixel is from the nearest 0.
    away = np.ones((bottom - y, right - x), np.uint8)
    place = Box(left - x, top - y, columns, rows)
    away[place.slices] = ~core
    near = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= reach
    grown = near & (inside[y:bottom, x:right] > 0)
    # Less the padding: places count in the blob.
    return grown, y - 1, x - 1


def _filled(mask: npt.NDArray[np.uint8], most_px: int) -> npt.NDArray[np.uint8]:
    """Fill holes up to a size; a hole does not reach the border."""
    filled = mask.copy()
    height, width = mask.shape
    for hole, top, left in _parts(1 - mask, connectivity=4):
        rows, columns = hole.shape
        begins_inside = top > 0 and left > 0
        ends_inside = top + rows < height and left + columns < width
        if begins_inside and ends_inside and np.count_nonzero(hole) <= most_px:
            filled[Box(left, top, columns, rows).slices] |= hole.view(np.uint8)
    return filled


def _parts(
    mask: npt.NDArray[np.uint8], connectivity: int = _CORNERS_TOO
) -> Iterator[tuple[Mask, int, int]]:
    """Yield each connected part, cut out, with its top and left."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask, connectivity=connectivity, ltype=cv2.CV_32S
    )
    for part in range(1, number):  # 0 is the background
        left, top, width, height, _ = stats[part].tolist()
        cut_out = labels[Box(left, top, width, height).slices]
        yield cut_out == part, top, left


def _hull_area(blob: Mask) -> float:
    """Return the area in px of the convex hull of a mask's pixels, their corners included."""
    rows = np.flatnonzero(blob.any(axis=1))
    first = blob.argmax(axis=1)[rows]
    end = blob.shape[1] - blob[:, ::-1].argmax(axis=1)[rows]
    corners = [np.stack([x, y], axis=1) for x in (first, end) for y in (rows, rows + 1)]
    hull = cv2.convexHull(np.concatenate(corners).astype(np.int32))
    return float(cv2.contourArea(hull))
