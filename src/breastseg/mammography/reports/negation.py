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
        self._scopes: list[tuple[Span, Span]] = []  # characters that a cue reaches, the cue
        ends = [place for place, _ in spans(SCOPE_ENDS, text, start, end)]
        harmless = list(spans(DENIES_NOTHING, text, start, end))
        fields: list[Span] = []  # "mass: no"
        behind: list[Span] = []  # "masses are not seen"
        for cue in spans(DENIES_BEFORE, text, start, end):
            is_field = text[cue[0]] in ":="
            (fields if is_field else behind).append(cue)
        # Its "no" denies what stands before it, not what follows.
        harmless += fields
        for cue in spans(DENIES_AFTER, text, start, end):
            cue_start, cue_end = cue
            if any(first <= cue_start < last for first, last in harmless):
                continue
            neither = text[cue_start:cue_end].casefold() == "neither"
            reach = end
            for place in ends:  # in order: the first that ends it
                # "neither breast shows": the verb belongs to the denial
                is_verb = neither and text.startswith("show", place)
                if place >= cue_end and not is_verb:
                    reach = place
                    break
            self._scopes.append(((cue_end, reach), cue))
        for cue in sorted(fields + behind):
            cue_start, cue_end = cue
            is_harmless = any(first < cue_end and cue_start < last for first, last in harmless)
            if is_harmless and cue not in fields:
                continue
            reach_back = start
            for place in ends:
                if place < cue_start:
                    reach_back = place
            self._scopes.append(((reach_back, cue_start), cue))

    def of(self, start: int) -> Span | None:
        """Return the cue that denies what begins at a character; None where nothing does."""
        for (first, last), cue in self._scopes:
            if first <= start < last:
                return cue
        return None


def clauses(text: str, start: int, end: int) -> list[Span]:
    """Cut a sentence into clauses; each may have places (side, clock) of its own."""
    edges = [start]
    for place, _ in spans(CLAUSE_ENDS, text, start, end):
        if place > start:  # one that begins the sentence cuts nothing off
            edges.append(place)
    edges.append(end)
    return list(pairwise(edges))
