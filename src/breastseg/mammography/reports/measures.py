"""Numbers of a report: sizes in mm, clock positions, distances from the nipple, months."""

import re
from dataclasses import dataclass

from breastseg.mammography.reports.matching import ends_with, has, spans
from breastseg.mammography.reports.phrases import (
    EARLIER_AFTER,
    EARLIER_BEFORE,
    EVERY_MONTHS,
    NUMBER_WORDS,
)

_NUMBER = r"\d{1,3}(?:[.,]\d{1,2})?"
_UNIT = r"(?:mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)"
_TIMES = r"\s*(?:x|×|\*|by)\s*"
_SIZE = re.compile(
    rf"(?<![\w.,])(?:(?P<lower>{_NUMBER})\s*(?:-|–"
    rf"|to)\s*)?(?P<first>{_NUMBER})[\s-]*({_UNIT})?(?:{_TIMES}({_NUMBER})[\s-]*({_UNIT})?)?"
    rf"(?:{_TIMES}({_NUMBER})[\s-]*({_UNIT})?)?(?![\w])",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"(?:measur(?:es|ing|ed|ement)|size|spanning|extending over)(?: (?:of|is|about|approximately"
    r"|up to))*:?\s*$",
    re.IGNORECASE,
)
_NO_SIZE = re.compile(
    r"(?:thick(?:ness|ening)|distance|depth|slices?)\s+(?:of\s+)?$", re.IGNORECASE
)
_NIPPLE = re.compile(
    rf"(?<![\w.])({_NUMBER})\s*-?({_UNIT})\s*(?:from\s+(?:the\s+)?nipple|FN\b|FTN\b)"
    rf"|\bN\s?\+\s?(\d{{1,2}})\b",
    re.IGNORECASE,
)
_HOUR = r"(\d{1,2}|twelve|eleven|ten|nine|eight|seven|six|five|four|three|two|one)"
_HOURS = re.compile(
    rf"(?<![\w:.]){_HOUR}(?=\s*(?:and|,|&)\s*{_HOUR}\s*o\s?['’`]?\s?clock)", re.IGNORECASE
)
"""The first hour of "2 and 5 o'clock"."""
_CLOCK = re.compile(
    rf"(?<![\w:.]){_HOUR}(?::(00|30))?(?:\s*(?:-|–|to)\s*{_HOUR}(?::(00"
    rf"|30))?)?\s*o\s?['’`]?\s?clock"
    r"|(?<![\w:.])(\d{1,2}):(00|30)(?![\d:])(?!\s*(?:[ap]\.?m|h\b|hrs))",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(r"\s*:?\s*(?:measur\w+\s*|it was\s*|was\s*)?\d")
_PERIOD = re.compile(
    r"(?<![\w.])(\d{1,2}|one|two|three|four|six|nine|twelve)[\s-]*(months?|mo|years?|yrs?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Measure:
    """Numbers at characters `start` to `end`; `kind` is size, earlier, unitless, nipple, clock or
    months."""

    start: int
    end: int
    kind: str
    values: tuple[float, ...]


def measures_in(text: str, start: int, end: int) -> list[Measure]:
    """Return sizes (mm), distances from the nipple (mm) and clock positions (hours) of a sentence,
    in order."""
    others = _distances(text, start, end) + _clocks(text, start, end)
    sizes = []
    for match in _SIZE.finditer(text, start, end):
        # "3 cm from the nipple" and "2:00" are no sizes.
        first, last = match.span()
        if any(first < other.end and other.start < last for other in others):
            continue
        sizes += _sizes(match, text, start, end)
    return sorted(others + sizes, key=lambda measure: measure.start)


def _sizes(match: re.Match[str], text: str, start: int, end: int) -> list[Measure]:
    """Return the size of a match: of a range ("6 to 8 mm") the larger number, of "from 8 to 12 mm"
    both."""
    size = _size(match, text, start, end)
    if size is None:
        return []
    lower = match["lower"]
    if lower and size.kind != "unitless" and ends_with(("from",), text, start, match.start()):
        # The lower number has no unit: it is in that of the other.
        scale = size.values[0] / _number(match["first"])
        earlier_mm = round(_number(lower) * scale, 2)
        then = Measure(match.start("lower"), match.end("lower"), "earlier", (earlier_mm,))
        now = Measure(match.start("first"), size.end, "size", size.values)
        return [then, now]
    return [size]


def _size(match: re.Match[str], text: str, start: int, end: int) -> Measure | None:
    """Return the one size of a match, None where it is none."""
    numbers: list[str] = []
    units: list[str | None] = []
    for group in (2, 4, 6):  # up to three extents; the unit is the group after the number
        if match[group]:
            numbers.append(match[group])
            units.append(match[group + 1])
    first, last = match.span()
    values = _in_mm(numbers, units)
    if _NO_SIZE.search(text, start, first):
        return None
    if values is None:
        # Without a unit it is a size only where a word says so, or where it is "8 x 6".
        is_measured = _MEASURED.search(text, start, first) is not None
        is_period = len(numbers) == 1 and _PERIOD.match(text, first, end) is not None
        if is_period or not (len(numbers) > 1 or is_measured):
            return None
        return Measure(first, last, "unitless", tuple(map(_number, numbers)))
    if max(values) > 300 or min(values) <= 0:  # no breast is larger
        return None
    kind = "earlier" if _is_earlier(text, start, first, last, end) else "size"
    return Measure(first, last, kind, values)


def _in_mm(numbers: list[str], units: list[str | None]) -> tuple[float, ...] | None:
    """Return extents in mm, None without any unit; a number without one has that of the next that
    has one."""
    values: list[float] = []
    unit = ""
    # From the last to the first: in "8 x 6 mm" the unit stands behind.
    for number, own_unit in zip(reversed(numbers), reversed(units), strict=True):
        unit = own_unit.casefold() if own_unit else unit
        if not unit:
            return None
        factor = 10 if unit.startswith("c") else 1
        values.append(round(_number(number) * factor, 2))
    return tuple(reversed(values))


def _number(text: str) -> float:
    """Return a number; a comma is a decimal one."""
    return float(text.replace(",", "."))


def _is_earlier(text: str, start: int, first: int, last: int, end: int) -> bool:
    """Return whether a size is of an earlier examination, by the words in front of it and after
    it."""
    is_after_cue = ends_with(EARLIER_BEFORE, text, start, first, words_between=3)
    # "previously 8, now 12 mm"
    is_now = has(("to", "now", "currently"), text, max(start, first - 12), first)
    if is_after_cue and not is_now:
        return True
    rest = text[last:end]
    begins = last + len(rest) - len(rest.lstrip(" ("))
    for cue_start, cue_end in spans(EARLIER_AFTER, text, begins, min(end, begins + 40)):
        if cue_start == begins:
            return not _BEFORE_NUMBER.match(text, cue_end, end)  # "14 mm previously 9 mm"
    return False


def _distances(text: str, start: int, end: int) -> list[Measure]:
    distances = []
    for match in _NIPPLE.finditer(text, start, end):
        is_cm = match[3] is not None or match[2].casefold().startswith("c")  # N+5 is in cm
        factor = 10 if is_cm else 1
        value_mm = round(_number(match[3] or match[1]) * factor, 2)
        distances.append(Measure(*match.span(), "nipple", (value_mm,)))
    return distances


def _clocks(text: str, start: int, end: int) -> list[Measure]:
    clocks = []
    for match in _HOURS.finditer(text, start, end):
        hour = _hour(match[1], None)
        clocks.append(Measure(*match.span(), "clock", (hour,)))
    for match in _CLOCK.finditer(text, start, end):
        if match[5]:
            hours = [_hour(match[5], match[6])]
        else:
            hours = [_hour(match[1], match[2])]
            if match[3]:
                hours.append(_hour(match[3], match[4]))
        if min(hours) >= 1 and max(hours) < 13:  # "14:00" is a time of day
            middle = _middle(hours)
            clocks.append(Measure(*match.span(), "clock", (middle,)))
    return clocks


def _hour(number: str, minutes: str | None) -> float:
    value = NUMBER_WORDS.get(number.casefold()) or int(number)
    return value + (0.5 if minutes == "30" else 0.0)


def _middle(hours: list[float]) -> float:
    """Return the middle of a range of hours: of 12 to 1 it is 12.5, of 11 to 12 it is 11.5."""
    first = hours[0]
    last = hours[-1]
    if last < first:
        last += 12
    middle = (first + last) / 2
    return middle if middle < 13 else middle - 12


def months_in(text: str, start: int, end: int) -> Measure | None:
    """Return the first time span of some words in months ("in 6 months", "2 yr", "annual")."""
    match = _PERIOD.search(text, start, end)
    if match:
        count = NUMBER_WORDS.get(match[1].casefold()) or int(match[1])
        months = count * (12 if match[2].casefold().startswith("y") else 1)
        return Measure(match.start(), match.end(), "months", (float(months),))
    for word, months in EVERY_MONTHS.items():
        every = re.compile(rf"\b{word}\b", re.IGNORECASE).search(text, start, end)
        if every:
            return Measure(every.start(), every.end(), "months", (float(months),))
    return None
