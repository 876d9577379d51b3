"""What a report advises: kind, side, and in how many months."""

import re

from breastseg.mammography.reports.layout import Laid
from breastseg.mammography.reports.matching import Mark, ends_with, find, has
from breastseg.mammography.reports.measures import months_in
from breastseg.mammography.reports.negation import Denials
from breastseg.mammography.reports.phrases import ADVICE, ADVISES, DONE, STANDS_ALONE
from breastseg.mammography.reports.values import Number, Recommendation, Sentence, Word
from breastseg.mammography.reports.vocabulary import KINDS, SIDES

_READ_IN = {"body", "findings", "impression", "recommendation", "addendum"}
_DIRECT = 30
"""In an impression, advice within so many characters of a sentence's start is meant as such."""
_JOINT = re.compile(r"\b(?:and|or)\b|[,;)]", re.IGNORECASE)
_TIMED = {
    "routine screening",
    "short-interval follow-up",
    "clinical follow-up",
    "MRI",
    "ultrasound",
}


def find_recommendations(text: str, laid: Laid) -> list[Recommendation]:
    """Return what is advised, each kind and side once, in order."""
    found: list[Recommendation] = []
    for number, sentence in enumerate(laid.sentences):
        if sentence.section in _READ_IN:
            for one in _of_sentence(text, sentence, number):
                _add(found, one)
    return found


def _of_sentence(text: str, sentence: Sentence, number: int) -> list[Recommendation]:
    start = sentence.start
    end = sentence.end
    denials = Denials(text, start, end)
    marks = find(ADVICE, text, start, end)
    kinds = {mark.value for mark in marks}
    advises = sentence.section == "recommendation" or has(ADVISES, text, start, end)
    kind_marks = find(KINDS, text, start, end)
    found = []
    for mark in marks:
        if mark.value == "additional views" and "short-interval follow-up" in kinds:
            continue  # "six month follow-up diagnostic mammogram"
        if denials.of(mark.start) or ends_with(DONE, text, start, mark.start):
            continue
        if not advises:
            first = mark.start - start < _DIRECT and not any(
                one.start < mark.start for one in kind_marks
            )
            direct = first and sentence.section != "body"
            if sentence.section == "findings" or not (mark.value in STANDS_ALONE or direct):
                continue
        found.append(_one(text, mark, marks, start, end, number))
    return found


def _one(
    text: str, mark: Mark, marks: list[Mark], start: int, end: int, number: int
) -> Recommendation:
    """Return one piece of advice with the side and the months of its part of the sentence."""
    first, last = _part(text, mark, marks, start, end)
    months = months_in(text, first, last) if mark.value in _TIMED else None
    side = None
    sides = [one for one in find(SIDES, text, first, last) if one.value in SIDES]
    if len({one.value for one in sides}) == 1:
        side = Word(sides[0].start, sides[0].end, number, sides[0].value)
    value = mark.value
    if value == "short-interval follow-up" and months and months.values[0] >= 12:
        value = "routine screening"
    kind = Word(mark.start, mark.end, number, value)
    when = Number(months.start, months.end, number, months.values[0]) if months else None
    return Recommendation(kind, side, when)


def _part(text: str, mark: Mark, marks: list[Mark], start: int, end: int) -> tuple[int, int]:
    """Return the part of the sentence between semicolons in which advice stands; another piece of
    advice ends it."""
    first = max(start, text.rfind(";", start, mark.start) + 1)
    semicolon = text.find(";", mark.end, end)
    last = semicolon if semicolon >= 0 else end
    before = [other.end for other in marks if other.end <= mark.start and other.value != mark.value]
    if before:  # "views of the right breast, and ultrasound"
        joints = [match.end() for match in _JOINT.finditer(text, max(before), mark.start)]
        before += joints
    after = [
        other.start for other in marks if other.start >= mark.end and other.value != mark.value
    ]
    return max([first, *before]), min([last, *after])


def _add(found: list[Recommendation], one: Recommendation) -> None:
    """Add advice, or complete the same advice that is there already."""
    for place, other in enumerate(found):
        if other.kind.value != one.kind.value:
            continue
        sides = {word.value for word in (other.side, one.side) if word is not None}
        if len(sides) < 2:
            found[place] = Recommendation(
                other.kind, other.side or one.side, other.months or one.months
            )
            return
    found.append(one)
