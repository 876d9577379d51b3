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
    inside = "|".join(_spaced(way) for way in ways)
    return rf"(?<!\w)(?:{inside})(?!\w)"


def _spaced(way: str) -> str:
    """Widen the blanks of a way; "x ?y" and "x y" alike."""
    return way.replace(" ?", "[\\s/-]*").replace(" *", "[\\s/-]*").replace(" ", "[\\s/-]+")


@cache
def _compiled(
    ways: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((value, expression(patterns)) for value, patterns in ways)


def find(table: Table, text: str, start: int, end: int) -> list[Mark]:
    """Return what of a table stands in characters `start` to `end` of a text, in order.

    Where two overlap, the longer one is kept; of equally long ones the first of the table.
    """
    found = []
    for value, pattern in _compiled(tuple(table.items())):
        for match in pattern.finditer(text, start, end):
            found.append(Mark(match.start(), match.end(), value))
    return longest(found)


def longest(marks: Iterable[Mark]) -> list[Mark]:
    """Drop every mark that overlaps a longer one; return the rest in order."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda one: one.start - one.end):  # stable: the longest first
        if not any(mark.start < other.end and other.start < mark.end for other in kept):
            kept.append(mark)
    return sorted(kept)


@cache
def _phrases(ways: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_phrase(way) for way in ways), re.IGNORECASE)


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
