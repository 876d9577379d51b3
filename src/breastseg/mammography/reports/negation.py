"""What a sentence denies: cues such as "no" or "are not seen", and how far they reach."""

from itertools import pairwise

from breastseg.mammography.reports.matching import spans
from breastseg.mammography.reports.phrases import (
    CLAUSE_ENDS,
    DENIES_AFTER,
    DENIES_BEFORE,
    DENIES_NOTHING,
    SCOPE_ENDS,
)

Span = tuple[int, int]


class Denials:
    """The denials of one sentence, characters `start` to `end` of a text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        """Find cues and the characters that each reaches."""
        harmless = list(spans(DENIES_NOTHING, text, start, end))
        ends = [place for place, _ in spans(SCOPE_ENDS, text, start, end)]
        self._scopes: list[tuple[Span, Span]] = []  # characters that a cue reaches, the cue
        behind = list(spans(DENIES_BEFORE, text, start, end))
        harmless += [span for span in behind if text[span[0]] in ":="]  # "mass: no"
        for cue in spans(DENIES_AFTER, text, start, end):
            if any(first <= cue[0] < last for first, last in harmless):
                continue
            neither = text[cue[0] : cue[1]].casefold() == "neither"
            reach = [
                place
                for place in ends
                if place >= cue[1] and not (neither and text.startswith("show", place))
            ]
            self._scopes.append(((cue[1], min([*reach, end])), cue))
        for cue in behind:
            if text[cue[0]] not in ":=" and any(
                first < cue[1] and cue[0] < last for first, last in harmless
            ):
                continue
            before = [place for place in ends if place < cue[0]]
            self._scopes.append(((max([start, *before]), cue[0]), cue))

    def of(self, start: int) -> Span | None:
        """Return the cue that denies what begins at a character; None where nothing does."""
        for (first, last), cue in self._scopes:
            if first <= start < last:
                return cue
        return None


def clauses(text: str, start: int, end: int) -> list[Span]:
    """Cut a sentence into clauses; each may have places (side, clock) of its own."""
    cuts = sorted({place for place, _ in spans(CLAUSE_ENDS, text, start, end) if place > start})
    edges = [start, *cuts, end]
    return list(pairwise(edges))
