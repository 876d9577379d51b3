"""Reading JSON that may hold anything, and checking the values of it: what a file says is believed
only as far as it fits."""

import json
import math
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

JSON_BYTES, SCORES_BYTES = 32 * 2**20, 256 * 2**20
"""Most that is read of a JSON file; scores have some kB a region, and a data set of tiles has tens
of thousands."""
JsonObject: TypeAlias = dict[str, Any]
"""An object of JSON of which no class says what is in it: another program's (OME-Zarr, MONAI,
OpenAPI), a message between our own processes, a part that is only kept and shown, or a row whose
columns depend on the classes. What is written to be read by others is a record (`records`)."""
_DEEPEST = 64
"""Objects in one another; ours have five or so, and Python's own reader ends at about 1,000."""
_DIGITS = re.compile(r"-?(0|[1-9][0-9]*)")
_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape of one of two halves (a surrogate): the other half may be missing."""


def read_json(
    path: Path, error: type[Exception], what: str, *, most_bytes: int = JSON_BYTES
) -> Any:
    """Read a JSON file that may hold anything: UTF-8 or UTF-16, with or without a byte order mark.

    Refused is what no program here writes and what breaks those that read it: more than
    `most_bytes`, objects in one another deeper than 64, a key that stands twice in one object,
    whole numbers of more than 64 bits, infinity, and letters that are half of one. NaN is read:
    a score without support is written so.

    Args:
        path: the file.
        error: raised with one line that names the file.
        what: what the file should be, for that line.
        most_bytes: a larger file is not read.
    """
    try:
        with path.open("rb") as file:
            # One byte more than may be there tells that it is too long, whatever it says it has.
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise error(f"{path}: not found, wanted {what}") from None
    except OSError as cause:
        raise error(f"{path}: cannot be read ({cause.strerror or cause}), wanted {what}") from None
    if len(data) > most_bytes:
        raise error(f"{path}: more than {most_bytes / 2**20:g} MB, wanted {what}")
    try:
        text = data.decode(json.detect_encoding(data))
        value = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_constant,
        )
        if _HALF_LETTER.search(text):
            # Halves of 0xdc80 to 0xdcff stand for bytes of a name that are no UTF-8, and may stay;
            # any other raises UnicodeEncodeError.
            json.dumps(value, ensure_ascii=False).encode(errors="surrogateescape")
        _check_depth(value)
    except RecursionError:
        raise error(f"{path}: not JSON (nested too deeply), wanted {what}") from None
    except UnicodeEncodeError:
        raise error(f"{path}: not JSON (a letter in it is half of one), wanted {what}") from None
    except ValueError as cause:  # of the encoding, of JSON, of the numbers
        raise error(f"{path}: not JSON ({cause}), wanted {what}") from None
    return value


def number_in(value: Any, least: float, most: float, what: str) -> float:
    """Return a number that was read from a file, when it is one and in range; ValueError says
    `what`, what came and what was wanted."""
    if not _is_number(value) or not least <= value <= most:
        raise ValueError(f"{what} is {shown(value)}, wanted a number from {least:g} to {most:g}")
    return float(value)


def whole_in(value: Any, least: int, most: int, what: str) -> int:
    """Return a whole number that was read from a file, as `number_in` does; digits alone are one
    too, since YAML is read as text."""
    if isinstance(value, str) and len(value) < 20 and _DIGITS.fullmatch(value):
        value = int(value)
    # The range comes first: int() of infinity or NaN would raise.
    if not _is_number(value) or not least <= value <= most or value != int(value):
        raise ValueError(f"{what} is {shown(value)}, wanted a whole number from {least} to {most}")
    return int(value)


def text_of(value: Any, what: str, *, most: int = 200) -> str:
    """Return text that was read from a file, when it is some and fits on a line; ValueError says
    `what`, what came and what was wanted."""
    is_text = isinstance(value, str) and bool(value.strip()) and len(value) <= most
    if not is_text or not all(map(_is_shown, value)):
        raise ValueError(f"{what} is {shown(value)}, wanted a line of text of up to {most} letters")
    return str(value)


def _is_number(value: Any) -> bool:
    """Return whether a value is a number; for Python true and false are 1 and 0, here they are
    not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_shown(letter: str) -> bool:
    # Blanks of other widths belong to some languages; Python does not count them as printable.
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def shown(value: Any) -> str:
    """Return a value that may be anything in a few letters, for a message."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}...")
    if value is None or isinstance(value, (bool, float)):
        return json.dumps(value)
    # A larger whole number would fill the message.
    if isinstance(value, int) and abs(value) < 2**64:
        return json.dumps(value)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f"a {type(value).__name__}"


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    """Make an object of names and values; Python would keep the last of two of one name."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice, _ = counts.most_common(1)[0]
        raise ValueError(f"{shown(twice)} stands twice in one object")
    return found


def _whole(digits: str) -> int:
    # 20 digits and a sign hold 64 bits; time to read more grows with their square.
    if len(digits) <= 20:
        number = int(digits)
        if -(2**63) <= number < 2**64:
            return number
    raise ValueError(f"the number {digits[:20]}... has more than 64 bits")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def _constant(name: str) -> float:
    if name != "NaN":
        raise ValueError(f"{name} is no number")
    return math.nan


def _check_depth(value: Any) -> None:
    """Go down level by level: a function that calls itself would meet Python's own end first."""
    level = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for holder in level:
            if isinstance(holder, dict):
                below.extend(holder.values())
            elif isinstance(holder, list):
                below.extend(holder)
        if not below:
            return
        level = below
    raise RecursionError
