"""Parts of what pathologists grade by, measured and not graded: lumens in tumour, shapes of nests,
sizes of nuclei. Exploratory: agreement with a grade is not shown. docs/glossary.md defines each
column.

A slide is cut into an odd number of fields each way, of about `FIELD_UM`; those with tumour are
tumour fields, and of more than `MOST_FIELDS` some are looked at, spread from the middle of the
slide to its edge. Nothing is drawn by lot, and a turned slide has turned fields.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box
from breastseg.histology.nuclei import (
    LEVELS,
    NUCLEI_MPP,
    Plane,
    between,
    nuclei_of,
    plane_of,
)
from breastseg.histology.planes import Mask, disc, square
from breastseg.histology.white import WHITE
from breastseg.images import Pixels, Slide
from breastseg.labels import LabelMap
from breastseg.maps.measures.field import TUMOR, field_step, look_through, tissue_codes
from breastseg.maps.measures.shapes import connected, drop_specks
from breastseg.maps.raster import Raster

FIELD_UM = 300.0
"""Fields are at least this wide, or the slide is one."""
MOST_FIELDS = 24
"""Fields that are looked at: 2 to 9 mm2."""
TUMOR_SHARE = 0.1
"""Of a tumour field that is tumour, at least."""
FINE_MPP = 0.55
"""Coarser slides show no outlines of nuclei: they get no size."""
LEAST_NUCLEI = 30
"""Fewer give no size."""
LARGE_UM2 = 80.0
"""A nucleus over this is large: a disc 10 um across."""
LUMEN_MPP = 1.0
LEAST_LUMEN_UM2, MOST_LUMEN_UM2 = 50.0, 20_000.0
"""A lumen is at least a disc 8 um across, at most one 160 um across."""
WHITE_UM, WIDE_UM, RIM_UM = 2.0, 4.0, 8.0
"""Whiteness is averaged over the first, a lumen is wider than the second, and its rim is as wide
as the third."""
ENCLOSED = 0.8
"""Share of the rim of a lumen that is tumour, at least."""

LUMEN = "explore_lumen_percent_of_tumor"
SOLIDITY, CIRCULARITY = "explore_nest_solidity_median", "explore_nest_circularity_median"
FIELDS, FIELDS_OF = "explore_fields", "explore_fields_of"
NUCLEI = "explore_nuclei_count"
AREA, AREA_IQR, LARGE = (
    "explore_nuclear_area_median_um2",
    "explore_nuclear_area_iqr_um2",
    "explore_nuclei_large_percent",
)
COLUMNS = (FIELDS, FIELDS_OF, LUMEN, SOLIDITY, CIRCULARITY, NUCLEI, AREA, AREA_IQR, LARGE)


@dataclass(frozen=True)
class _Field:
    """A tumour field: its pixels of the raster, and what it is ordered by."""

    box: Box
    order: tuple[int, ...]


def explore(slide: Slide, labels: Raster, label_map: LabelMap, *, mpp: float) -> dict[str, float]:
    """Measure what is explored of a slide.

    Args:
        slide: what was mapped.
        labels: its map, over the whole slide.
        label_map: names the classes.
        mpp: microns per pixel of `labels`.

    Returns:
        `COLUMNS`; NaN where one has no meaning: the map has no tumor, or the slide is too coarse.
    """
    row = dict.fromkeys(COLUMNS, float("nan"))
    codes = tissue_codes(label_map)
    if TUMOR not in codes:
        return row
    fields = _tumor_fields(labels, codes, mpp)
    chosen = spread(fields, MOST_FIELDS)
    row |= {FIELDS: float(len(chosen)), FIELDS_OF: float(len(fields))}
    row |= _nests(labels, codes, mpp)
    if not chosen:
        return row
    is_tumor = codes == TUMOR
    row[LUMEN] = _lumens(slide, labels, chosen, is_tumor)
    if slide.mpp <= FINE_MPP:
        row |= _nuclei(slide, labels, chosen, is_tumor)
    return row


def edges(length: int, least: float) -> list[int]:
    """Return the edges of an odd number of stretches of about equal length, which lie the same from
    either end."""
    number = max(1, int(length / least))
    number -= 1 - number % 2
    # Rounding down from both ends: the middle stretch takes what is left over.
    half = [place * length // number for place in range((number + 1) // 2)]
    mirrored = [length - edge for edge in reversed(half)]
    return half + mirrored


def spread(fields: Sequence[_Field], most: int) -> list[_Field]:
    """Return up to so many fields, evenly spread over their order."""
    ordered = sorted(fields, key=lambda field: field.order)
    if len(ordered) <= most:
        return ordered
    # The middle one of each of `most` equal parts of the order, in whole numbers.
    return [ordered[(2 * part + 1) * len(ordered) // (2 * most)] for part in range(most)]


def _tumor_fields(labels: Raster, codes: npt.NDArray[np.uint8], mpp: float) -> list[_Field]:
    """Return the fields with tumour, ordered from the middle of the slide, then by what is in
    them."""
    width, height = labels.size_px
    columns, rows = edges(width, FIELD_UM / mpp), edges(height, FIELD_UM / mpp)
    fields = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            box = Box(left, top, right - left, bottom - top)
            tissues = codes[labels.read(box)]  # (H, W)
            counts = np.bincount(tissues.ravel(), minlength=TUMOR + 1)
            if counts[TUMOR] < TUMOR_SHARE * box.area:
                continue
            # Twice the distance, squared: whole numbers. Fields equally far are ordered by what
            # is in them, because their place changes when the slide is turned.
            from_middle = (left + right - width) ** 2 + (top + bottom - height) ** 2
            fields.append(_Field(box, (from_middle, *map(int, counts))))
    return fields


def _read(slide: Slide, labels: Raster, box: Box, mpp: float) -> tuple[Pixels, float, float]:
    """Return a field's pixels at `mpp`, and pixels of the raster a pixel, across and down."""
    (width, height), (full_width, full_height) = labels.size_px, slide.size_px
    # Level-0 pixels a pixel of the raster.
    across, down = full_width / width, full_height / height
    new_width = max(1, round(box.width * across * slide.mpp / mpp))
    new_height = max(1, round(box.height * down * slide.mpp / mpp))
    # Rounding may lay the last field's corner a little outside the slide.
    right = min(full_width, (box.x + box.width) * across)
    bottom = min(full_height, (box.y + box.height) * down)
    corners = box.x * across, box.y * down, right, bottom
    pixels = slide.resampled(corners, (new_width, new_height))
    return pixels, box.width / new_width, box.height / new_height


