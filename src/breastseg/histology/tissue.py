"""Where tissue is on a slide, by the colour and the roughness of H&E."""

import cv2
import numpy as np

from breastseg.histology.bands import SHARE_UM, SLOPE_UM, SOFT_UM, bands
from breastseg.histology.glass import BLACK, Glass, find_glass
from breastseg.histology.ink import BLUISH, is_ink
from breastseg.histology.planes import (
    DENSITY,
    ROUGH_UM,
    Mask,
    Plane,
    as_bytes,
    deviation,
    disc,
    extremes,
    mean_of,
    square,
)
from breastseg.images.slide import Pixels, Slide

MASK_MPP = 8.0
MASK_PIXELS = 10_000_000
"""Most pixels of a mask: a slide of 100,000 px square at 0.25 um/px has 9.8 million at 8 um/px; a
larger one gets a coarser mask."""

STAINED = 0.06
"""Stain (see `find_tissue`) of tissue, averaged over 40 um."""
PALE = 0.02
"""Stain of pale tissue. The palest of 120 real fields has 0.024 at its first percentile; the glass
of a real overview, stitched from tiles of slightly different colour, has up to 0.013."""
ROUGH = 0.008
"""Least standard deviation of density within 72 um, from a plane fitted there, where fat is: fat at
8 um/px has 0.01 to 0.05, glass 0.001 to 0.006."""
ROUGH_NOISE = 1.5
"""Where the glass itself is noisy, this many times its own deviation is rough."""
COLOURED = 0.06
"""Least slope of stain on density within 400 um: fat has 0.1 to 0.6; dust, scratches and coverslip
edges have 0, being grey."""
_WIDE_UM = 168.0
"""Pale tissue counts where more than half within this width is so."""
_CLOSE_UM = 80.0
"""Gaps up to this width are closed."""
_INK_UM = 100.0
"""Least width of ink."""
_INK_RIM_UM = 160.0
"""Width of a disc by which ink is widened: its rim is pale."""
_HOLE_MM2 = 0.1
"""Holes in tissue up to this area are filled."""
_EDGE_HOLE_MM2 = 0.02
"""The same at the image's edge, where nobody knows how they go on."""
_LEAST_MM2 = 0.01
"""Smaller pieces of tissue are left out."""


def tissue_mask(slide: Slide, *, mpp: float = MASK_MPP) -> Mask:
    """Find the tissue of a whole slide.

    Args:
        slide: any slide; one coarser than `mpp` is taken as it is.
        mpp: microns per pixel of the mask; coarser where it would have more than `MASK_PIXELS`.

    Returns:
        (H, W) over the whole slide: its sides are the slide's, divided by the mask's um/px over the
        slide's.
    """
    width, height = slide.size_px
    coarsest = slide.mpp * (width * height / MASK_PIXELS) ** 0.5
    mpp = max(mpp, slide.mpp, coarsest)
    return find_tissue(slide.read(mpp=mpp), mpp=mpp)


def find_tissue(pixels: Pixels, *, mpp: float) -> Mask:
    """Find tissue by the colour and the roughness of H&E.

    Density is optical density relative to glass. Stain is the density of green above the mean of
    red and blue: grey has none, however dark, so that shadow, vignetting, dust, scratches,
    coverslip edges and black ink have none.

    Glass is what is smooth, nearly grey and not darker than 120 of 255; its colour is the median of
    the brightest third of it, left out what has one value to the bit (places that were not
    scanned). Where there is less of it than 0.2 %, as in a core or a field that is all tissue,
    glass is taken to be white.

    1. Stained tissue: stain above `STAINED`.
    2. Pale tissue: stain above `PALE`; or as rough as the membranes of fat cells, with a stain that
    rises with density (`ROUGH`,
       `COLOURED`); and not `BLUISH`. It counts where more than half of 168 um is so.
    3. Gaps up to 80 um are closed, holes up to 0.1 mm2 filled (0.02 mm2 at the image's edge,
    where nobody knows how they go on).
    4. Ink is left out: at least 100 um wide and dark, with red absorbed more than green (blue and
    green, `BLUISH`), no colour (black),
       or green and blue alike without red (red). In 120 real fields red has at most 0.85 of green's
       density, blue at most 0.75, and the channels differ by at least 0.35 of their mean. Purple
       ink has the colour of H&E and stays in.
    5. Pieces under 0.01 mm2 are left out, unless they touch the image's edge.

    Args:
        pixels: (H, W, 3) uint8.
        mpp: their microns per pixel, best 8.

    Returns:
        (H, W).
    """
    glass = find_glass(pixels, mpp)
    stained, pale, ink = _evidence(pixels, glass, mpp)
    # More than half of the places around: 128 of 255.
    either = (stained | pale) * np.uint8(255)
    solid = cv2.blur(either, square(_WIDE_UM, mpp)) >= 128
    # Roughness reaches this far over the edge.
    solid = cv2.erode(as_bytes(solid), disc(ROUGH_UM, mpp))
    # Well stained tissue counts though it is narrower than what pale tissue needs.
    solid |= cv2.morphologyEx(as_bytes(stained), cv2.MORPH_OPEN, disc(SOFT_UM, mpp))
    # A nucleus may have the colour of ink; a stroke of a pen is wide.
    wide_ink = cv2.morphologyEx(as_bytes(ink), cv2.MORPH_OPEN, disc(_INK_UM, mpp))
    no_ink = cv2.dilate(wide_ink, disc(_INK_RIM_UM, mpp)) == 0
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc(_CLOSE_UM, mpp)) > 0
    tissue = closed & no_ink
    if tissue.any():
        tissue |= _pieces(~tissue, mpp, _HOLE_MM2, _EDGE_HOLE_MM2, larger=False) & no_ink
    return _pieces(tissue, mpp, _LEAST_MM2, 0.0, larger=True)


