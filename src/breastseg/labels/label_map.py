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
"""In the table of a map: a code that it does not name. So no class has this label."""


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
        self._check_codes()

    def _check_codes(self) -> None:
        """Refuse a code that has two meanings, and a map in which 0 is a class."""
        codes_by_place = [(c.name, c.codes) for c in self.classes]
        codes_by_place.append(("not annotated", self.not_annotated))
        place_of_code: dict[int, str] = {}
        for place, codes in codes_by_place:
            for code in codes:
                if not 0 <= code < _UNKNOWN:
                    raise LabelError(
                        f"label map '{self.name}': code {code} of '{place}', wanted 0 to"
                        f" {_UNKNOWN - 1}"
                    )
                if code in place_of_code:
                    raise LabelError(
                        f"label map '{self.name}': code {code} is in '{place_of_code[code]}' and in"
                        f" '{place}'"
                    )
                place_of_code[code] = place
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
        """Label of each source code: (256,). One look-up a pixel, whatever the map."""
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
        label = self._labels_by_name.get(name.strip().casefold())
        if label is not None:
            return label
        # In QuPath a star marks what is measured but not meant as tissue: Ignore*, Region*.
        if name.strip().endswith("*"):
            return 0
        if ":" in name:
            return self.label_of(name.partition(":")[0], where)
        raise LabelError(
            f"{where}: class '{name}' is not in label map '{self.name}' (it has"
            f" {', '.join(self.names)}); rename it there or choose another --labels"
        )

    def kind_of(self, name: str, where: str) -> tuple[int, bool]:
        """Return the label of a class by name, and whether the name says that something is not of
        it, as in "not tumor".

        Raises:
            LabelError: the map has no such class.
        """
        words = " ".join(name.casefold().split())
        # A map may have a class of that name itself, as "tumor" has "not tumor".
        if words.startswith(NOT) and words not in self._labels_by_name:
            return self.label_of(words.removeprefix(NOT), where), True
        return self.label_of(name, where), False

    @cached_property
    def _labels_by_name(self) -> dict[str, int]:
        """Labels by every name a person may write. The later of two of one name wins: names of
        codes, then QuPath's, then the classes' own."""
        labels: dict[str, int] = {}
        for code, name in enumerate(self.code_names):
            if code in self._known:
                labels[name] = int(self._table[code])
        for label, label_class in enumerate(self.classes, start=1):
            labels[label_class.qupath] = label
        for label, label_class in enumerate(self.classes, start=1):
            labels[label_class.name] = label
        return {name.casefold(): label for name, label in labels.items()}

    @property
    def _known(self) -> set[int]:
        """All codes that the map names."""
        known = set(self.not_annotated)
        for label_class in self.classes:
            known.update(label_class.codes)
        return known

    def palette(self) -> npt.NDArray[np.uint8]:
        """Return (256, 3) uint8 colours by label; label 0 is white."""
        palette = np.full((256, 3), 255, np.uint8)
        palette[1 : len(self.classes) + 1] = [c.color for c in self.classes]
        return palette

    def to_dict(self) -> JsonObject:
        """Return the map as JSON values."""
        classes = []
        for c in self.classes:
            classes.append(
                {"name": c.name, "color": list(c.color), "qupath": c.qupath, "codes": list(c.codes)}
            )
        not_annotated = list(self.not_annotated)
        return {"name": self.name, "classes": classes, "not_annotated": not_annotated}

    @staticmethod
    def from_dict(value: Any, where: str) -> "LabelMap":
        """Read a map from values of JSON or YAML; LabelError names `where` and what is wrong."""
        try:
            entry = _object(value, "it")
            classes = []
            for number, one in enumerate(_list(entry.get("classes"), "classes"), start=1):
                classes.append(_class(one, number))
            name = text_of(entry.get("name"), "name")
            not_annotated = _codes_in(entry.get("not_annotated", [0]), "not_annotated")
            return LabelMap(name, tuple(classes), not_annotated)
        except LabelError as cause:
            raise LabelError(f"{where}: {cause}") from None
        except ValueError as cause:
            raise LabelError(
                f"{where}: not a label map ({cause}); wanted name, classes (each with name, color,"
                " codes) and not_annotated, as docs/glossary.md shows"
            ) from None

    def fingerprint(self) -> str:
        """Return a short hash that changes with any code, name or colour."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _class(value: Any, number: int) -> LabelClass:
    where = f"class {number}"
    entry = _object(value, where)
    name = text_of(entry.get("name"), f"name of {where}")
    color = _list(entry.get("color"), f"color of '{name}'")
    if len(color) != 3:
        raise ValueError(
            f"color of '{name}' has {len(color)} numbers, wanted three: red, green, blue"
        )
    red, green, blue = (whole_in(part, 0, 255, f"color of '{name}'") for part in color)
    qupath = text_of(entry.get("qupath", name), f"qupath of '{name}'")
    codes = _codes_in(entry.get("codes"), f"codes of '{name}'")
    return LabelClass(name, (red, green, blue), qupath, codes)


def _codes_in(value: Any, what: str) -> tuple[int, ...]:
    # A wide range: LabelMap itself says which codes are wrong, and to which class they belong.
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
    """Return codes as a person writes them: "0, 3 to 4, 7"."""
    ordered = sorted(codes)
    starts = [code for code in ordered if code - 1 not in ordered]
    ends = [code for code in ordered if code + 1 not in ordered]
    texts = []
    for start, end in zip(starts, ends, strict=True):
        texts.append(str(start) if start == end else f"{start} to {end}")
    return ", ".join(texts)