def _nests(labels: Raster, codes: npt.NDArray[np.uint8], mpp: float) -> dict[str, float]:
    """Return the median over nests of solidity and circularity, on the small image in which nests
    are measured."""
    step = field_step(labels.size_px, mpp)
    _, field = look_through(labels, codes, step)
    drop_specks(field, step * mpp)
    parts = connected(field == TUMOR)
    solidity, circularity = [], []
    for number, (left, top, width, height, _) in enumerate(parts.stats[1:], start=1):
        nest = parts.labels[top : top + height, left : left + width] == number  # (h, w)
        # The frame of one pixel closes the outline of a nest that fills its box.
        outlines, _ = cv2.findContours(
            np.pad(nest, 1).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        outline = max(outlines, key=cv2.contourArea)
        area, length = cv2.contourArea(outline), cv2.arcLength(outline, True)
        hull_area = cv2.contourArea(cv2.convexHull(outline))
        # OpenCV's outline runs through the middles of pixels: that of a line has no area.
        if hull_area and length:
            solidity.append(area / hull_area)
            circularity.append(4 * np.pi * area / length**2)
    if not solidity:
        return {}
    return {SOLIDITY: float(np.median(solidity)), CIRCULARITY: float(np.median(circularity))}


def _lumens(slide: Slide, labels: Raster, chosen: Sequence[_Field], is_tumor: Mask) -> float:
    """Return lumens as a share of tumour and lumens, in %."""
    holes, tissue = 0, 0
    for field in chosen:
        pixels, _, _ = _read(slide, labels, field.box, LUMEN_MPP)
        size = pixels.shape[1], pixels.shape[0]
        share = is_tumor[labels.read(field.box)].astype(np.float32)
        # A little under a half: sums of float32 that make a half come out on either side of it.
        tumor = cv2.resize(share, size, interpolation=cv2.INTER_AREA) > 0.4999
        hole = lumens_of(pixels, tumor, LUMEN_MPP)
        holes += int(np.count_nonzero(hole))
        tissue += int(np.count_nonzero(tumor & ~hole))
    return 100 * holes / (holes + tissue) if holes + tissue else float("nan")


def lumens_of(pixels: Pixels, tumor: Mask, mpp: float) -> Mask:
    """Find white holes with tumour around them.

    Args:
        pixels: (H, W, 3) of H&E.
        tumor: (H, W).
        mpp: microns per pixel of both.

    Returns:
        (H, W); what touches the border is none, because nobody sees what is around it.
    """
    side = square(WHITE_UM, mpp)
    darkest = pixels.min(axis=2).astype(np.float64)  # (H, W)
    # Sums of whole numbers are exact in any order; means are not, and a turned slide would differ.
    sums = cv2.boxFilter(darkest, -1, side, normalize=False, borderType=cv2.BORDER_REFLECT)
    white = (sums >= WHITE * side[0] * side[1]).astype(np.uint8)
    white = cv2.morphologyEx(white, cv2.MORPH_OPEN, disc(WIDE_UM, mpp))
    parts = connected(white > 0)
    lumens = np.zeros(tumor.shape, np.bool_)
    rim = disc(2 * RIM_UM, mpp)
    reach = rim.shape[0] // 2
    for number, (left, top, width, height, area) in enumerate(parts.stats[1:], start=1):
        right, bottom = left + width, top + height
        is_inside = left > 0 and top > 0 and right < tumor.shape[1] and bottom < tumor.shape[0]
        if not is_inside or not LEAST_LUMEN_UM2 <= area * mpp**2 <= MOST_LUMEN_UM2:
            continue
        # Only the hole's surroundings: dilating the whole field for each hole would take long.
        rows = slice(max(0, top - reach), bottom + reach)
        columns = slice(max(0, left - reach), right + reach)
        hole = parts.labels[rows, columns] == number
        around = (cv2.dilate(hole.view(np.uint8), rim) > 0) & ~hole
        rim_px = np.count_nonzero(around)
        if np.count_nonzero(tumor[rows, columns] & around) >= ENCLOSED * rim_px:
            lumens[rows, columns] |= hole
    return lumens


def _nuclei(
    slide: Slide, labels: Raster, chosen: Sequence[_Field], is_tumor: Mask
) -> dict[str, float]:
    """Return number and sizes of the nuclei whose middle lies in tumour."""
    planes: list[tuple[_Field, Plane, float, float]] = []
    counts = np.zeros(LEVELS, np.int64)
    for field in chosen:
        pixels, across, down = _read(slide, labels, field.box, NUCLEI_MPP)
        plane = plane_of(pixels, NUCLEI_MPP)
        counts += plane.counts()
        planes.append((field, plane, across, down))
    # One threshold for all fields of a slide: its stain is one.
    threshold = between(counts)
    areas: list[float] = []
    for field, plane, across, down in planes:
        tumor = is_tumor[labels.read(field.box)]
        for nucleus in nuclei_of(plane, threshold):
            y, x = (nucleus.y + 0.5) * down, (nucleus.x + 0.5) * across
            if all(_at(tumor, y, x)):
                areas.append(nucleus.area_um2)
    row = {NUCLEI: float(len(areas))}
    if len(areas) >= LEAST_NUCLEI:
        low, middle, high = np.percentile(areas, [25, 50, 75])
        large = sum(area > LARGE_UM2 for area in areas)
        row |= {
            AREA: float(middle),
            AREA_IQR: float(high - low),
            LARGE: 100 * large / len(areas),
        }
    return row


def _at(mask: Mask, y: float, x: float) -> Iterator[bool]:
    """Yield a mask at a place, and on either side of an edge of pixels on which it lies."""
    near = 1e-6  # far more than rounding, far less than a pixel
    last_row, last_column = mask.shape[0] - 1, mask.shape[1] - 1
    for row in {int(y - near), int(y + near)}:
        for column in {int(x - near), int(x + near)}:
            yield bool(mask[min(row, last_row), min(column, last_column)])
