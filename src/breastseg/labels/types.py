"""TypeMap: what a patient's tissue was diagnosed as -> types that are told apart.

Like a LabelMap it is total: a diagnosis it does not name is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breastseg.errors import LabelError
from breastseg.json_files import read_json, shown, text_of

_BENIGN = (
    "adenosis",
    "fibroadenoma",
    "phyllodes tumor",
    "tubular adenoma",
    "normal",
    "pathological benign",
    "usual ductal hyperplasia",
)
_ATYPICAL = ("flat epithelial atypia", "atypical ductal hyperplasia")
_CARCINOMA = (
    "ductal carcinoma",
    "lobular carcinoma",
    "mucinous carcinoma",
    "papillary carcinoma",
)
_OTHER_MALIGNANT = ("ductal carcinoma in situ", "invasive carcinoma", "other carcinoma")
MOST_TYPES = 50
"""A classifier of more would have a handful of patients a type."""


@dataclass(frozen=True)
class TypeMap:
    """Types that are told apart.

    Attributes:
        name: of the map.
        types: diagnoses of each type, by its name, in order.
        left_out: diagnoses of images whose type is not learned and not scored.
    """

    name: str
    types: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the types in order."""
        return tuple(self.types)

    def type_of(self, diagnosis: str, where: str) -> str:
        """Return the type of a diagnosis; "" for one that is left out, or where none is known.

        Raises:
            LabelError: the map does not name it.
        """
        wanted = diagnosis.casefold()
        if not wanted or wanted in map(str.casefold, self.left_out):
            return ""
        for name, diagnoses in self.types.items():
            # The name of a type is a diagnosis of it too.
            if wanted in map(str.casefold, (name, *diagnoses)):
                return name
        raise LabelError(
            f"{where}: type {shown(diagnosis)} is not in type map '{self.name}'"
            f" ({', '.join(self.types)}); name it in a map of your own, under a type or left_out"
        )


BUILT_IN: Mapping[str, TypeMap] = {
    "malignancy": TypeMap(
        "malignancy",
        {"benign": _BENIGN, "malignant": (*_CARCINOMA, *_OTHER_MALIGNANT)},
        _ATYPICAL,
    ),
    "carcinoma": TypeMap(
        "carcinoma",
        dict.fromkeys(_CARCINOMA, ()),
        (*_BENIGN, *_ATYPICAL, *_OTHER_MALIGNANT),
    ),
}
"""By name: benign against malignant, and the four carcinomas of BreaKHis."""


def load_type_map(name_or_path: str | Path) -> TypeMap:
    """Return a built-in map by its name, or a person's own from a JSON file: {"types": {"benign":
    ["adenosis", ...], ...}, "left_out": [...]}.

    Raises:
        LabelError: no such name or file, or the file is no such map.
    """
    if str(name_or_path) in BUILT_IN:
        return BUILT_IN[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix.lower() != ".json" or not path.is_file():
        raise LabelError(
            f"type map '{name_or_path}': not known; built in are {', '.join(BUILT_IN)}, or give a"
            " .json file"
        )
    value = read_json(path, LabelError, "a type map as JSON")
    try:
        return _read(path.stem, value)
    except ValueError as cause:
        raise LabelError(
            f'{path}: not a type map ({cause}); wanted {{"types": {{"NAME": ["DIAGNOSIS", ...]}}}}'
        ) from None


def _read(name: str, value: Any) -> TypeMap:
    types = value.get("types") if isinstance(value, dict) else None
    if not isinstance(types, dict) or not 2 <= len(types) <= MOST_TYPES:
        raise ValueError(f"types is {shown(types)}, wanted 2 to {MOST_TYPES} names")
    diagnoses_of = {text_of(key, "a type"): _texts(texts, key) for key, texts in types.items()}
    left_out = _texts(value.get("left_out", []), "left_out")
    type_of: dict[str, str] = {}
    for key, diagnoses in (*diagnoses_of.items(), ("left_out", left_out)):
        for diagnosis in diagnoses:
            before = type_of.setdefault(diagnosis.casefold(), key)
            if before != key:
                raise ValueError(f"{shown(diagnosis)} is under {before} and under {key}")
    return TypeMap(name, diagnoses_of, left_out)


def _texts(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is {shown(value)}, wanted a list of diagnoses")
    return tuple(text_of(one, f"a diagnosis of {what}") for one in value)
