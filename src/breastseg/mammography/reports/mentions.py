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
        for item in said:
            loose.setdefault(item.name, item.value)
    else:
        _describe(text, mentions, said)
        _place(mentions, said, parts)
        mentions = _by_clock(text, mentions, said)
    mentions = _one_by_one(mentions)
    # At the very start: "The mass ... it measures" names its own.
    subjects = list(spans(SUBJECTS, text, start, min(end, start + 30)))
    speaks_on = bool(subjects) and subjects[0][0] - start < 4
    keyed = has(KEYS, text, start, min(end, start + 14))
    of_all = has(ALL_OF_THEM, text, start, min(end, start + 8))
    unitless = []
    for measure in measures_in(text, start, end):
        if measure.kind == "unitless":
            unitless.append(Source(measure.start, measure.end, number))
    return Told(mentions, loose, speaks_on or keyed, of_all, keyed, unitless)


def _mentions(text: str, start: int, end: int, number: int, denials: Denials) -> list[Mention]:
    """Return the kinds that a sentence names, each once, in order."""
    # Words of a density ("nodular densities") and set phrases ("lumpectomy site") are no findings.
    harmless = list(spans(NO_FINDING, text, start, end))
    for mark in find(DENSITIES, text, start, end):
        harmless.append((mark.start, mark.end))
    mentions = []
    for mark in find(KINDS, text, start, end):
        if any(first <= mark.start < last for first, last in harmless):
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
        mentions.append(mention)
    mentions = _without_doubles(text, mentions)
    mentions += _ones(text, end, number, mentions)
    return sorted(mentions, key=lambda mention: mention.kind.start)


def _ones(text: str, end: int, number: int, mentions: list[Mention]) -> list[Mention]:
    """Return "one" and "the other" of "two masses: one at ..., the other at ..." as mentions of
    their kind."""
    if len(mentions) != 1 or mentions[0].cue:
        return []
    kind = mentions[0].kind
    ones = []
    for place in spans(ONE_OF_THEM, text, kind.end, end):
        ones.append(Mention(Word(*place, number, kind.value), one_of=True))
    return ones if len(ones) >= 2 else []


def _one_by_one(mentions: list[Mention]) -> list[Mention]:
    """Give each "one" what is said of all of them, and drop the mention of all."""
    ones = [mention for mention in mentions if mention.one_of]
    if not ones:
        return mentions
    of_all = mentions[0]
    for mention in ones:
        for name, value in of_all.said.items():
            mention.said.setdefault(name, value)
    return ones


def _without_doubles(text: str, mentions: list[Mention]) -> list[Mention]:
    """Drop a kind that is said twice in a breath ("lymph node ... node", "cluster of
    calcifications")."""
    single: list[Mention] = []
    for mention in mentions:
        if single and _is_double(text, single[-1], mention):
            continue
        single.append(mention)
    return single


def _is_double(text: str, last: Mention, mention: Mention) -> bool:
    if last.kind.value != mention.kind.value:
        return False
    first, end = last.kind.end, mention.kind.start
    is_side_by_side = not text[first:end].strip(" -/(")
    # "a mass, typical of a fibroadenoma"
    return is_side_by_side or ends_with(INTERPRETS, text, first, end, words_between=3, stops=".;:,")


def _describe(text: str, mentions: list[Mention], said: Iterable[Said]) -> None:
    """Give each descriptor, size and change to the nearest mention that can have it."""
    explicit: set[tuple[int, str]] = set()
    for item in said:
        if item.name in PLACES:
            continue
        owners = _owners(text, item, mentions)
        if not owners:
            continue
        nearest = owners[0]
        key = nearest.kind.start, item.name
        # "grouped ... in a linear distribution": the word that says so goes before the others.
        is_spelled = "distribut" in text[item.start : item.end]
        for owner in owners:
            if item.name == "margin" and _is_worse(item, owner):
                owner.said[item.name] = item.value
            if item.name not in owner.said or (is_spelled and key not in explicit):
                owner.said[item.name] = item.value
        if is_spelled:
            explicit.add(key)


def _owners(text: str, item: Said, mentions: list[Mention]) -> list[Mention]:
    """Return the mentions that a value is said of, the nearest first; none where none can have
    it."""
    able = []
    for mention in mentions:
        if item.kinds is not None and mention.kind.value not in item.kinds:
            continue
        # A doubt is of what follows it: "possible mass and a cyst".
        gap = mention.kind.start - item.end
        if item.name == "certainty" and not 0 <= gap < 40:
            continue
        able.append(mention)
    if not able:
        return []
    nearest = min(able, key=lambda mention: _gap(text, item, mention, mentions))
    owners = [nearest]
    is_last = item.start > mentions[-1].kind.start
    if item.name == "change" and is_last and not nearest.cue:  # "a scar and clips, stable"
        for mention in able:
            if mention is not nearest and not mention.cue:
                owners.append(mention)
    return owners