def _evidence(pixels: Pixels, glass: Glass, mpp: float) -> tuple[Mask, Mask, Mask]:
    """Return where pixels are stained, pale tissue, and of the colour of ink: each (H, W)."""
    stained, pale, ink = np.empty((3, *pixels.shape[:2]), np.bool_)  # (H, W) each
    for rows, inner in bands(pixels.shape[0], mpp):
        own_rows = slice(rows.start + inner.start, rows.start + inner.stop)
        of_band = _evidence_of_band(pixels[rows], glass, mpp)
        for mask, part in zip((stained, pale, ink), of_band, strict=True):
            mask[own_rows] = part[inner]
    return stained, pale, ink


def _evidence_of_band(pixels: Pixels, glass: Glass, mpp: float) -> tuple[Mask, Mask, Mask]:
    """Return the same of a band, (h, W) each."""
    channels = cv2.split(pixels)  # three times (H, W)
    # Density relative to glass: a table of 256 values for each channel.
    tables = [DENSITY - np.float32(clean) for clean in glass.density]
    red, green, blue = map(cv2.LUT, channels, tables)
    # Glass may be greenish; glass as pink as pale tissue is pale tissue.
    glass_red, glass_green, glass_blue = glass.density
    tint = glass_green - (glass_red + glass_blue) / 2
    stain = green - (red + blue) * np.float32(0.5)
    stain = stain + np.float32(max(0.0, tint - PALE))
    soft = cv2.blur(stain, square(SOFT_UM, mpp))
    most, least = extremes(*channels)
    # Nearly white is what a scanner fills in where it did not scan, unless the glass itself is so.
    scanned = (most >= BLACK) & ((least < 253) | (max(glass.density) < 0.02))
    bluish = cv2.blur(red - BLUISH * green, square(SOFT_UM, mpp)) > 0.01
    ink = is_ink(red, green, blue)
    membranes = _membranes(mean_of([red, green, blue]), stain, ink, glass, mpp)
    stained = scanned & (soft > STAINED)
    pale = ((scanned & (soft > PALE)) | membranes) & ~bluish
    return stained, pale, ink


def _membranes(density: Plane, stain: Plane, ink: Mask, glass: Glass, mpp: float) -> Mask:
    """Find what is rough with a stain that rises with density: (H, W)."""
    wide = square(SLOPE_UM, mpp)
    high = _over_surroundings(density, mpp)
    colour = _over_surroundings(stain, mpp)
    # A speck of dust or a pen is no argument for or against the membranes around it.
    specks = ink | ((high > 0.1) & (colour < 0.1 * high))
    foreign = cv2.dilate(as_bytes(specks), disc(_CLOSE_UM, mpp)) > 0
    high = np.where(foreign, 0, high)
    colour = np.where(foreign, 0, colour)
    least = max(ROUGH, ROUGH_NOISE * glass.noise)
    # The slope of a line through the origin is sum(x y) / sum(x x); without a division by zero.
    products = cv2.blur(high * colour, wide)
    squares = cv2.blur(high * high, wide)
    coloured = products > COLOURED * squares
    rough = (deviation(density, mpp) > least) & ~foreign
    # Compression takes the colour out of many membranes: a third of what is rough within a wider
    # window decides for all of it.
    wider = square(SHARE_UM, mpp)
    coloured_share = cv2.blur((rough & coloured).astype(np.float32), wider)
    rough_share = cv2.blur(rough.astype(np.float32), wider)
    return np.asarray(rough & (coloured_share > 0.3 * rough_share))


def _over_surroundings(plane: Plane, mpp: float) -> Plane:
    """Return by how much a plane, softened, lies over its mean within `SLOPE_UM`: (H, W)."""
    soft = cv2.blur(plane, square(SOFT_UM, mpp))
    return np.asarray(soft - cv2.blur(soft, square(SLOPE_UM, mpp)))


def _pieces(mask: Mask, mpp: float, mm2: float, edge_mm2: float, *, larger: bool) -> Mask:
    """Return the pieces of a mask of at least so many mm2 (or, not `larger`, at most), with a limit
    of its own at the image's edge."""
    height, width = mask.shape
    # Pieces touch at corners too, holes do not: what holds a hole closed is connected by corners.
    connectivity = 8 if larger else 4
    _, labels, table, _ = cv2.connectedComponentsWithStats(
        as_bytes(mask), connectivity=connectivity
    )
    x, y, wide, high, area = table.T  # of each piece, in pixels: (pieces,)
    at_edge = (x == 0) | (y == 0)
    at_edge |= (x + wide == width) | (y + high == height)
    limit = np.where(at_edge, edge_mm2, mm2) * 1e6 / mpp**2
    is_kept = area >= limit if larger else area <= limit
    is_kept[0] = False  # what is not in the mask
    return np.asarray(is_kept[labels])
