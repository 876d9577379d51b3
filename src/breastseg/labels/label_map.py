"""LabelMap: which source code is which class. Total, and 0 is never a class."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.errors import LabelError
from breastseg.json_files import JsonObject, shown, text_of, whole_in

Labels: TypeAlias = npt.NDArray[np.uint8]
"""A label image: (H, W) uint8."""

Color: TypeAlias = tuple[int, int, int]

NOT = "not "
"""Before the name of a class: whatever is there is not of it."""
_UNKNOWN = 255


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
        code_names: what source codes are called, by position; a person may write these names too.
    """

    name: str
    classes: tuple[LabelClass, ...]
    not_annotated: tuple[int, ...] = (0,)
    code_names: tuple[str, ...] = field(default=(), compare=False, repr=False)

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
                code; case does not matter. A derived class, "Tumor: Positive", goes by its first
                name unless the map names the whole.
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
        names = {
            name: int(self._table[code])
            for code, name in enumerate(self.code_names)
            if code in self._known
        }
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

    def to_dict(self) -> JsonObject:
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


def _object(value: Any, what: str) -> JsonObject:
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
