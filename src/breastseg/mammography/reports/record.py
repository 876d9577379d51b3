"""`Report` as JSON, and back: what is read is checked, field by field and against its own
sentences."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from breastseg.errors import InputError
from breastseg.files import write_json
from breastseg.json_files import number_in, read_json, shown, text_of, whole_in
from breastseg.mammography.reports.issues import CODES
from breastseg.mammography.reports.phrases import ADVICE
from breastseg.mammography.reports.values import (
    FORMAT,
    NUMBER_FIELDS,
    SIZE_FIELDS,
    VERSION,
    WORD_FIELDS,
    Absent,
    Category,
    Density,
    Finding,
    Issue,
    Number,
    Recommendation,
    Report,
    Section,
    Sentence,
    Size,
    Source,
    Word,
    finding_of,
)
from breastseg.mammography.reports.vocabulary import (
    CERTAINTIES,
    CHANGES,
    CONCERN,
    DENSITIES,
    DEPTHS,
    DESCRIPTORS,
    KINDS,
    QUADRANTS,
    SECTIONS,
    SIDES,
)

_MOST_LETTERS = 2**20
_MOST_ITEMS = 100_000
_ALLOWED: dict[str, Iterable[str]] = {
    "side": SIDES,
    "certainty": CERTAINTIES,
    "quadrant": QUADRANTS,
    "depth": DEPTHS,
    "change": CHANGES,
    **{name: table for name, (_, table) in DESCRIPTORS.items()},
}
_WANTED = "a report.json of breastseg mammo report"
T = TypeVar("T")


def as_json(report: Report) -> dict[str, object]:
    """Return a report as JSON values; places are characters of the decoded text."""
    return {"format": FORMAT, "version": VERSION, **asdict(report)}


def write_report(path: Path, report: Report) -> None:
    """Write a report as JSON, whole or not at all."""
    write_json(path, as_json(report))


def read_record(path: str | Path) -> Report:
    """Read a report.json back.

    Raises:
        InputError: it is none, of another version, or a value or a place in it cannot be; the line
            says which.
    """
    path = Path(path)
    value = read_json(path, InputError, _WANTED)
    try:
        return _report(value)
    except ValueError as cause:
        raise InputError(
            f"{path}: {cause}; {_WANTED} was wanted, make it again from the text"
        ) from None


def _report(value: Any) -> Report:
    fields = _object(value, "the file")
    if fields.get("format") != FORMAT:
        raise ValueError(f"format is {shown(fields.get('format'))}, wanted '{FORMAT}'")
    if fields.get("version") != VERSION:
        raise ValueError(f"version is {shown(fields.get('version'))}, wanted {VERSION}")
    report = Report(
        name=text_of(fields.get("name"), "name"),
        encoding=text_of(fields.get("encoding"), "encoding"),
        characters=whole_in(fields.get("characters"), 1, _MOST_LETTERS, "characters"),
        notes=_list(fields, "notes", lambda note, what: text_of(note, what, most=500)),
        sections=_list(fields, "sections", _section),
        sentences=_list(fields, "sentences", _sentence),
        category=_maybe(fields.get("category"), "category", _category),
        categories=_list(fields, "categories", _category),
        densities=_list(fields, "densities", _density),
        scores=_list(fields, "scores", lambda score, what: _word(score, what, None)),
        findings=_list(fields, "findings", _finding),
        absent=_list(fields, "absent", _absent),
        recommendations=_list(fields, "recommendations", _recommendation),
        issues=_list(fields, "issues", _issue),
    )
    _check_places(fields, report)
    return report


def _object(value: Any, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {shown(value)}, wanted an object")
    return value


def _list(fields: dict[str, object], name: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise ValueError(f"{name} is {shown(value)}, wanted a list")
    items = []
    for place, item in enumerate(value):
        items.append(read(item, f"{name}[{place}]"))
    return tuple(items)


def _maybe(value: Any, what: str, read: Callable[[Any, str], T]) -> T | None:
    return None if value is None else read(value, what)


def _place(value: Any, what: str) -> tuple[int, int, int]:
    fields = _object(value, what)
    start = whole_in(fields.get("start"), 0, _MOST_LETTERS, f"{what}.start")
    end = whole_in(fields.get("end"), start + 1, _MOST_LETTERS, f"{what}.end")
    return start, end, whole_in(fields.get("sentence"), 0, _MOST_ITEMS, f"{what}.sentence")


def _source(value: Any, what: str) -> Source:
    return Source(*_place(value, what))


def _one_of(value: Any, allowed: Iterable[str], what: str) -> str:
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"{what} is {shown(value)}, wanted one of {', '.join(names)}")
    return value


def _word(value: Any, what: str, allowed: Iterable[str] | None) -> Word:
    place = _place(value, what)
    word = value.get("value")
    if allowed is None:
        return Word(*place, text_of(word, f"{what}.value"))
    return Word(*place, _one_of(word, allowed, f"{what}.value"))


def _number(value: Any, what: str) -> Number:
    place = _place(value, what)
    number = number_in(value.get("value"), 0, 1000, f"{what}.value")
    return Number(*place, number)


def _size(value: Any, what: str) -> Size:
    place = _place(value, what)
    extents = value.get("mm")
    if not isinstance(extents, list) or not 1 <= len(extents) <= 3:
        raise ValueError(f"{what}.mm is {shown(extents)}, wanted one to three numbers")
    mm = [number_in(extent, 0, 1000, f"{what}.mm") for extent in extents]
    return Size(*place, tuple(mm))


def _section(value: Any, what: str) -> Section:
    fields = _object(value, what)
    name = _one_of(fields.get("name"), ("body", *SECTIONS), f"{what}.name")
    start = whole_in(fields.get("start"), 0, _MOST_LETTERS, f"{what}.start")
    end = whole_in(fields.get("end"), start, _MOST_LETTERS, f"{what}.end")
    heading = _maybe(fields.get("heading"), f"{what}.heading", _source)
    return Section(name, start, end, heading)


def _sentence(value: Any, what: str) -> Sentence:
    fields = _object(value, what)
    start = whole_in(fields.get("start"), 0, _MOST_LETTERS, f"{what}.start")
    text = fields.get("text")
    if not isinstance(text, str) or not text:
        raise ValueError(f"{what}.text is {shown(text)}, wanted some text")
    # The one end that fits its text.
    only_end = start + len(text)
    end = whole_in(fields.get("end"), only_end, only_end, f"{what}.end")
    section = _one_of(fields.get("section"), ("body", *SECTIONS), f"{what}.section")
    return Sentence(start, end, section, text)


def _side(value: Any, what: str) -> Word:
    return _word(value, what, SIDES)


def _category(value: Any, what: str) -> Category:
    fields = _object(value, what)
    category = _word(fields.get("value"), f"{what}.value", CONCERN)
    form = _one_of(fields.get("form"), ("number", "words"), f"{what}.form")
    prior = fields.get("prior")
    if not isinstance(prior, bool):
        raise ValueError(f"{what}.prior is {shown(prior)}, wanted true or false")
    side = _maybe(fields.get("side"), f"{what}.side", _side)
    return Category(category, form, side, prior)


def _density(value: Any, what: str) -> Density:
    fields = _object(value, what)
    density = _word(fields.get("value"), f"{what}.value", DENSITIES)
    form = _one_of(fields.get("form"), ("letter", "words", "number"), f"{what}.form")
    side = _maybe(fields.get("side"), f"{what}.side", _side)
    return Density(density, form, side)


def _finding(value: Any, what: str) -> Finding:
    fields = _object(value, what)
    words: dict[str, Word | None] = {}
    for name in WORD_FIELDS:
        word = fields.get(name)
        words[name] = None
        if word is not None:
            words[name] = _word(word, f"{what}.{name}", _ALLOWED[name])
    numbers: dict[str, Number | None] = {}
    for name in NUMBER_FIELDS:
        numbers[name] = _maybe(fields.get(name), f"{what}.{name}", _number)
    sizes: dict[str, Size | None] = {}
    for name in SIZE_FIELDS:
        sizes[name] = _maybe(fields.get(name), f"{what}.{name}", _size)
    kind = _word(fields.get("kind"), f"{what}.kind", KINDS)
    mentions = _list(fields, "mentions", _source)
    return finding_of(kind, mentions, words, numbers, sizes)


def _absent(value: Any, what: str) -> Absent:
    fields = _object(value, what)
    kind = _word(fields.get("kind"), f"{what}.kind", KINDS)
    side = _maybe(fields.get("side"), f"{what}.side", _side)
    cue = _source(fields.get("cue"), f"{what}.cue")
    return Absent(kind, cue, side)


def _recommendation(value: Any, what: str) -> Recommendation:
    fields = _object(value, what)
    kind = _word(fields.get("kind"), f"{what}.kind", ADVICE)
    side = _maybe(fields.get("side"), f"{what}.side", _side)
    months = _maybe(fields.get("months"), f"{what}.months", _number)
    return Recommendation(kind, side, months)


def _issue(value: Any, what: str) -> Issue:
    fields = _object(value, what)
    code = _one_of(fields.get("code"), CODES, f"{what}.code")
    message = text_of(fields.get("message"), f"{what}.message", most=500)
    return Issue(code, message, _list(fields, "sources", _source))


def _check_places(value: Any, report: Report, what: str = "") -> None:
    """Check that every place lies in the sentence that it names; places are objects with these
    three keys."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            _check_places(item, report, f"{what}[{place}]")
    if not isinstance(value, dict):
        return
    if {"start", "end", "sentence"} <= set(value):
        number = int(value["sentence"])
        if number >= len(report.sentences):
            raise ValueError(f"{what}.sentence is {number}, there are {len(report.sentences)}")
        sentence = report.sentences[number]
        if not sentence.start <= value["start"] < value["end"] <= sentence.end:
            raise ValueError(
                f"{what}: characters {value['start']} to {value['end']} are not in sentence "
                f"{number}"
            )
    for name, item in value.items():
        _check_places(item, report, f"{what}.{name}" if what else name)
