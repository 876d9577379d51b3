"""Mentions of all sentences -> findings: which mentions are one finding, and which side it is
on."""

from dataclasses import dataclass, field

from breastseg.mammography.reports.layout import Laid
from breastseg.mammography.reports.mentions import Mention, Told, told_by
from breastseg.mammography.reports.said import Value
from breastseg.mammography.reports.values import (
    Absent,
    Finding,
    Number,
    Size,
    Source,
    Word,
    finding_of,
)

READ_IN = {"body", "findings", "impression", "addendum", "density"}
"""Sections whose findings are those of this examination."""
LATER = {"impression", "addendum", "recommendation"}
"""Sections that speak again of what the findings section told."""
_FOLLOWS = ("change", "size_mm", "earlier_size_mm", "shape", "margin", "opacity", "morphology",
            "distribution", "clock", "quadrant", "depth", "from_nipple_mm")  # fmt: skip
_PARTS = {"axillary tail": "upper outer"}


@dataclass
class _Draft:
    """A finding that is being put together."""

    kind: Word
    said: dict[str, Value]
    mentions: list[Source]
    section: str
    part: int  # which section of the report, counted: there may be two of one name


@dataclass
class Found:
    """What was found.

    Attributes:
        findings: that are present, in the order of the text.
        absent: that are denied.
        unitless: sizes without a unit.
        clashes: pairs of places where a finding changes its side between sections.
    """

    findings: list[Finding] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    unitless: list[Source] = field(default_factory=list)
    clashes: list[tuple[Source, Source]] = field(default_factory=list)


def find_findings(text: str, laid: Laid, only_side: Word | None) -> Found:
    """Read the findings of a report.

    Args:
        text: of the report.
        laid: its sentences.
        only_side: the side of an examination of one breast, for what has no side of its own.
    """
    found = Found()
    drafts: list[_Draft] = []
    last: list[_Draft] = []  # of the last sentence that names some
    section, context = "", None
    part = 0
    for number, sentence in enumerate(laid.sentences):
        while part < len(laid.sections) and laid.sections[part].start <= sentence.start:
            part += 1
        above = laid.context[number]
        # "It" and "both" never mean a finding of another section, or of another heading's side.
        if sentence.section != section or above != context:
            last = []
            section = sentence.section
            context = above
        if section not in READ_IN:
            continue
        told = told_by(text, sentence, number)
        found.unitless += told.unitless
        if not told.mentions:
            _go_on(last, told)
            continue
        before = last
        last = []
        for mention in told.mentions:
            _give_side(mention, above, (last or before)[-1:], only_side)
            if mention.cue:
                said_side = mention.said.get("side")
                side = said_side if isinstance(said_side, Word) else None
                found.absent.append(Absent(mention.kind, mention.cue, side))
                continue
            last.append(_take(mention, drafts, section, part, found))
        last = last or before  # a sentence of denials alone is passed over
    found.findings = [_finding(draft) for draft in drafts]
    return found


def _go_on(last: list[_Draft], told: Told) -> None:
    """Add what a sentence without a kind says to the finding before it ("It measures 12 mm."), or
    to all of them."""
    if not last or not told.speaks_on:
        return
    # A side only in a list of fields: in a sentence it may be that of something else.
    names = (*_FOLLOWS, "side") if told.keyed else _FOLLOWS
    drafts = last if told.of_all else last[-1:]
    for draft in drafts:
        for name in names:
            if name in told.loose:
                draft.said.setdefault(name, told.loose[name])


def _give_side(
    mention: Mention, above: tuple[str, Source] | None, last: list[_Draft], only_side: Word | None
) -> None:
    """Give a mention without a side that of the heading above, of the finding that it is beside,
    or of the examination, whichever comes first."""
    if "side" in mention.said:
        return
    if above is not None:
        side, place = above
        mention.said["side"] = Word(place.start, place.end, place.sentence, side)
    elif mention.belongs and last and "side" in last[-1].said:
        mention.said["side"] = last[-1].said["side"]
    elif only_side is not None:
        mention.said["side"] = only_side


