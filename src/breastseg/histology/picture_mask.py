"""Where tissue is on a flat image, which a person cut out and mostly meant all of."""

import cv2
import numpy as np

from breastseg.geometry import scaled_size
from breastseg.histology.glass import BLACK, GREY, LIGHT, find_glass
from breastseg.histology.planes import DENSITY, Mask, as_bytes, extremes, mean_of, square
from breastseg.histology.stain_check import TISSUE_DENSITY
from breastseg.histology.tissue import MASK_MPP, MASK_PIXELS, find_tissue
from breastseg.histology.turns import WAY_ROWS, contiguous, laid, laid_back, way_of
from breastseg.images.resample import resample_pixels
from breastseg.images.slide import Pixels

GLASS_UM = 360.0
"""Width from which on glass at the edge of a flat image is taken for what lies around tissue: up
to it holes in a slide's tissue are filled. Fat cells are 50 to 150 um across, and `find_tissue`
sees their membranes: it leaves out nothing of 240 real fields full of tissue. Of 18 cores of tissue
arrays three have a strip of 100 to 150 um at their edge; a small section on its slide has 400, an
empty field of 500 um with specks on it 450."""
EMPTY_UM = 200.0
"""Shorter side from which on an image that is glass throughout has no tissue: a smaller one may
lie inside a large fat cell."""
_SAMPLES = 12
"""Pixels of a flat image that are averaged along each side of a pixel of its mask; more take
longer, and tell no more."""
_SEEMS_UM = 0.7 * GLASS_UM
"""Side of a square inside a disc of `GLASS_UM`."""
_SEEMS_GLASS = 0.5
"""Share of single pixels of such a square that are light: 0.97 and more in glass, under 0.5 in 140
of 145 fields of breast."""
_SPECK_MM2 = 0.02
"""What else is left out and no larger than this lies on glass as a speck does."""


def picture_mask(pixels: Pixels, *, mpp: float, always: bool) -> Mask | None:
    """Find the tissue of a flat image; unless `always`, only where it lies on glass.

    A person who cut a field out meant all of it: lumens, fat and a strip of glass at its edge
    too. So there is a mask only where glass that touches the image's edge is `GLASS_UM` wide,
    or the image is glass throughout and no side is shorter than `EMPTY_UM`; and it leaves out
    glass alone. Glass is what `find_tissue` leaves out, if it is nearly grey, not darker than
    120 of 255 and within `TISSUE_DENSITY` of the lightest glass there is, or black (under 20 of
    255: not scanned, or painted over); with the specks in it. What else `find_tissue` leaves out
    (pen, tissue as dark as ink or without colour) is looked at where it is larger than a speck
    or touches tissue. An image that has one colour to the bit has no tissue, whichever colour
    it is.

    Args:
        pixels: (H, W, 3) uint8.
        mpp: their microns per pixel.
        always: return what `find_tissue` finds, whatever the image is.

    Returns:
        (h, w) over the whole image, at about `MASK_MPP`, or coarser as in `tissue_mask`; None
        takes everything for tissue. Quarter turns and mirrors of the image turn the mask, to the
        pixel.
    """
    height, width = pixels.shape[:2]
    coarsest = mpp * (height * width / MASK_PIXELS) ** 0.5
    mask_mpp = max(mpp, MASK_MPP, coarsest)
    if _is_one_colour(pixels):
        tissue = np.zeros(_odd_size(pixels, mpp, mask_mpp)[::-1], np.bool_)
        return tissue if always or _is_around_tissue(~tissue, mask_mpp) else None
    # All eight turns and mirrors are looked at as one and the same, so that nothing is rounded
    # differently; the mask is turned back at the end.
    way = way_of(pixels)
    turned = laid(pixels, way)
    if not (always or _seems_glass(turned, mpp)):
        return None
    step = max(1, int(mask_mpp / mpp / _SAMPLES))
    sampled = contiguous(turned[::step, ::step])
    small = resample_pixels(sampled, _odd_size(turned, mpp, mask_mpp))  # (h, w, 3)
    tissue = find_tissue(small, mpp=mask_mpp)
    if not always:
        glass = _find_bare_glass(small, tissue, mask_mpp)
        if not _is_around_tissue(glass, mask_mpp):
            return None
        tissue = ~glass
    return np.ascontiguousarray(laid_back(tissue, way))


