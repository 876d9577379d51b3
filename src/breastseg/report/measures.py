"""What the measures of a map are called on pages, and how their values are written."""

import math
from typing import Any

_PLACES = {"mm²": 4, "mm": 2, "µm²": 1, "%": 1, "of 1": 2, "": 0}
WORDS = {
    "tissue_mask_mm2": ("Tissue on the slide", "mm²"),
    "stroma_percent_of_tumor_and_stroma": ("Stroma, of tumor and stroma", "%"),
    "stroma_percent_of_tumor_and_stroma_within_100_um": ("The same within 100 µm of tumor", "%"),
    "inflammatory_percent_of_stroma_and_inflammatory": (
        "Inflammation, of stroma and inflammation",
        "%",
    ),
    "inflammatory_percent_of_stroma_and_inflammatory_within_100_um": (
        "The same within 100 µm of tumor",
        "%",
    ),
    "necrosis_percent_of_tumor_and_necrosis": ("Necrosis, of tumor and necrosis", "%"),
    "nest_count": ("Tumor nests", ""),
    "nest_area_median_mm2": ("Nest in the middle by area", "mm²"),
    "nest_area_max_mm2": ("Largest nest", "mm²"),
    "nest_diameter_max_mm": ("Longest nest", "mm"),
    "tumor_diameter_max_mm": ("Greatest extent of tumor on this section", "mm"),
    "explore_fields": ("Explored: fields that were looked at", ""),
    "explore_fields_of": ("Explored: fields with tumor", ""),
    "explore_lumen_percent_of_tumor": ("Explored: lumens, of tumor and lumens", "%"),
    "explore_nest_solidity_median": ("Explored: solidity of nests, median", "of 1"),
    "explore_nest_circularity_median": ("Explored: circularity of nests, median", "of 1"),
    "explore_nuclei_count": ("Explored: nuclei in tumor that were measured", ""),
    "explore_nuclear_area_median_um2": ("Explored: nuclear area, median", "µm²"),
    "explore_nuclear_area_iqr_um2": ("Explored: nuclear area, interquartile range", "µm²"),
    "explore_nuclei_large_percent": ("Explored: nuclei over 80 µm²", "%"),
}
"""Measures with words of their own: what they are called, and their unit."""
_UNITS = {"_mm2": "mm²", "_percent": "%", "_mm": "mm"}
"""By how a measure's name ends."""


def words_of(name: str) -> tuple[str, str]:
    """Return what a measure is called on a page, and its unit; "tumor_mm2" is ("tumor", "mm²")."""
    if name in WORDS:
        return WORDS[name]
    for ending, unit in _UNITS.items():
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending).replace("_", " "), unit
    return name.replace("_", " "), ""


def with_unit(value: Any, unit: str) -> str:
    """Return a measure as text in as many places as it is worth; a dash where there is nothing to
    measure."""
    if math.isnan(value):
        return "–"
    places = _PLACES[unit]
    least = 10.0**-places
    # A little that is there must not read as 0.
    text = f"{value:,.{places}f}" if value == 0 or value >= least else f"< {least:g}"
    return f"{text} {unit}".strip()
