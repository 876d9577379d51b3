"""Every value that a sentence says, at its characters, before it is known of which finding."""

from dataclasses import dataclass

from breastseg.mammography.reports.matching import Mark, find, longest
from breastseg.mammography.reports.measures import Measure, measures_in
from breastseg.mammography.reports.values import Number, Size, Word
from breastseg.mammography.reports.vocabulary import (
    CERTAINTIES,
    CHANGES,
    DEPTHS,
    DESCRIPTORS,
    FORMS_OF,
    QUADRANTS,
    SIDES,
)

Value = Word | Number | Size
PLACES = ("side", "clock", "quadrant", "depth", "from_nipple_mm")
_SIZED = {
    "mass",
    "cyst",
    "calcification",
    "asymmetry",
    "architectural distortion",
    "lymph node",
    "dilated duct",
}
_TABLES = {
    "side": SIDES,
    "quadrant": QUADRANTS,
    "depth": DEPTHS,
    "change": CHANGES,
    "certainty": CERTAINTIES,
}
_MEASURES = {
    "size": "size_mm",
    "earlier": "earlier_size_mm",
    "nipple": "from_nipple_mm",
    "clock": "clock",
}


@dataclass(frozen=True)
class Said:
    """A value of a field, at its characters."""

    name: str
    start: int
    end: int
    value: Value
    kinds: frozenset[str] | None = None  # which can have it; None: all


def said_in(text: str, start: int, end: int, number: int) -> list[Said]:
    """Return every value in the sentence, in order; of overlapping words the longest way."""
    values: list[Said] = []
    for name, table in _TABLES.items():
        for mark in find(table, text, start, end):
            values.append(_word(name, mark, number, None))
    values += _descriptors(text, start, end, number)
    for measure in measures_in(text, start, end):
        if measure.kind in _MEASURES:
            values.append(_number(_MEASURES[measure.kind], measure, number))
    return sorted(values, key=lambda value: (value.start, value.end))


def _descriptors(text: str, start: int, end: int, number: int) -> list[Said]:
    """Return the words that describe findings; of ways that overlap, those of the longest."""
    marks: dict[str, list[Mark]] = {}
    ways: set[Mark] = set()  # without values: "round" is a shape and a sort of calcification
    for name, (_, table) in DESCRIPTORS.items():
        marks[name] = find(table, text, start, end)
        for mark in marks[name]:
            ways.add(Mark(mark.start, mark.end, ""))
    longest_ways = set(longest(ways))
    values = []
    for name, (kinds, _) in DESCRIPTORS.items():
        for mark in marks[name]:
            if Mark(mark.start, mark.end, "") in longest_ways:
                values.append(_word(name, mark, number, kinds))
    return values


def _word(name: str, mark: Mark, number: int, kinds: frozenset[str] | None) -> Said:
    if name == "form":  # a lymph node is axillary, an asymmetry is not
        kinds = frozenset(kind for kind, forms in FORMS_OF.items() if mark.value in forms)
    value = Word(mark.start, mark.end, number, mark.value)
    return Said(name, mark.start, mark.end, value, kinds)


def _number(name: str, measure: Measure, number: int) -> Said:
    value: Value
    if name in {"size_mm", "earlier_size_mm"}:
        value = Size(measure.start, measure.end, number, measure.values)
        return Said(name, measure.start, measure.end, value, frozenset(_SIZED))
    value = Number(measure.start, measure.end, number, measure.values[0])
    return Said(name, measure.start, measure.end, value)