def _odd_size(pixels: Pixels, mpp: float, mask_mpp: float) -> tuple[int, int]:
    """Return (width, height) of an image's mask: odd, so that the middle of the image is the
    middle of a pixel from every side."""
    width, height = scaled_size((pixels.shape[1], pixels.shape[0]), mpp, mask_mpp)
    return (width - 1) | 1, (height - 1) | 1


def _seems_glass(pixels: Pixels, mpp: float) -> bool:
    """Return whether it is worth a closer look: one pixel in 8 um is looked at, a hundredth of the
    time that the whole takes."""
    step = max(1, round(MASK_MPP / mpp))
    height, width = pixels.shape[:2]
    # From the middle of a step, or of an image that is shorter than one.
    rows = slice(min(step, height) // 2, None, step)
    columns = slice(min(step, width) // 2, None, step)
    most, least = extremes(*cv2.split(contiguous(pixels[rows, columns])))
    light = ((least >= LIGHT) & (most - least <= GREY)) | (most < BLACK)
    share = cv2.blur(light.astype(np.float32), square(_SEEMS_UM, step * mpp))
    return bool(share.max() >= _SEEMS_GLASS)


def _find_bare_glass(pixels: Pixels, tissue: Mask, mpp: float) -> Mask:
    """Return what is neither tissue nor something else that the mask leaves out: (H, W)."""
    channels = cv2.split(pixels)
    most, least = extremes(*channels)
    density = mean_of([cv2.LUT(channel, DENSITY) for channel in channels])
    darkest = np.mean(find_glass(pixels, mpp).density) + TISSUE_DENSITY
    light = (least >= LIGHT) & (most - least <= GREY) & (density < darkest)
    foreign = ~(tissue | light | (most < BLACK))
    _, labels, table, _ = cv2.connectedComponentsWithStats(as_bytes(foreign), connectivity=8)
    stays = table[:, cv2.CC_STAT_AREA] > _SPECK_MM2 * 1e6 / mpp**2
    beside_tissue = cv2.dilate(as_bytes(tissue), np.ones((3, 3), np.uint8)) > 0
    stays[labels[foreign & beside_tissue]] = True
    stays[0] = False  # what is not foreign
    return np.asarray(~(tissue | stays[labels]))


def _is_around_tissue(glass: Mask, mpp: float) -> bool:
    """Return whether glass is all there is, or wider at the image's edge than lumens and fat
    cells are."""
    if glass.all():
        return bool(min(glass.shape) * mpp >= EMPTY_UM)
    _, labels = cv2.connectedComponents(as_bytes(glass), connectivity=4)
    edges = [labels[0], labels[-1], labels[:, 0], labels[:, -1]]
    at_edge = np.unique(np.concatenate(edges))
    outer = np.isin(labels, at_edge[at_edge > 0])
    framed = np.pad(as_bytes(outer), 1)  # what lies beyond the edge is not known
    # Each pixel's distance to the middle of the nearest one outside.
    distance_px = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The largest circle inside of it: a strip of one pixel has distance 1, and is 1 wide.
    width_px = 2 * float(distance_px.max()) - 1
    return width_px * mpp >= GLASS_UM


def _is_one_colour(pixels: Pixels) -> bool:
    # A few rows at a time: most images have a second colour in the first of them.
    for top in range(0, pixels.shape[0], WAY_ROWS):
        rows = pixels[top : top + WAY_ROWS]
        if (rows != pixels[0, 0]).any():
            return False
    return True
