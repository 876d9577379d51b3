"""Numbers in sentences, and sentences on whatever a person reads them on."""

import sys
import unicodedata


def counted(number: int, noun: str) -> str:
    """Return "1 tile", "2 tiles"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Return text that is one line and can be written as UTF-8: what a file's name may hold and no line can becomes an escape.

    Names of files are any bytes: line ends and other control characters, and bytes that are no UTF-8.
    """
    return "".join(character if _shows(character) else _escape(character) for character in text)


def say(line: str) -> None:
    """Print a line; what the terminal or pipe cannot show becomes an escape, as in "\\u65e5"."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(one_line(line).encode(encoding, "backslashreplace").decode(encoding))


def _shows(character: str) -> bool:
    return (character.isascii() and character.isprintable()) or unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
