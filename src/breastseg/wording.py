"""Numbers in sentences, others' messages in ours, and sentences on whatever a person reads them
on."""

import re
import sys
from typing import TextIO

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, what turns the direction of writing, and the surrogates by which
Python holds bytes that are no UTF-8."""


def counted(number: int, noun: str) -> str:
    """Return "1 tile", "2 tiles"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_short(said: object, most: int = 200) -> str:
    """Return what an error or another program said as part of a line."""
    return " ".join(str(said).split())[:most]


def one_line(text: str) -> str:
    """Return text that is one line and can be written as UTF-8: what a file's name may hold and no
    line can becomes an escape.

    Names of files are any bytes: line ends and other control characters, and bytes that are no
    UTF-8.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(line: str) -> None:
    """Print a line; what the terminal or pipe cannot show becomes an escape, as in "\\u65e5"."""
    print(_shown_on(sys.stdout, line))


def say_aside(line: str) -> None:
    """Print a line on stderr, where stdout is for another program."""
    print(_shown_on(sys.stderr, line), file=sys.stderr, flush=True)


def _shown_on(stream: TextIO, line: str) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return one_line(line).encode(encoding, "backslashreplace").decode(encoding)
