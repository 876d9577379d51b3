"""The text of a report -> sections, sentences, and the side that a heading gives to what follows
it."""

import re
from dataclasses import dataclass

from breastseg.mammography.reports.matching import expression
from breastseg.mammography.reports.values import Section, Sentence, Source
from breastseg.mammography.reports.vocabulary import SECTIONS

_HEADINGS = {name: expression(ways) for name, ways in SECTIONS.items()}
_START = re.compile(r"[ \t]*(?:[*#_]+[ \t]*)?")
_COLON = re.compile(r"[ \t]*(?:\([^)\n]{0,40}\))?[ \t]*[*_]*[ \t]*[:：][*_]*")
_ALONE = re.compile(r"[ \t]*[*_]*[ \t\r]*(?=\n|$)")
_SIDE = re.compile(
    r"[ \t]*(?:\d+[.)][ \t]*)?(?P<side>(?i:left|right)|L|R)(?i:[ \t]+(?:breast|br"
    r"|side))?(?i:[ \t]+(?:findings?|mammogram))?"
    r"(?:[ \t]*:|[ \t]+-[ \t]|[ \t]*(?=\r?\n|$))",
)
_ENDS_AT_BLANK = {"exam", "history", "technique", "comparison", "density", "recommendation"}
"""Sections that a blank line ends where their text stands on the line of the heading."""
_BEFORE_ASSESSMENT = {"exam", "history", "technique", "comparison", "density", "findings"}
_ASSESSES = re.compile(
    r"[ \t]*(?:ACR[ \t]+)?BI-?[ \t]?RADS(?!.*(?:densit|composition))", re.IGNORECASE
)
"""A line that begins so, after a full stop or a blank line, is the impression of a report without
its heading."""
_LONG_LINE = 60
"""A line at least so long may have been broken by a program in the middle of a sentence."""
_LONGEST = 1500
"""Characters of a sentence; what is longer is no sentence, and is cut."""
_UNFINISHED = re.compile(
    r"(?:,|BI-?[ \t]?RADS|category|\b(?:of|the|and|or|with|in|at|an?))$", re.IGNORECASE
)
"""A line that ends so goes on."""
_STOP = re.compile(r"[.!?](?=[\s\"')\]]|$)")
_NO_STOP = re.compile(
    r"(?:^|[\s(])(?:vs|approx|dr|i\.e|e\.g|cf|spic|irreg|circ|lt|rt|no|ca|\d{1,2})\.$",
    re.IGNORECASE,
)
_LISTED = re.compile(r"[ \t]*(?:[-*•–]|\d{1,2}[.)])[ \t]+")
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True)
class Laid:
    """A text laid out; `context` is the side ("L", "R") of a heading above each sentence, with its
    place."""

    sections: tuple[Section, ...]
    sentences: tuple[Sentence, ...]
    context: tuple[tuple[str, Source] | None, ...]


@dataclass
class _Line:
    start: int
    end: int  # without the line break
    section: str = "body"
    heading: tuple[int, int] | None = None
    opens: bool = False


def lay_out(text: str) -> Laid:
    """Cut a text into sections and sentences; nothing but blanks is lost."""
    lines = _lines(text)
    _name_sections(text, lines)
    sentences: list[Sentence] = []
    heads: list[tuple[_Line, int]] = []  # a line that opens a section, its first sentence
    for group in _paragraphs(text, lines):
        first = group[0]
        if first.opens:
            heads.append((first, len(sentences)))
        start = first.start
        if first.heading:
            sentences.append(_sentence(text, *first.heading, first.section))
            start = first.heading[1]
        for begin, end in _cut(text, start, group[-1].end):
            sentences.append(_sentence(text, begin, end, first.section))
    return Laid(_sections(text, heads), tuple(sentences), _context(text, sentences))


def _sentence(text: str, start: int, end: int, section: str) -> Sentence:
    return Sentence(start, end, section, text[start:end])


def _lines(text: str) -> list[_Line]:
    lines = []
    for match in re.finditer(r"[^\n\r\x0c]+", text):
        lines.append(_Line(match.start(), match.end()))
    return lines


def _name_sections(text: str, lines: list[_Line]) -> None:
    """Give each line its section, and mark those that open one.

    `inline` is whether the text of the section stands on the line of its heading.
    """
    section, inline, last_end = "body", False, 0
    for number, line in enumerate(lines):
        blank_before = text.count("\n", last_end, line.start) > 1
        last_end = line.end
        heading = _heading(text, line)
        if heading:
            section, line.heading = heading
            line.opens = True
            inline = bool(text[line.heading[1] : line.end].strip())
        elif number == 0:
            line.opens = True
        elif (
            section in {"exam", "density"}
            and inline
            and not _goes_on(text, lines[number - 1], line)
        ):
            section, inline, line.opens = "body", False, True
        elif section in _BEFORE_ASSESSMENT and _assesses(text, lines[number - 1], line):
            section, inline, line.opens = "impression", False, True
        elif blank_before and inline and section in _ENDS_AT_BLANK:
            section, inline, line.opens = "body", False, True
        line.section = section


