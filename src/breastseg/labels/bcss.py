"""The codes of BCSS and their groupings.

The codes are those of the release's own table (Amgad et al. 2019, Bioinformatics 35:3461). Colours
and class names for QuPath are QuPath's own where it has them.
"""

from collections.abc import Mapping

from breastseg.labels.label_map import Color, LabelClass, LabelMap

BCSS_CODES = (
    "outside_roi",
    "tumor",
    "stroma",
    "lymphocytic_infiltrate",
    "necrosis_or_debris",
    "glandular_secretions",
    "blood",
    "exclude",
    "metaplasia_NOS",
    "fat",
    "plasma_cells",
    "other_immune_infiltrate",
    "mucoid_material",
    "normal_acinus_or_duct",
    "lymphatics",
    "undetermined",
    "nerve",
    "skin_adnexa",
    "blood_vessel",
    "angioinvasion",
    "dcis",
    "other",
)
"""Name of each BCSS code, by position."""


def _codes(*names: str) -> tuple[int, ...]:
    return tuple(BCSS_CODES.index(name) for name in names)


_TUMOR: Color = (200, 0, 0)
_STROMA: Color = (150, 200, 150)
_IMMUNE: Color = (160, 90, 160)
_NECROSIS: Color = (50, 50, 50)
_OTHER: Color = (255, 200, 0)
_DOUBTFUL = (0, *_codes("exclude", "undetermined"))
"""Not annotated by default: projects differ on 7 and 15; the choice is part of the map and recorded
with every score."""

_REST = _codes(
    "glandular_secretions",
    "blood",
    "metaplasia_NOS",
    "fat",
    "mucoid_material",
    "normal_acinus_or_duct",
    "lymphatics",
    "nerve",
    "skin_adnexa",
    "blood_vessel",
    "other",
)
_NOT_TUMOR_REGIONS = (
    LabelClass("stroma", _STROMA, "Stroma", _codes("stroma")),
    LabelClass(
        "inflammatory",
        _IMMUNE,
        "Immune cells",
        _codes("lymphocytic_infiltrate", "plasma_cells", "other_immune_infiltrate"),
    ),
    LabelClass("necrosis", _NECROSIS, "Necrosis", _codes("necrosis_or_debris")),
    LabelClass("other", _OTHER, "Other", _REST),
)
_NO_EPITHELIUM = _codes(
    "stroma",
    "lymphocytic_infiltrate",
    "glandular_secretions",
    "blood",
    "fat",
    "plasma_cells",
    "other_immune_infiltrate",
    "mucoid_material",
    "lymphatics",
    "nerve",
    "skin_adnexa",
    "blood_vessel",
    "other",
)

_BCSS21_COLORS: Mapping[str, Color] = {
    "tumor": _TUMOR,
    "stroma": _STROMA,
    "lymphocytic_infiltrate": _IMMUNE,
    "necrosis_or_debris": _NECROSIS,
    "glandular_secretions": (250, 240, 150),
    "blood": (120, 20, 40),
    "exclude": (180, 180, 180),
    "metaplasia_NOS": (255, 120, 60),
    "fat": (255, 235, 60),
    "plasma_cells": (90, 60, 200),
    "other_immune_infiltrate": (200, 130, 230),
    "mucoid_material": (120, 220, 230),
    "normal_acinus_or_duct": (60, 130, 255),
    "lymphatics": (100, 200, 255),
    "undetermined": (210, 210, 210),
    "nerve": (0, 120, 90),
    "skin_adnexa": (160, 110, 60),
    "blood_vessel": (230, 60, 120),
    "angioinvasion": (130, 0, 80),
    "dcis": (255, 60, 180),
    "other": _OTHER,
}
_BCSS21_QUPATH: Mapping[str, str] = {
    "tumor": "Tumor",
    "stroma": "Stroma",
    "lymphocytic_infiltrate": "Immune cells",
    "necrosis_or_debris": "Necrosis",
    "other": "Other",
    "exclude": "Ignore*",
}

MAPS: Mapping[str, LabelMap] = {
    "region5": LabelMap(
        "region5",
        (
            LabelClass("tumor", _TUMOR, "Tumor", _codes("tumor", "angioinvasion", "dcis")),
            *_NOT_TUMOR_REGIONS,
        ),
        _DOUBTFUL,
        BCSS_CODES,
    ),
    "region6": LabelMap(
        "region6",
        (
            LabelClass("tumor", _TUMOR, "Tumor", _codes("tumor", "angioinvasion")),
            *_NOT_TUMOR_REGIONS,
            LabelClass("dcis", (255, 60, 180), "DCIS", _codes("dcis")),
        ),
        _DOUBTFUL,
        BCSS_CODES,
    ),
    "tumor": LabelMap(
        "tumor",
        (
            LabelClass("tumor", _TUMOR, "Tumor", _codes("tumor", "angioinvasion", "dcis")),
            LabelClass(
                "not tumor",
                _STROMA,
                "Other",
                tuple(sorted(c for k in _NOT_TUMOR_REGIONS for c in k.codes)),
            ),
        ),
        _DOUBTFUL,
        BCSS_CODES,
    ),
    "beetle": LabelMap(
        "beetle",
        (
            LabelClass("invasive_epithelium", _TUMOR, "Tumor", _codes("tumor", "angioinvasion")),
            LabelClass(
                "non_invasive_epithelium",
                (60, 130, 255),
                "Non-invasive epithelium",
                _codes("normal_acinus_or_duct", "dcis"),
            ),
            LabelClass("necrosis", _NECROSIS, "Necrosis", _codes("necrosis_or_debris")),
            LabelClass("other", _OTHER, "Other", _NO_EPITHELIUM),
        ),
        (*_DOUBTFUL, *_codes("metaplasia_NOS")),
        BCSS_CODES,
    ),
    "bcss21": LabelMap(
        "bcss21",
        tuple(
            LabelClass(name, _BCSS21_COLORS[name], _BCSS21_QUPATH.get(name, name), (code,))
            for code, name in enumerate(BCSS_CODES)
            if code
        ),
        code_names=BCSS_CODES,
    ),
}
"""Label maps by name. `region6` keeps dcis apart: the public data has it in one region only.
`beetle` has the four classes of that data set: what grows into the tissue, and epithelium that does
not, dcis and normal ducts alike."""
