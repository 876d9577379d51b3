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
    part: int  # which section of the report, counted


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
    for number, sentence in enumerate(laid.sentences):
        part = sum(one.start <= sentence.start for one in laid.sections)
        above = laid.context[number]
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
                side = mention.said.get("side")
                found.absent.append(
                    Absent(mention.kind, mention.cue, side if isinstance(side, Word) else None)
                )
                continue
            last.append(_take(mention, drafts, section, part, found))
        last = last or before
    found.findings = [_finding(draft) for draft in drafts]
    return found


def _go_on(last: list[_Draft], told: Told) -> None:
    """Add what a sentence without a kind says to the finding before it ("It measures 12 mm."), or
    to all of them."""
    if not last or not told.speaks_on:
        return
    for draft in last if told.of_all else last[-1:]:
        for name in (*_FOLLOWS, "side") if told.keyed else _FOLLOWS:
            if name in told.loose:
                draft.said.setdefault(name, told.loose[name])


def _give_side(
    mention: Mention, above: tuple[str, Source] | None, last: list[_Draft], only_side: Word | None
) -> None:
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
    again = mention.again or section in LATER
    same_kind = [each for each in drafts if each.kind.value == mention.kind.value]
    fitting = [each for each in same_kind if _fits(each, mention)]
    if not again:  # the ultrasound's section tells the mammogram's finding again
        fitting = [one for one in fitting if one.part != part and _agreeing(one, mention) > 1]
        again = bool(fitting)
    if again and fitting:
        draft = max(fitting, key=lambda each: (_agreeing(each, mention), -each.kind.start))
        _merge(draft, mention)
        return draft
    if section in LATER:
        turned = [
            each
            for each in same_kind
            if each.section not in LATER and _only_side_differs(each, mention)
        ]
        if len(turned) == 1 and len(same_kind) == 1:
            draft = turned[0]
            found.clashes.append((draft.said["side"], mention.said["side"]))
            del mention.said["side"]
            _merge(draft, mention)
            return draft
    draft = _Draft(mention.kind, dict(mention.said), [_place(mention.kind)], section, part)
    drafts.append(draft)
    return draft


def _place(word: Word) -> Source:
    return Source(word.start, word.end, word.sentence)


def _merge(draft: _Draft, mention: Mention) -> None:
    draft.mentions.append(_place(mention.kind))
    for name, value in mention.said.items():
        draft.said.setdefault(name, value)


def _fits(draft: _Draft, mention: Mention) -> bool:
    return all(
        _alike(name, draft.said[name], value)
        for name, value in mention.said.items()
        if name in draft.said
    )


def _agreeing(draft: _Draft, mention: Mention) -> int:
    return sum(name in draft.said for name in mention.said)


def _only_side_differs(draft: _Draft, mention: Mention) -> bool:
    differing = [
        name
        for name, value in mention.said.items()
        if name in draft.said and not _alike(name, draft.said[name], value)
    ]
    return differing == ["side"]


def _alike(name: str, one: Value, other: Value) -> bool:
    """Return whether two values of a field can be of the same finding."""
    if isinstance(one, Size) and isinstance(other, Size):
        return abs(max(one.mm) - max(other.mm)) <= max(1.0, 0.15 * max(one.mm))
    if isinstance(one, Number) and isinstance(other, Number):
        far = abs(one.value - other.value)
        return min(far, 12 - far) <= 1 if name == "clock" else far <= 10
    if isinstance(one, Word) and isinstance(other, Word):
        return (
            one.value == other.value or name in {"certainty", "change"} or _within(name, one, other)
        )
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
    said = draft.said.items()
    words = {name: value for name, value in said if isinstance(value, Word)}
    numbers = {name: value for name, value in said if isinstance(value, Number)}
    sizes = {name: value for name, value in said if isinstance(value, Size)}
    return finding_of(draft.kind, tuple(draft.mentions), words, numbers, sizes)
