"""What classes and measures are called in DICOM: SNOMED CT where it has a code, else our own
scheme.

The codes are those that the DICOM standard itself uses and pydicom's copy of its tables has; the
tests look each of them up there.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

Code: TypeAlias = tuple[str, str, str]
"""Value, scheme, meaning."""

SCHEME = "99BREASTSEG"
"""Of classes and measures without a code of others; their values are our names."""
_LONGEST_MEANING = 64  # a code's meaning is of the value type LO

_TISSUE: Code = ("85756007", "SCT", "Tissue")
_ABNORMAL: Code = ("49755003", "SCT", "Morphologically Abnormal Structure")
_ANATOMICAL: Code = ("91723000", "SCT", "Anatomical Structure")
_SUBSTANCE: Code = ("91720002", "SCT", "Body Substance")

BREAST: Code = ("76752008", "SCT", "Breast")
AREA: Code = ("42798000", "SCT", "Area")
TISSUE = _TISSUE
ALGORITHM: Code = ("123110", "DCM", "Artificial Intelligence")

_NEOPLASM = (_ABNORMAL, ("108369006", "SCT", "Neoplasm"))
_INFLAMMATION = (_ABNORMAL, ("409774005", "SCT", "Inflammation"))
_NECROSIS = (_ABNORMAL, ("6574001", "SCT", "Necrosis"))

CLASSES: Mapping[str, tuple[Code, Code]] = {
    "tumor": _NEOPLASM,
    "stroma": (_TISSUE, ("21793004", "SCT", "Connective tissue")),
    "inflammatory": _INFLAMMATION,
    "lymphocytic_infiltrate": _INFLAMMATION,
    "necrosis": _NECROSIS,
    "necrosis_or_debris": _NECROSIS,
    "dcis": (_ABNORMAL, ("1162814007", "SCT", "Non-infiltrating intraductal carcinoma")),
    "fat": (_TISSUE, ("55603005", "SCT", "Fat")),
    "blood": (_SUBSTANCE, ("87612001", "SCT", "Blood")),
    "blood_vessel": (_ANATOMICAL, ("59820001", "SCT", "Blood Vessel")),
    "lymphatics": (_ANATOMICAL, ("83555006", "SCT", "Lymphatic vessel")),
    "nerve": (_ANATOMICAL, ("91728009", "SCT", "Nerve")),
}
"""Class -> category and type. A class that is not here (other, exclude, what a person named) has
its own name in SCHEME, of the category Tissue."""

_UNITS: Mapping[str, Code] = {
    "mm2": ("mm2", "UCUM", "square millimeter"),
    "mm": ("mm", "UCUM", "mm"),
    "percent": ("%", "UCUM", "Percent"),
    "count": ("1", "UCUM", "no units"),
}


def class_codes(name: str) -> tuple[Code, Code]:
    """Return the category and the type of a class."""
    return CLASSES.get(name.casefold(), (_TISSUE, own_code(name)))


def own_code(name: str) -> Code:
    """Return a name as a code of our own."""
    return name, SCHEME, name.replace("_", " ")[:_LONGEST_MEANING]


def unit_of(measure: str) -> Code | None:
    """Return the unit that the name of a measure says; None where it says none."""
    words = measure.split("_")
    for unit in ("mm2", "mm", "count"):
        if words[-1] == unit:
            return _UNITS[unit]
    # Names go on behind it: percent_of_tumor.
    return _UNITS["percent"] if "percent" in words else None


def coded(code: Code) -> Any:
    """Return a code as highdicom takes it."""
    # Imported where it is used: highdicom is an extra, and slow to import.
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)
