"""What is read from a mammography report: typed values, each with the characters it came from.

Places are characters (Unicode code points) of the decoded text, from `start` up to but without
`end`; a byte order mark is not counted. `sentence` is an index into `Report.sentences`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FORMAT = "breastseg-mammography-report"
VERSION = 1
"""Of the JSON file. A reader refuses other versions."""


@dataclass(frozen=True)
class Source:
    """Where something stands: characters `start` to `end` (not included), in a sentence."""

    start: int
    end: int
    sentence: int


@dataclass(frozen=True)
class Word(Source):
    """A value that is a word of a table, as "spiculated" or "4b"."""

    value: str


@dataclass(frozen=True)
class Number(Source):
    """A value that is a number: clock in hours (10.5 is half past ten), distances in mm, months."""

    value: float


@dataclass(frozen=True)
class Size(Source):
    """One to three extents in mm, in the order in which they were written."""

    mm: tuple[float, ...]


@dataclass(frozen=True)
class Sentence:
    """A sentence, heading or row of a table: its characters, text, and the section it is in."""

    start: int
    end: int
    section: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of the report, with its heading where it has one.

    `name` is a key of `vocabulary.SECTIONS`, or "body" for text without a heading.
    """

    name: str
    start: int
    end: int
    heading: Source | None


@dataclass(frozen=True)
class Category:
    """A BI-RADS assessment category, "0" to "6" with "4a" to "4c".

    Attributes:
        value: what was said.
        form: "number" or "words" ("probably benign").
        side: of which breast, where that was said.
        prior: whether it is the category of an earlier examination.
    """

    value: Word
    form: str
    side: Word | None
    prior: bool


@dataclass(frozen=True)
class Density:
    """Breast composition, "a" to "d"; `form` is "letter", "words" or "number" (the scale 1 to 4 of
    old)."""

    value: Word
    form: str
    side: Word | None


@dataclass(frozen=True)
class Finding:
    """One finding that is present. What was not said is None.

    Attributes:
        kind: a key of `vocabulary.KINDS`.
        mentions: every place where it is spoken of, the first in front.
        certainty: "possible" where the text doubts it.
        side: L, R or B (both).
        shape, margin, opacity: of a mass (BI-RADS, fifth edition).
        morphology, distribution: of calcifications.
        form: of an asymmetry (focal ...), a lymph node (axillary ...) or an implant (saline ...).
        clock: hours, 1 to 12.
        quadrant: or region, as "upper outer" or "subareolar".
        depth: anterior, middle or posterior.
        from_nipple_mm: distance from the nipple.
        size_mm: now.
        earlier_size_mm: on an earlier examination.
        change: new, increased, decreased, unchanged or resolved.
    """

    kind: Word
    mentions: tuple[Source, ...]
    certainty: Word | None = None
    side: Word | None = None
    shape: Word | None = None
    margin: Word | None = None
    opacity: Word | None = None
    morphology: Word | None = None
    distribution: Word | None = None
    form: Word | None = None
    clock: Number | None = None
    quadrant: Word | None = None
    depth: Word | None = None
    from_nipple_mm: Number | None = None
    size_mm: Size | None = None
    earlier_size_mm: Size | None = None
    change: Word | None = None


def finding_of(
    kind: Word,
    mentions: tuple[Source, ...],
    words: Mapping[str, Word | None],
    numbers: Mapping[str, Number | None],
    sizes: Mapping[str, Size | None],
) -> Finding:
    """Return a finding of values by their names; what is not in the mappings is None."""
    return Finding(
        kind=kind,
        mentions=mentions,
        certainty=words.get("certainty"),
        side=words.get("side"),
        shape=words.get("shape"),
        margin=words.get("margin"),
        opacity=words.get("opacity"),
        morphology=words.get("morphology"),
        distribution=words.get("distribution"),
        form=words.get("form"),
        clock=numbers.get("clock"),
        quadrant=words.get("quadrant"),
        depth=words.get("depth"),
        from_nipple_mm=numbers.get("from_nipple_mm"),
        size_mm=sizes.get("size_mm"),
        earlier_size_mm=sizes.get("earlier_size_mm"),
        change=words.get("change"),
    )


WORD_FIELDS = (
    "certainty", "side", "shape", "margin", "opacity", "morphology", "distribution", "form",
    "quadrant", "depth", "change",
)  # fmt: skip
NUMBER_FIELDS = ("clock", "from_nipple_mm")
SIZE_FIELDS = ("size_mm", "earlier_size_mm")


@dataclass(frozen=True)
class Absent:
    """A kind of finding that the text says is not there; `cue` is the word that denies it."""

    kind: Word
    cue: Source
    side: Word | None


@dataclass(frozen=True)
class Recommendation:
    """What is advised: a key of `vocabulary.ADVICE`, for which side, in how many months."""

    kind: Word
    side: Word | None
    months: Number | None


@dataclass(frozen=True)
class Issue:
    """What is missing or contradicts itself.

    Attributes:
        code: a key of `issues.CODES`.
        message: one sentence for a person.
        sources: the places that it is about; none where something is missing.
    """

    code: str
    message: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Report:
    """A report, read.

    Attributes:
        name: of the file, without its folder.
        encoding: as which its bytes were read.
        characters: of the decoded text.
        notes: what was done or left out while reading, in sentences.
        category: the one that counts for the whole examination; None where none was said.
        categories: all that were said.
        densities: all that were said; more than one value is an issue.
        scores: of the British scale of five (as M3 or U4). They are not BI-RADS and not converted.
    """

    name: str
    encoding: str
    characters: int
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    sentences: tuple[Sentence, ...]
    category: Category | None
    categories: tuple[Category, ...]
    densities: tuple[Density, ...]
    scores: tuple[Word, ...]
    findings: tuple[Finding, ...]
    absent: tuple[Absent, ...]
    recommendations: tuple[Recommendation, ...]
    issues: tuple[Issue, ...]