def _assesses(text: str, before: _Line, line: _Line) -> bool:
    """Return whether a line begins the impression of a report without a heading of it."""
    has_blank_before = text.count("\n", before.end, line.start) > 1
    is_apart = has_blank_before or text[: before.end].endswith(".")
    return is_apart and _ASSESSES.match(text, line.start, line.end) is not None


def _heading(text: str, line: _Line) -> tuple[str, tuple[int, int]] | None:
    """Return the section that a line begins, and the characters of its heading."""
    begin = _START.match(text, line.start, line.end)
    start = begin.end() if begin else line.start
    for name, pattern in _HEADINGS.items():
        match = pattern.match(text, start, line.end)
        if not match:
            continue
        colon = _COLON.match(text, match.end(), line.end)
        if colon:
            return name, (start, colon.end())
        # Without a colon it must stand alone, with a capital: a sentence may break off there.
        alone = _ALONE.match(text, match.end(), line.end)
        if alone and alone.end() == line.end and text[start : start + 1].isupper():
            return name, (start, match.end())
    return None


def _paragraphs(text: str, lines: list[_Line]) -> list[list[_Line]]:
    """Group lines that are one run of text: a sentence may go on over a line break inside a group
    only."""
    groups: list[list[_Line]] = []
    for line in lines:
        if not text[line.start : line.end].strip():
            continue
        if groups and not line.opens and _goes_on(text, groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _goes_on(text: str, before: _Line, line: _Line) -> bool:
    """Return whether a line goes on with the sentence of the line before."""
    # A blank line, or a row of a table.
    own = text[line.start : line.end]
    if text.count("\n", before.end, line.start) > 1 or "|" in own:
        return False
    is_item = _LISTED.match(text, line.start, line.end) is not None
    if is_item or _SIDE.match(text, line.start, line.end):
        return False
    last = text[before.start : before.end].rstrip()
    if last.endswith((".", "!", "?", ":", ";")):
        return False
    begins_small = own.lstrip()[:1].islower()
    is_unfinished = _UNFINISHED.search(last) is not None
    return begins_small or is_unfinished or len(last) >= _LONG_LINE


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut at full stops; what numbers and abbreviations end with is none."""
    pieces = []
    begin = start
    for stop in _STOP.finditer(text, start, end):
        stop_end = stop.end()
        following = text[stop_end : stop_end + 3].lstrip("\"')] \n\r\t")
        after = following[:1]
        abbreviation = _NO_STOP.search(text, begin, stop_end)
        is_abbreviated = abbreviation is not None and abbreviation.end() == stop_end
        if is_abbreviated and not _is_end(text, begin, stop.start(), after):
            continue
        if after.islower():
            continue
        pieces.append((begin, stop_end))
        begin = stop_end
    pieces.append((begin, end))
    trimmed = []
    for first, last in _no_longer(text, pieces):
        piece = text[first:last]
        # What closes the sentence before is none of this one: quotation marks, brackets.
        lead = len(piece) - len(piece.lstrip(" \t\r\n\"')]"))
        length = len(piece.rstrip())
        if piece[lead:].strip():
            trimmed.append((first + lead, first + length))
    return trimmed


def _no_longer(text: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut what is too long for a sentence at a blank; time grows with the square of a sentence."""
    short = []
    for first, last in pieces:
        while last - first > _LONGEST:
            blank = text.rfind(" ", first + 1, first + _LONGEST)
            cut = blank if blank > 0 else first + _LONGEST
            short.append((first, cut))
            first = cut
        short.append((first, last))
    return short


def _is_end(text: str, begin: int, stop: int, after: str) -> bool:
    """Return whether a stop after one or two digits ends a sentence ("since 12."), as it does
    unless they begin it."""
    # "1." in front of an item has nothing but digits before it.
    has_words_before = bool(text[begin:stop].strip(" \t\r\n0123456789"))
    return text[stop - 1].isdigit() and has_words_before and after != ""


def _sections(text: str, heads: list[tuple[_Line, int]]) -> tuple[Section, ...]:
    """Return the sections; each ends where the next begins."""
    ends = [line.start for line, _ in heads[1:]]
    ends.append(len(text))
    sections = []
    for (line, sentence), end in zip(heads, ends, strict=False):  # a text may have no line
        heading = Source(*line.heading, sentence) if line.heading else None
        sections.append(Section(line.section, line.start, end, heading))
    return tuple(sections)


def _context(text: str, sentences: list[Sentence]) -> tuple[tuple[str, Source] | None, ...]:
    """Return the side of the heading above each sentence ("Left breast:"), up to the next such
    heading or section."""
    context: list[tuple[str, Source] | None] = []
    current: tuple[str, Source] | None = None
    section = ""
    for number, sentence in enumerate(sentences):
        line_start = text.rfind("\n", 0, sentence.start) + 1
        begins_line = not text[line_start : sentence.start].strip()
        match = _SIDE.match(sentence.text)
        if sentence.section != section:
            current = None
            section = sentence.section
        if match and (begins_line or match[0].rstrip().endswith(":")):
            side = match["side"][0].upper()
            start = sentence.start + match.start("side")
            end = sentence.start + match.end("side")
            current = side, Source(start, end, number)
        context.append(current)
    return tuple(context)
