"""The measures of a slide: one row of measures.csv. docs/glossary.md defines each column."""

import numpy as np
import numpy.typing as npt

from breastseg.labels import LabelMap
from breastseg.maps.measures.areas import areas_of
from breastseg.maps.measures.field import (
    INFLAMMATORY,
    NECROSIS,
    STROMA,
    TISSUES,
    TUMOR,
    Field,
    field_step,
    look_through,
    tissue_codes,
)
from breastseg.maps.measures.shapes import NEAR_UM, drop_specks, measure_nests, measure_surroundings
from breastseg.maps.raster import Raster

_STROMA = "stroma_percent_of_tumor_and_stroma"
_INFLAMMATORY = "inflammatory_percent_of_stroma_and_inflammatory"
_NEAR = f"_within_{NEAR_UM:.0f}_um"
_SHAPES = (
    _STROMA + _NEAR,
    _INFLAMMATORY + _NEAR,
    "nest_count",
    "nest_area_median_mm2",
    "nest_area_max_mm2",
    "nest_diameter_max_mm",
    "tumor_diameter_max_mm",
)


def measure(
    raster: Raster, label_map: LabelMap, *, mpp: float, tissue_mm2: float | None = None
) -> dict[str, float]:
    """Measure a slide, in memory that its size does not set.

    Args:
        raster: labels of the whole slide.
        label_map: names the classes.
        mpp: microns per pixel of `raster`.
        tissue_mm2: area of the tissue mask; None without one.

    Returns:
        the columns of `areas_of`, tissue_mask_mm2, then shares, nests and diameters; NaN where one
        has no meaning: the map has no such class, nothing was analysed, or there is nothing to
        divide by.
    """
    codes = tissue_codes(label_map)
    step = field_step(raster.size_px, mpp)
    counts, field = look_through(raster, codes, step)
    row = areas_of(counts, label_map, mpp)
    row["tissue_mask_mm2"] = np.nan if tissue_mm2 is None else tissue_mm2
    tissue = _by_tissue(np.bincount(codes, weights=counts), codes)
    row[_STROMA] = _percent(tissue[STROMA], tissue[TUMOR])
    row[_INFLAMMATORY] = _percent(tissue[INFLAMMATORY], tissue[STROMA])
    row["necrosis_percent_of_tumor_and_necrosis"] = _percent(tissue[NECROSIS], tissue[TUMOR])
    # Without a class tumor shapes mean nothing; with one that is nowhere, nest_count is 0.
    if TUMOR not in codes or not counts[1:].any():
        return row | dict.fromkeys(_SHAPES, np.nan)
    return row | _shapes(field, codes, step * mpp)


def _shapes(field: Field, codes: npt.NDArray[np.uint8], um: float) -> dict[str, float]:
    drop_specks(field, um)  # first: neither nests nor their surroundings begin at a speck
    nests = measure_nests(field, um)
    pixels, diameter_mm = measure_surroundings(field, um)
    near = _by_tissue(pixels, codes)
    shares = {
        _STROMA + _NEAR: _percent(near[STROMA], near[TUMOR]),
        _INFLAMMATORY + _NEAR: _percent(near[INFLAMMATORY], near[STROMA]),
    }
    return shares | nests | {"tumor_diameter_max_mm": diameter_mm}


def _by_tissue(pixels: npt.NDArray[np.number], codes: npt.NDArray[np.uint8]) -> list[float]:
    """Return pixels by tissue code; NaN for a tissue that the label map lacks, and for tumor where
    the slide has none: every share with tumor in it is then NaN."""
    counts = []
    for code in range(len(TISSUES) + 1):
        counts.append(float(pixels[code]) if code in codes else np.nan)
    counts[TUMOR] = counts[TUMOR] or np.nan
    return counts


def _percent(part: float, rest: float) -> float:
    return 100 * part / (part + rest) if part + rest else np.nan
