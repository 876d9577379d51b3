"""Breast area, and the share of it that is bright: fibroglandular tissue.

A film shows brightness, not density. The same breast is brighter with more dose or another film, so
a yardstick on the film itself is needed: the muscle, which is as dense on every woman's film.
Without muscle there is no share. (Otsu's threshold, which is common, takes half of a fatty breast
for gland: on mini-MIAS its shares fall from the fatty films to the dense ones.)
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from breastseg.errors import ImageError
from breastseg.mammography.masks import BREAST, MUSCLE, FilmMasks
from breastseg.mammography.muscle_path import from_skin_mm
from breastseg.mammography.working import (
    Floats,
    Mask,
    Pixels,
    check_mm_per_px,
    check_pixels,
    enlarged,
    working_of,
)

BOUNDARIES = (0.10, 0.25, 0.50)
"""Shares between a, b, c and d: our choice, tuned on nothing.

The fourth edition of BI-RADS had quarters of *volume* by eye; shares of area by a threshold are
lower. Since the fifth edition a reader judges masking, not a share.
"""
DOUBT = 0.05
"""A share this near to a boundary may be of the next category too."""
_OF_MUSCLE = 0.7
"""Bright is what has 70 % of the muscle's brightness, counted from the breast's fat."""
_THIN_MM = 30
"""Within this distance from the skin the breast gets thinner, and darker."""
_LEAST_MUSCLE_MM2 = 50.0


@dataclass(frozen=True)
class Density:
    """What can be measured of a breast on one film.

    Attributes:
        breast_px: pixels of breast without muscle.
        breast_mm2: their area; None where the pixel size is not known.
        fibroglandular_share: 0 to 1; NaN where there is no breast, or no muscle to compare with.
        fibroglandular: (H, W) bool.
        category: "a", "b", "c" or "d", as proposed; "" where the share is NaN.
        also: a category that is nearly as likely, or "".
        notes: what a person should know.
    """

    breast_px: int
    breast_mm2: float | None
    fibroglandular_share: float
    fibroglandular: Mask
    category: str
    also: str
    notes: tuple[str, ...]


def density_of(pixels: Pixels, masks: FilmMasks, mm_per_px: float | None) -> Density:
    """Measure a breast.

    Bright tissue is what lies over fat + 0.7 x (muscle - fat) inside the breast without muscle,
    after the fall of brightness towards the skin is taken off. Fat is the tenth percentile of the
    breast, muscle the median of the muscle.

    Args:
        pixels: (H, W), the film that the masks are of.
        masks: its masks.
        mm_per_px: size of a pixel; None where it is not known.

    Raises:
        ImageError: the masks are of another film's size.
        InputError: the pixel size cannot be.
    """
    check_pixels(pixels)
    check_mm_per_px(mm_per_px)
    if pixels.shape != masks.labels.shape:
        raise ImageError(
            f"the film is {pixels.shape} and its masks {masks.labels.shape}, wanted one size; "
            "use the masks of this film"
        )
    breast = masks.labels == BREAST
    count = int(breast.sum())
    area_mm2 = None if mm_per_px is None else count * mm_per_px**2
    if count == 0:
        note = "no breast: nothing to measure"
        return Density(0, area_mm2, math.nan, breast, "", "", (note,))
    bright = _bright(pixels, masks, mm_per_px)
    if bright is None:
        note = "no muscle to compare brightness with: no share and no category"
        nothing = np.zeros_like(breast)
        return Density(count, area_mm2, math.nan, nothing, "", "", (note,))
    bright &= breast
    share = float(bright.sum()) / count
    category, also = category_of(share)
    note = "category proposed from a share of area; a reader judges by other things too"
    return Density(count, area_mm2, share, bright, category, also, (note,))


def _bright(pixels: Pixels, masks: FilmMasks, mm_per_px: float | None) -> Mask | None:
    """Return bright tissue (H, W), or None where there is too little muscle to compare with."""
    working = working_of(pixels, mm_per_px)
    top, bottom, left, right = working.box
    height, width = working.grey.shape
    labels = cv2.resize(
        masks.labels[top:bottom, left:right], (width, height), interpolation=cv2.INTER_NEAREST
    )
    breast = labels == BREAST
    muscle = labels == MUSCLE
    muscle_mm2 = float(muscle.sum()) * working.mm_per_px**2
    if muscle_mm2 < _LEAST_MUSCLE_MM2 or not breast.any():
        return None
    distance_mm = from_skin_mm(breast | muscle, working.mm_per_px)
    # As if the breast were as thick everywhere; the muscle is not near the skin.
    flat = working.grey + thinner_by(working.grey, breast, distance_mm)
    fat = float(np.percentile(flat[breast], 10))
    muscle_grey = float(np.median(working.grey[muscle]))
    if muscle_grey <= fat:  # no yardstick: what is called muscle cannot be
        return None
    bright = (flat > fat + _OF_MUSCLE * (muscle_grey - fat)) & breast
    return enlarged(bright, working)


def thinner_by(grey: Floats, breast: Mask, distance_mm: Floats) -> Floats:
    """Return what brightness is missing near the skin, where the breast is thinner (h, w).

    It is the lower quartile of the breast 10 to 30 mm from the skin, less that at the pixel's own
    distance.
    """
    near_mm = np.clip(distance_mm, 0, 2 * _THIN_MM - 1)
    ring = near_mm.astype(np.int32)  # (h, w) whole mm
    quartiles = np.full(2 * _THIN_MM, np.nan)  # of each mm; NaN is not known
    for step in range(_THIN_MM):
        values = grey[breast & (ring == step)]
        if values.size > 20:  # fewer have no quartile to speak of
            # The lower one is fat, as a rule: gland must not be taken for a thick breast.
            quartiles[step] = np.percentile(values, 25)
    inner = quartiles[10:_THIN_MM]
    inner = inner[~np.isnan(inner)]
    if inner.size == 0:  # a breast thinner than 10 mm
        return np.zeros(grey.shape, np.float32)
    missing = np.maximum(float(np.median(inner)) - quartiles, 0)  # (2 * _THIN_MM,)
    missing = np.where(np.isnan(missing), 0, missing)
    per_pixel = np.where(breast, missing[ring], 0)
    return np.asarray(per_pixel, np.float32)


def category_of(share: float) -> tuple[str, str]:
    """Return the proposed category and one that is nearly as likely, or ""."""
    if math.isnan(share):
        return "", ""
    names = "abcd"
    index = 0
    also = ""
    for place, boundary in enumerate(BOUNDARIES):
        if share >= boundary:
            index = place + 1
        if abs(share - boundary) < DOUBT:
            also = names[place] if share >= boundary else names[place + 1]
    return names[index], also
