"""Which breast an examination is of, by its title and technique."""

from collections.abc import Sequence

from breastseg.mammography.reports.matching import find
from breastseg.mammography.reports.values import Section, Sentence, Word
from breastseg.mammography.reports.vocabulary import SIDES


def examined_side(sections: Sequence[Section], sentences: Sequence[Sentence]) -> Word | None:
    """Return "L" or "R" where exam and technique name one breast only; None for both or where
    nothing is said."""
    names = {section.name for section in sections}
    if not names & {"exam", "technique"}:
        return None
    sides: list[Word] = []
    for number, sentence in enumerate(sentences):
        if sentence.section not in {"exam", "technique"}:
            continue
        for mark in find(SIDES, sentence.text, 0, len(sentence.text)):
            start = sentence.start + mark.start
            end = sentence.start + mark.end
            sides.append(Word(start, end, number, mark.value))
    values = {side.value for side in sides}
    if len(values) != 1 or "B" in values:
        return None
    return sides[0]
