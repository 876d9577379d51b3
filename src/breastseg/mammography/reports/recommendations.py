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
    recommendations: list[Recommendation] = []
    for number, sentence in enumerate(laid.sentences):
        if sentence.section in _READ_IN:
            for advice in _of_sentence(text, sentence, number):
                _add(recommendations, advice)
    return recommendations


def _of_sentence(text: str, sentence: Sentence, number: int) -> list[Recommendation]:
    start = sentence.start
    end = sentence.end
    denials = Denials(text, start, end)
    marks = find(ADVICE, text, start, end)
    kinds = {mark.value for mark in marks}
    advises = sentence.section == "recommendation" or has(ADVISES, text, start, end)
    kind_marks = find(KINDS, text, start, end)
    recommendations = []
    for mark in marks:
        if mark.value == "additional views" and "short-interval follow-up" in kinds:
            continue  # "six month follow-up diagnostic mammogram"
        if denials.of(mark.start) or ends_with(DONE, text, start, mark.start):
            continue
        if not advises:
            # "Ultrasound of the left breast.": without a verb it must begin the sentence.
            begins = mark.start - start < _DIRECT
            follows_finding = bool(kind_marks) and kind_marks[0].start < mark.start
            is_direct = begins and not follows_finding and sentence.section != "body"
            is_meant = mark.value in STANDS_ALONE or is_direct
            if sentence.section == "findings" or not is_meant:
                continue
        recommendations.append(_recommendation(text, mark, marks, start, end, number))
    return recommendations


def _recommendation(
    text: str, mark: Mark, marks: list[Mark], start: int, end: int, number: int
) -> Recommendation:
    """Return one piece of advice with the side and the months of its part of the sentence."""
    first, last = _part(text, mark, marks, start, end)
    side = None
    sides = find(SIDES, text, first, last)
    if len({mark.value for mark in sides}) == 1:
        first_side = sides[0]
        side = Word(first_side.start, first_side.end, number, first_side.value)
    value = mark.value
    when = None
    # A biopsy "of the mass, unchanged for 6 months" is not advised in 6 months.
    months = months_in(text, first, last) if value in _TIMED else None
    if months is not None:
        when = Number(months.start, months.end, number, months.values[0])
        if value == "short-interval follow-up" and months.values[0] >= 12:
            value = "routine screening"
    kind = Word(mark.start, mark.end, number, value)
    return Recommendation(kind, side, when)


def _part(text: str, mark: Mark, marks: list[Mark], start: int, end: int) -> tuple[int, int]:
    """Return the part of the sentence between semicolons in which advice stands; another piece of
    advice ends it."""
    first = max(start, text.rfind(";", start, mark.start) + 1)
    semicolon = text.find(";", mark.end, end)
    last = semicolon if semicolon >= 0 else end
    has_other_before = False
    for other in marks:
        if other.value == mark.value:
            continue
        if other.end <= mark.start:
            first = max(first, other.end)
            has_other_before = True
        if other.start >= mark.end:
            last = min(last, other.start)
    if has_other_before:  # "views of the right breast, and ultrasound"
        for joint in _JOINT.finditer(text, first, mark.start):
            first = max(first, joint.end())
    return first, last


def _add(recommendations: list[Recommendation], advice: Recommendation) -> None:
    """Add advice, or complete the same advice that is there already."""
    for place, other in enumerate(recommendations):
        if other.kind.value != advice.kind.value:
            continue
        # Left and right are two; one without a side may be of either.
        if other.side and advice.side and other.side.value != advice.side.value:
            continue
        side = other.side or advice.side
        months = other.months or advice.months
        recommendations[place] = Recommendation(other.kind, side, months)
        return
    recommendations.append(advice)
