"""One sentence of a report -> the findings it names, each with what it says of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from breastseg.mammography.reports.matching import ends_with, find, has, spans
from breastseg.mammography.reports.measures import measures_in
from breastseg.mammography.reports.negation import Denials, Span, clauses
from breastseg.mammography.reports.phrases import (
    ALL_OF_THEM,
    BELONGS,
    BELONGS_AT,
    INTERPRETS,
    KEYS,
    ONE_OF_THEM,
    SAME_AGAIN,
    SEEN_BEFORE,
    SUBJECTS,
    WITHIN,
)
from breastseg.mammography.reports.said import PLACES, Said, Value, said_in
from breastseg.mammography.reports.values import Number, Sentence, Size, Source, Word
from breastseg.mammography.reports.vocabulary import (
    DENSITIES,
    KINDS,
    MARGINS,
    NO_FINDING,
)


@dataclass
class Mention:
    """A kind of finding named at one place, with what its sentence says of it.

    Attributes:
        kind: and where it stands.
        said: field of `Finding` -> value.
        cue: where it is denied.
        again: whether the words in front say that it was named before ("the mass").
        belongs: whether they say that it is beside another finding ("associated").
        one_of: whether it is "one" or "the other" of several.
    """

    kind: Word
    said: dict[str, Value] = field(default_factory=dict)
    cue: Source | None = None
    again: bool = False
    belongs: bool = False
    one_of: bool = False


@dataclass
class Told:
    """What a sentence says: mentions, and what it says of a finding that it does not name.

    Attributes:
        mentions: in order.
        loose: values without a mention.
        speaks_on: whether its first words point to the finding before ("It measures ...").
        of_all: whether they point to all findings of the sentence before ("Both are stable.").
        keyed: whether it is a line of a list, as "Size: 12 mm".
        unitless: sizes without a unit.
    """

    mentions: list[Mention]
    loose: dict[str, Value]
    speaks_on: bool
    of_all: bool
    keyed: bool
    unitless: list[Source]


def told_by(text: str, sentence: Sentence, number: int) -> Told:
    """Read one sentence.

    Args:
        text: of the whole report.
        sentence: where it stands.
        number: its index in `Report.sentences`.
    """
    start = sentence.start
    end = sentence.end
    denials = Denials(text, start, end)
    parts = clauses(text, start, end)
    mentions = _mentions(text, start, end, number, denials)
    said = said_in(text, start, end, number)
    loose: dict[str, Value] = {}
    if not mentions:
        for one in said:
            loose.setdefault(one.name, one.value)
    else:
        _describe(text, mentions, said)
        _place(mentions, said, parts)
        mentions = _by_clock(text, mentions, said)
    mentions = _one_by_one(mentions)
    first_words = list(spans(SUBJECTS, text, start, min(end, start + 30)))
    speaks_on = bool(first_words) and first_words[0][0] - start < 4
    keyed = has(KEYS, text, start, min(end, start + 14))
    of_all = has(ALL_OF_THEM, text, start, min(end, start + 8))
    unitless = [
        Source(one.start, one.end, number)
        for one in measures_in(text, start, end)
        if one.kind == "unitless"
    ]
    return Told(mentions, loose, speaks_on or keyed, of_all, keyed, unitless)


def _mentions(text: str, start: int, end: int, number: int, denials: Denials) -> list[Mention]:
    no_finding = list(spans(NO_FINDING, text, start, end))
    densities = [(one.start, one.end) for one in find(DENSITIES, text, start, end)]
    found = []
    for mark in find(KINDS, text, start, end):
        if any(first <= mark.start < last for first, last in (*no_finding, *densities)):
            continue
        if has(SEEN_BEFORE, text, mark.end, min(end, mark.end + 60)):
            continue
        mention = Mention(Word(mark.start, mark.end, number, mark.value))
        cue = denials.of(mark.start)
        mention.cue = Source(*cue, number) if cue else None
        mention.again = ends_with(SAME_AGAIN, text, start, mark.start, words_between=4)
        mention.belongs = has(BELONGS_AT, text, start, end) or ends_with(
            BELONGS, text, start, mark.start, words_between=2
        )
        found.append(mention)
    found = _without_doubles(text, found)
    return sorted(found + _ones(text, end, number, found), key=lambda one: one.kind.start)


def _ones(text: str, end: int, number: int, mentions: list[Mention]) -> list[Mention]:
    """Return "one" and "the other" of "two masses: one at ..., the other at ..." as mentions of
    their kind."""
    if len(mentions) != 1 or mentions[0].cue:
        return []
    kind = mentions[0].kind
    places = list(spans(ONE_OF_THEM, text, kind.end, end))
    if len(places) < 2:
        return []
    return [Mention(Word(*place, number, kind.value), one_of=True) for place in places]


def _one_by_one(mentions: list[Mention]) -> list[Mention]:
    """Give each "one" what is said of all of them, and drop the mention of all."""
    ones = [one for one in mentions if one.one_of]
    if not ones:
        return mentions
    head = mentions[0]
    for one in ones:
        for name, value in head.said.items():
            one.said.setdefault(name, value)
    return ones


def _without_doubles(text: str, mentions: list[Mention]) -> list[Mention]:
    """Drop a kind that is said twice in a breath ("lymph node ... node", "cluster of
    calcifications")."""
    kept: list[Mention] = []
    for mention in mentions:
        last = kept[-1] if kept else None
        told = last is not None and ends_with(
            INTERPRETS, text, last.kind.end, mention.kind.start, words_between=3, stops=".;:,"
        )
        near = told or (
            last is not None and not text[last.kind.end : mention.kind.start].strip(" -/(")
        )
        if last is not None and near and last.kind.value == mention.kind.value:
            continue
        kept.append(mention)
    return kept


def _describe(text: str, mentions: list[Mention], said: Iterable[Said]) -> None:
    """Give each descriptor, size and change to the nearest mention that can have it."""
    explicit: set[tuple[int, str]] = set()
    for one in said:
        if one.name in PLACES:
            continue
        able = [each for each in mentions if one.kinds is None or each.kind.value in one.kinds]
        if one.name == "certainty":
            able = [each for each in able if 0 <= each.kind.start - one.end < 40]
        if not able:
            continue
        nearest = min(able, key=lambda each: _gap(text, one, each, mentions))
        owners = [nearest]
        if one.name == "change" and not nearest.cue and one.start > mentions[-1].kind.start:
            owners = [each for each in able if not each.cue]  # "a scar and clips, stable"
        key = nearest.kind.start, one.name
        spelled = "distribut" in text[one.start : one.end]
        for owner in owners:
            if one.name == "margin" and _is_worse(one, owner):
                owner.said[one.name] = one.value
            if one.name not in owner.said or (spelled and key not in explicit):
                owner.said[one.name] = one.value
        if spelled:
            explicit.add(key)


def _is_worse(one: Said, owner: Mention) -> bool:
    """Return whether a margin is of more concern than the one that was said first ("partly
    circumscribed")."""
    known = owner.said.get("margin")
    if not isinstance(known, Word) or not isinstance(one.value, Word):
        return False
    order = list(MARGINS)  # from the least to the most concern
    return order.index(one.value.value) > order.index(known.value)


def _gap(text: str, one: Said, mention: Mention, mentions: list[Mention]) -> float:
    """Return how far a value is from a mention: words in front of it count as nearer, a comma as
    further."""
    if one.end <= mention.kind.start:
        between = text[one.end : mention.kind.start]
        blocked = any(one.end <= other.kind.start < mention.kind.start for other in mentions)
        far = len(between) + 30 * (between.count(",") + between.count(";"))
        if isinstance(one.value, Size) and ("," in between or "and" in between.split()):
            far += 200  # "a mass of 8 mm, and a cyst"
        return far + (60 if blocked else 0)
    between = text[mention.kind.end : one.start]
    part = ends_with(WITHIN, text, mention.kind.start - 40, mention.kind.start, words_between=2)
    far = 12 + len(between) + (60 if ";" in between else 0)
    return far + (80 if part and isinstance(one.value, Size) and mention is not mentions[0] else 0)


def _place(mentions: list[Mention], said: list[Said], parts: list[Span]) -> None:
    """Give places to all mentions of their clause; a mention without one takes the place said
    before it, or the only one."""
    for name in PLACES:
        places = [one for one in said if one.name == name]
        if not places:
            continue
        only = len({str(_bare(one.value)) for one in places}) == 1
        for mention in mentions:
            owner = places[0] if only else _own_place(mention, places, parts, mentions)
            if owner is not None and name not in mention.said:
                mention.said[name] = owner.value


def _by_clock(text: str, mentions: list[Mention], said: list[Said]) -> list[Mention]:
    """Return "masses at 2 and 5 o'clock" as one mention for each clock position."""
    clocks = {
        one.value.value: one.value
        for one in said
        if isinstance(one.value, Number) and one.name == "clock"
    }
    only = mentions[0]
    plural = text[only.kind.start : only.kind.end].casefold().endswith("s")
    if (
        len(mentions) > 1
        or only.cue
        or not plural
        or len(clocks) < 2
        or only.kind.value == "calcification"
    ):
        return mentions
    return [replace(only, said={**only.said, "clock": clock}) for clock in clocks.values()]


def _own_place(
    mention: Mention, places: list[Said], parts: list[Span], mentions: list[Mention]
) -> Said | None:
    first, last = next(part for part in parts if part[0] <= mention.kind.start < part[1])
    inside = [one for one in places if first <= one.start < last]
    if not inside:
        before = [one for one in places if one.start < mention.kind.start]
        return before[-1] if before else None
    following = [
        each.kind.start for each in mentions if mention.kind.start < each.kind.start < last
    ]
    until = min([*following, last])
    after = [one for one in inside if mention.kind.start <= one.start < until]
    before = [one for one in inside if one.start < mention.kind.start]
    near = bool(before) and mention.kind.start - before[-1].end < 30
    of_others = bool(after) and near and _has_owner(before[-1], mentions, first)
    if near and not of_others and not _between(before[-1], mention, mentions):
        return before[-1]
    return (after or before[-1:] or inside)[0]


def _has_owner(one: Said, mentions: list[Mention], first: int) -> bool:
    """Return whether a place follows another finding of its clause ("a cyst at 2 and a mass")."""
    return any(first <= each.kind.start < one.start for each in mentions)


def _between(one: Said, mention: Mention, mentions: list[Mention]) -> bool:
    return any(one.end <= each.kind.start < mention.kind.start for each in mentions)


def _bare(value: Value) -> object:
    return value.mm if isinstance(value, Size) else value.value
