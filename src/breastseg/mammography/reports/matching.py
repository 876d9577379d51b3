"""Tables of words -> marks in a text: which value stands at which characters."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from breastseg.mammography.reports.vocabulary import Table


@dataclass(frozen=True, order=True)
class Mark:
    """A value found at characters `start` to `end` (not included) of the text."""

    start: int
    end: int
    value: str


def expression(ways: Iterable[str]) -> re.Pattern[str]:
    """Compile ways to write something: a blank also matches a hyphen and a line break, nothing
    inside a word."""
    return re.compile(_bounded(ways), re.IGNORECASE)


def _bounded(ways: Iterable[str]) -> str:
    inside = "|".join(map(_spaced, ways))
    return rf"(?<!\w)(?:{inside})(?!\w)"


def _spaced(way: str) -> str:
    """Widen the blanks of a way; "x ?y" and "x y" alike."""
    # The blanks with a sign behind them first, which are regular expressions of their own.
    way = way.replace(" ?", "[\\s/-]*").replace(" *", "[\\s/-]*")
    return way.replace(" ", "[\\s/-]+")


@cache
def _compiled(
    ways: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    compiled = []
    for value, patterns in ways:
        compiled.append((value, expression(patterns)))
    return tuple(compiled)


def find(table: Table, text: str, start: int, end: int) -> list[Mark]:
    """Return what of a table stands in characters `start` to `end` of a text, in order.

    Where two overlap, the longer one is kept; of equally long ones the first of the table.
    """
    marks = []
    for value, pattern in _compiled(tuple(table.items())):  # a tuple: the cache hashes it
        for match in pattern.finditer(text, start, end):
            marks.append(Mark(match.start(), match.end(), value))
    return longest(marks)


def longest(marks: Iterable[Mark]) -> list[Mark]:
    """Drop every mark that overlaps a longer one; return the rest in order."""
    apart: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: mark.start - mark.end):  # stable: longest first
        if not any(_overlap(mark, other) for other in apart):
            apart.append(mark)
    return sorted(apart)


def _overlap(mark: Mark, other: Mark) -> bool:
    """Return whether two marks have a character in common; ends are not included."""
    return mark.start < other.end and other.start < mark.end


@cache
def _phrases(ways: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_phrase, ways)), re.IGNORECASE)


def _phrase(way: str) -> str:
    """Bound a way by words on those sides where it has a letter; signs such as ";" need no
    bounds."""
    left = "" if way[0] in ";,[" or way.startswith("(?:,") else r"(?<!\w)"
    right = "" if way == ";" else r"(?!\w)"
    return f"{left}(?:{_spaced(way)}){right}"


def spans(ways: Sequence[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where phrases stand in characters `start` to `end`."""
    for match in _phrases(tuple(ways)).finditer(text, start, end):
        yield match.span()


def has(ways: Sequence[str], text: str, start: int, end: int) -> bool:
    """Return whether one of the phrases stands there."""
    return _phrases(tuple(ways)).search(text, start, end) is not None


def ends_with(
    ways: Sequence[str],
    text: str,
    start: int,
    end: int,
    *,
    words_between: int = 0,
    stops: str = ".;:",
) -> bool:
    """Return whether one of the phrases is the last thing there, but for some words and no
    `stops`."""
    for _, last in spans(ways, text, start, end):
        between = text[last:end]
        if len(between.split()) <= words_between and not set(between) & set(stops):
            return True
    return False