def _is_worse(item: Said, owner: Mention) -> bool:
    """Return whether a margin is of more concern than the one that was said first ("partly
    circumscribed")."""
    known = owner.said.get("margin")
    if not isinstance(known, Word) or not isinstance(item.value, Word):
        return False
    order = list(MARGINS)  # from the least to the most concern
    return order.index(item.value.value) > order.index(known.value)


def _gap(text: str, item: Said, mention: Mention, mentions: list[Mention]) -> float:
    """Return how far a value is from a mention, in letters: words in front of it count as nearer,
    a comma as further."""
    is_size = isinstance(item.value, Size)
    if item.end <= mention.kind.start:
        between = text[item.end : mention.kind.start]
        signs = between.count(",") + between.count(";")
        gap = len(between) + 30 * signs
        if is_size and ("," in between or "and" in between.split()):
            gap += 200  # "a mass of 8 mm, and a cyst"
        if any(item.end <= other.kind.start < mention.kind.start for other in mentions):
            gap += 60
        return gap
    between = text[mention.kind.end : item.start]
    gap = 12 + len(between)
    if ";" in between:
        gap += 60
    # "a mass with calcifications of 8 mm": the size is the mass's.
    kind = mention.kind
    is_part = ends_with(WITHIN, text, kind.start - 40, kind.start, words_between=2)
    if is_part and is_size and mention is not mentions[0]:
        gap += 80
    return gap


def _place(mentions: list[Mention], said: list[Said], parts: list[Span]) -> None:
    """Give places to all mentions of their clause; a mention without one takes the place said
    before it, or the only one."""
    for name in PLACES:
        places = [item for item in said if item.name == name]
        if not places:
            continue
        values = {str(_bare(item.value)) for item in places}
        for mention in mentions:
            place: Said | None = places[0]
            if len(values) > 1:
                place = _own_place(mention, places, parts, mentions)
            if place is not None and name not in mention.said:
                mention.said[name] = place.value


def _by_clock(text: str, mentions: list[Mention], said: list[Said]) -> list[Mention]:
    """Return "masses at 2 and 5 o'clock" as one mention for each clock position."""
    clocks: dict[float, Number] = {}
    for item in said:
        if isinstance(item.value, Number) and item.name == "clock":
            clocks[item.value.value] = item.value
    only = mentions[0]
    word = text[only.kind.start : only.kind.end]
    is_plural = word.casefold().endswith("s")
    # Calcifications are many at one place already.
    is_countable = is_plural and only.kind.value != "calcification"
    if len(mentions) > 1 or only.cue or not is_countable or len(clocks) < 2:
        return mentions
    return [replace(only, said={**only.said, "clock": clock}) for clock in clocks.values()]


def _own_place(
    mention: Mention, places: list[Said], parts: list[Span], mentions: list[Mention]
) -> Said | None:
    """Return the place of a mention where several are said; None where none was said before.

    Args:
        mention: whose place is looked for.
        places: of one field, in order.
        parts: clauses of the sentence.
        mentions: all of the sentence.
    """
    start = mention.kind.start
    first, last = next(part for part in parts if part[0] <= start < part[1])  # its clause
    until = last  # where the next finding of the clause begins
    for other in mentions:
        if start < other.kind.start < until:
            until = other.kind.start
    before_clause: Said | None = None
    before: Said | None = None  # the last one in front, in the clause
    after: Said | None = None  # the first one up to the next finding
    inside: Said | None = None  # the first one of the clause
    for place in places:
        if place.start < start:
            before_clause = place
        if not first <= place.start < last:
            continue
        inside = inside or place
        if place.start < start:
            before = place
        elif place.start < until:
            after = after or place
    if inside is None:
        return before_clause
    if before is not None and start - before.end < 30:
        is_of_others = after is not None and _has_owner(before, mentions, first)
        if not is_of_others and not _is_between(before, mention, mentions):
            return before
    return after or before or inside


def _has_owner(place: Said, mentions: list[Mention], first: int) -> bool:
    """Return whether a place follows another finding of its clause ("a cyst at 2 and a mass")."""
    return any(first <= mention.kind.start < place.start for mention in mentions)


def _is_between(place: Said, mention: Mention, mentions: list[Mention]) -> bool:
    """Return whether another finding stands between a place and a mention."""
    start = mention.kind.start
    return any(place.end <= other.kind.start < start for other in mentions)


def _bare(value: Value) -> object:
    """Return a value without its characters."""
    return value.mm if isinstance(value, Size) else value.value
