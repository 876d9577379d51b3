"""LabelMap: which source code is which class. Total, and 0 is never a class.

The BCSS codes are those of the release's own table (Amgad et al. 2019, Bioinformatics 35:3461).
Colours and class names for QuPath are QuPath's own where it has them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import yaml

from breastseg.errors import LabelError
from breastseg.json_files import read_json, shown, text_of, whole_in
from breastseg.wording import in_short

Labels: TypeAlias = npt.NDArray[np.uint8]
"""A label image: (H, W) uint8."""

Color: TypeAlias = tuple[int, int, int]

NOT = "not "
"""Before the name of a class: whatever is there is not of it."""
_UNKNOWN = 255
_YAML_BYTES = 100_000
"""A map of 253 classes has 20 kB, and YAML is read at 100 kB a second."""

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


@dataclass(frozen=True)
class LabelClass:
    """One class: its name, its colour (red, green, blue), its class name in QuPath, and the source
    codes it takes."""

    name: str
    color: Color
    qupath: str
    codes: tuple[int, ...]


@dataclass(frozen=True)
class LabelMap:
    """Source codes -> classes. Class k (from 0) is label k + 1 in every label image; label 0 is
    "not annotated".

    Attributes:
        name: how it is called on the command line and in cards.
        classes: the classes, in the order of the model's channels.
        not_annotated: source codes that mean "no truth here", always with 0 among them.
    """

    name: str
    classes: tuple[LabelClass, ...]
    not_annotated: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        """Check that every code has one meaning and that 0 is no class."""
        if not 1 <= len(self.classes) < _UNKNOWN - 1:
            raise LabelError(
                f"label map '{self.name}': {len(self.classes)} classes, wanted 1 to {_UNKNOWN - 2}"
            )
        if "not_annotated" in self.names:
            raise LabelError(
                f"label map '{self.name}': a class cannot be called not_annotated; list its codes"
                " under not_annotated"
            )
        if len(set(self.names)) < len(self.names):
            raise LabelError(
                f"label map '{self.name}': a class name occurs twice in {', '.join(self.names)}"
            )
        seen: dict[int, str] = {}
        for where, codes in [
            *((c.name, c.codes) for c in self.classes),
            ("not annotated", self.not_annotated),
        ]:
            for code in codes:
                if not 0 <= code < _UNKNOWN:
                    raise LabelError(
                        f"label map '{self.name}': code {code} of '{where}', wanted 0 to"
                        f" {_UNKNOWN - 1}"
                    )
                if code in seen:
                    raise LabelError(
                        f"label map '{self.name}': code {code} is in '{seen[code]}' and in"
                        f" '{where}'"
                    )
                seen[code] = where
        if 0 not in self.not_annotated:
            raise LabelError(
                f"label map '{self.name}': code 0 must be 'not annotated', it is never a class"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in channel order."""
        return tuple(c.name for c in self.classes)

    @cached_property
    def _table(self) -> npt.NDArray[np.uint8]:
        table = np.full(256, _UNKNOWN, np.uint8)
        table[list(self.not_annotated)] = 0
        for label, label_class in enumerate(self.classes, start=1):
            table[list(label_class.codes)] = label
        return table

    def apply(self, codes: Labels, where: str) -> Labels:
        """Turn source codes into labels.

        Args:
            codes: (H, W) uint8 source codes.
            where: the file they came from, for the error.

        Returns:
            (H, W) uint8 labels, 0 where not annotated.

        Raises:
            LabelError: a code that the map does not name.
        """
        labels = self._table[codes]
        if (labels == _UNKNOWN).any():
            unknown = sorted({int(code) for code in np.unique(codes)} - self._known)
            raise LabelError(
                f"{where}: code {', '.join(map(str, unknown))} is not in label map '{self.name}'"
                f" (it knows {_ranges(self._known)}); choose another --labels or name the code in"
                " your own"
            )
        return labels

    def label_of(self, name: str, where: str) -> int:
        """Return the label of a class that a person wrote by name.

        Args:
            name: a class of this map, its QuPath name, or, in a built-in map, the name of a BCSS
                code; case does not matter. A derived
                class, "Tumor: Positive", goes by its first name unless the map names the whole.
            where: the file it came from, for the error.

        Returns:
            the label; 0 for what means "no truth here": a BCSS code that is not annotated, or a
            QuPath class with a `*`.

        Raises:
            LabelError: the map has no such class.
        """
        found = self._labels_by_name.get(name.strip().casefold())
        if found is None and name.strip().endswith("*"):
            return 0
        if found is None and ":" in name:
            return self.label_of(name.partition(":")[0], where)
        if found is None:
            raise LabelError(
                f"{where}: class '{name}' is not in label map '{self.name}' (it has"
                f" {', '.join(self.names)}); rename it there or choose another --labels"
            )
        return found

    def kind_of(self, name: str, where: str) -> tuple[int, bool]:
        """Return the label of a class by name, and whether the name says that something is not of
        it, as in "not tumor".

        Raises:
            LabelError: the map has no such class.
        """
        words = " ".join(name.casefold().split())
        if words.startswith(NOT) and words not in self._labels_by_name:
            return self.label_of(words.removeprefix(NOT), where), True
        return self.label_of(name, where), False

    @cached_property
    def _labels_by_name(self) -> dict[str, int]:
        names = {}
        if BUILT_IN.get(self.name) == self:
            names = {name: int(self._table[code]) for code, name in enumerate(BCSS_CODES)}
        names.update({c.qupath: label for label, c in enumerate(self.classes, start=1)})
        names.update({c.name: label for label, c in enumerate(self.classes, start=1)})
        return {name.casefold(): label for name, label in names.items()}

    @property
    def _known(self) -> set[int]:
        return {code for c in self.classes for code in c.codes} | set(self.not_annotated)

    def palette(self) -> npt.NDArray[np.uint8]:
        """Return (256, 3) uint8 colours by label; label 0 is white."""
        palette = np.full((256, 3), 255, np.uint8)
        palette[1 : len(self.classes) + 1] = [c.color for c in self.classes]
        return palette

    def to_dict(self) -> dict[str, Any]:
        """Return the map as JSON values."""
        return {
            "name": self.name,
            "classes": [
                {"name": c.name, "color": list(c.color), "qupath": c.qupath, "codes": list(c.codes)}
                for c in self.classes
            ],
            "not_annotated": list(self.not_annotated),
        }

    @staticmethod
    def from_dict(value: Any, where: str) -> "LabelMap":
        """Read a map from values of JSON or YAML; LabelError names `where` and what is wrong."""
        try:
            said = _object(value, "it")
            classes = tuple(
                _class(one, number)
                for number, one in enumerate(_list(said.get("classes"), "classes"), start=1)
            )
            return LabelMap(
                text_of(said.get("name"), "name"),
                classes,
                _codes_in(said.get("not_annotated", [0]), "not_annotated"),
            )
        except LabelError as cause:
            raise LabelError(f"{where}: {cause}") from None
        except ValueError as cause:
            raise LabelError(
                f"{where}: not a label map ({cause}); wanted name, classes (each with name, color,"
                " codes) and not_annotated, as docs/glossary.md shows"
            ) from None

    def fingerprint(self) -> str:
        """Return a short hash that changes with any code, name or colour."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def _class(value: Any, number: int) -> LabelClass:
    where = f"class {number}"
    said = _object(value, where)
    name = text_of(said.get("name"), f"name of {where}")
    color = _list(said.get("color"), f"color of '{name}'")
    if len(color) != 3:
        raise ValueError(
            f"color of '{name}' has {len(color)} numbers, wanted three: red, green, blue"
        )
    red, green, blue = (whole_in(part, 0, 255, f"color of '{name}'") for part in color)
    qupath = text_of(said.get("qupath", name), f"qupath of '{name}'")
    return LabelClass(
        name, (red, green, blue), qupath, _codes_in(said.get("codes"), f"codes of '{name}'")
    )


def _codes_in(value: Any, what: str) -> tuple[int, ...]:
    return tuple(whole_in(code, -_UNKNOWN, 10**6, what) for code in _list(value, what))


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(
            f"{what} is {'missing' if value is None else shown(value)}, wanted names with values"
        )
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is {'missing' if value is None else shown(value)}, wanted a list")
    if len(value) > _UNKNOWN:
        raise ValueError(f"{what} has {len(value)} entries, wanted up to {_UNKNOWN}")
    return value


def _ranges(codes: Iterable[int]) -> str:
    ordered = sorted(codes)
    starts = [c for c in ordered if c - 1 not in ordered]
    ends = [c for c in ordered if c + 1 not in ordered]
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))


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

BUILT_IN: Mapping[str, LabelMap] = {
    "region5": LabelMap(
        "region5",
        (
            LabelClass("tumor", _TUMOR, "Tumor", _codes("tumor", "angioinvasion", "dcis")),
            *_NOT_TUMOR_REGIONS,
        ),
        _DOUBTFUL,
    ),
    "region6": LabelMap(
        "region6",
        (
            LabelClass("tumor", _TUMOR, "Tumor", _codes("tumor", "angioinvasion")),
            *_NOT_TUMOR_REGIONS,
            LabelClass("dcis", (255, 60, 180), "DCIS", _codes("dcis")),
        ),
        _DOUBTFUL,
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
    ),
    "bcss21": LabelMap(
        "bcss21",
        tuple(
            LabelClass(name, _BCSS21_COLORS[name], _BCSS21_QUPATH.get(name, name), (code,))
            for code, name in enumerate(BCSS_CODES)
            if code
        ),
    ),
}
"""Label maps by name. `region6` keeps dcis apart: the public data has it in one region only."""


def load_label_map(name_or_path: str | Path) -> LabelMap:
    """Return a built-in map by its name, or a person's own from a JSON or YAML file.

    Raises:
        LabelError: no such name or file, or the file is not a label map.
    """
    if str(name_or_path) in BUILT_IN:
        return BUILT_IN[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix.lower() not in {".json", ".yaml", ".yml"} or not path.is_file():
        raise LabelError(
            f"label map '{name_or_path}': not known; built in are {', '.join(BUILT_IN)}, or give a"
            " .json or .yaml file"
        )
    what = "a label map as JSON" if path.suffix.lower() == ".json" else "a label map as YAML"
    value = (
        read_json(path, LabelError, what)
        if path.suffix.lower() == ".json"
        else _read_yaml(path, what)
    )
    return LabelMap.from_dict(value, str(path))


class _PlainYaml(yaml.loader.BaseLoader):
    """YAML whose every value stays as it was written: a class may be called no, on, null, 1e3 or
    2001-01-01."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse a value that stands for another: nine lines of them can stand for a billion
        values."""
        if self.check_event(yaml.events.AliasEvent):
            here: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="a value is named by * that stands elsewhere, write it out",
                problem_mark=here.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a name that stands twice, of which one value would be lost."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key.value, str) or key.value in seen:
                problem = (
                    f"{shown(key.value)} stands twice"
                    if isinstance(key.value, str)
                    else "a name is a list or has names itself"
                )
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path, what: str) -> Any:
    with path.open("rb") as file:
        data = file.read(_YAML_BYTES + 1)
    if len(data) > _YAML_BYTES:
        raise LabelError(f"{path}: more than {_YAML_BYTES // 1000} kB, wanted {what}")
    if data.lstrip().startswith(b"{") and b"\t" in data:  # JSON is YAML, but for its tabs
        return read_json(path, LabelError, what)
    try:
        return yaml.load(data, _PlainYaml)  # makes nothing but text, lists and dictionaries
    except yaml.MarkedYAMLError as cause:
        line = f" in line {cause.problem_mark.line + 1}" if cause.problem_mark else ""
        problem = in_short(cause.problem or cause.context)
        tab = "; YAML is indented by spaces, not by tabs" if "\\t" in problem else ""
        raise LabelError(f"{path}: not YAML ({problem}{line}{tab}), wanted {what}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise LabelError(f"{path}: not YAML ({in_short(cause)}), wanted {what}") from None
    except RecursionError:
        raise LabelError(f"{path}: not YAML (nested too deeply), wanted {what}") from None