def _take(mention: Mention, drafts: list[_Draft], section: str, part: int, found: Found) -> _Draft:
    """Add a mention to the finding it speaks of, or begin a new one."""
    is_again = mention.again or section in LATER
    same_kind = [draft for draft in drafts if draft.kind.value == mention.kind.value]
    fitting = []
    for draft in same_kind:
        # Not said to be the same: the ultrasound's section tells the mammogram's finding again.
        is_retold = draft.part != part and _agreeing(draft, mention) > 1
        if _fits(draft, mention) and (is_again or is_retold):
            fitting.append(draft)
    if fitting:
        # The one that agrees in most; of several the first.
        draft = max(fitting, key=lambda draft: (_agreeing(draft, mention), -draft.kind.start))
        _merge(draft, mention)
        return draft
    if section in LATER and len(same_kind) == 1:
        draft = same_kind[0]
        # All but the side fits: the impression has most likely taken the wrong one.
        if draft.section not in LATER and _only_side_differs(draft, mention):
            found.clashes.append((draft.said["side"], mention.said["side"]))
            del mention.said["side"]
            _merge(draft, mention)
            return draft
    mentions = [_place(mention.kind)]
    draft = _Draft(mention.kind, dict(mention.said), mentions, section, part)
    drafts.append(draft)
    return draft


def _place(word: Word) -> Source:
    return Source(word.start, word.end, word.sentence)


def _merge(draft: _Draft, mention: Mention) -> None:
    draft.mentions.append(_place(mention.kind))
    for name, value in mention.said.items():
        draft.said.setdefault(name, value)  # what was said first stays


def _fits(draft: _Draft, mention: Mention) -> bool:
    """Return whether a mention can be of the finding of a draft: nothing contradicts."""
    return not _differing(draft, mention)


def _agreeing(draft: _Draft, mention: Mention) -> int:
    """Return in how many fields a draft and a mention both have a value."""
    return len(draft.said.keys() & mention.said.keys())


def _only_side_differs(draft: _Draft, mention: Mention) -> bool:
    return _differing(draft, mention) == ["side"]


def _differing(draft: _Draft, mention: Mention) -> list[str]:
    """Return the fields in which a draft and a mention contradict each other."""
    names = []
    for name, value in mention.said.items():
        if name in draft.said and not _alike(name, draft.said[name], value):
            names.append(name)
    return names


def _alike(name: str, one: Value, other: Value) -> bool:
    """Return whether two values of a field can be of the same finding."""
    if isinstance(one, Size) and isinstance(other, Size):
        # The longest extents: an impression rounds, and ultrasound measures a little otherwise.
        longest = max(one.mm)
        apart_mm = abs(longest - max(other.mm))
        return apart_mm <= max(1.0, 0.15 * longest)
    if isinstance(one, Number) and isinstance(other, Number):
        apart = abs(one.value - other.value)
        if name == "clock":  # 12 and 1 o'clock are one hour apart
            return min(apart, 12 - apart) <= 1
        return apart <= 10  # mm from the nipple
    if isinstance(one, Word) and isinstance(other, Word):
        # "possible", or "stable", may be said of a finding in one place only.
        is_loose = name in {"certainty", "change"}
        return one.value == other.value or is_loose or _within(name, one, other)
    return False


def _within(name: str, one: Word, other: Word) -> bool:
    """Return whether one place holds the other: "upper" holds "upper outer", both sides hold
    each."""
    if name == "side":
        return "B" in {one.value, other.value}
    if name == "quadrant":
        first = set(_PARTS.get(one.value, one.value).split())
        second = set(_PARTS.get(other.value, other.value).split())
        return first <= second or second <= first
    return False


def _finding(draft: _Draft) -> Finding:
    words: dict[str, Word | None] = {}
    numbers: dict[str, Number | None] = {}
    sizes: dict[str, Size | None] = {}
    for name, value in draft.said.items():
        if isinstance(value, Word):
            words[name] = value
        elif isinstance(value, Number):
            numbers[name] = value
        else:
            sizes[name] = value
    return finding_of(draft.kind, tuple(draft.mentions), words, numbers, sizes)
