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
_DIGITS = re.compile(r"-?(0|[1-9][0-9]*)")
_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")


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
            json.dumps(value, ensure_ascii=False).encode(
                errors="surrogateescape"
            )  # bytes of a name that are no UTF-8
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
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{what} is {shown(value)}, wanted a number from {least:g} to {most:g}")
    return float(value)


def whole_in(value: Any, least: int, most: int, what: str) -> int:
    """Return a whole number that was read from a file, as `number_in` does; digits alone are one
    too, since YAML is read as text."""
    if isinstance(value, str) and len(value) < 20 and _DIGITS.fullmatch(value):
        value = int(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not least <= value <= most
        or value != int(value)
    ):
        raise ValueError(f"{what} is {shown(value)}, wanted a whole number from {least} to {most}")
    return int(value)


def text_of(value: Any, what: str, *, most: int = 200) -> str:
    """Return text that was read from a file, when it is some and fits on a line; ValueError says
    `what`, what came and what was wanted."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > most
        or not all(map(_is_shown, value))
    ):
        raise ValueError(f"{what} is {shown(value)}, wanted a line of text of up to {most} letters")
    return value


def _is_shown(letter: str) -> bool:
    return (
        letter.isprintable() or unicodedata.category(letter) == "Zs"
    )  # blanks of other widths belong to some languages


def shown(value: Any) -> str:
    """Return a value that may be anything in a few letters, for a message."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}...")
    if (
        value is None
        or isinstance(value, (bool, float))
        or (isinstance(value, int) and abs(value) < 2**64)
    ):
        return json.dumps(value)
    return (
        "an object"
        if isinstance(value, dict)
        else "a list"
        if isinstance(value, list)
        else f"a {type(value).__name__}"
    )


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"{shown(counts.most_common(1)[0][0])} stands twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError(f"the number {digits[:20]}... has more than 64 bits")
    return number


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
    level = [value]
    for _ in range(_DEEPEST):
        holders = [one for one in level if isinstance(one, (dict, list))]
        level = [
            inner for one in holders for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise RecursionError
