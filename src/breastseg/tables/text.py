"""From the bytes of a file to rows of cells: encoding, separator, quotation marks."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

MAX_BYTES = 50_000_000
"""A table is held whole while it is read: in some 500 MB at most."""

SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ ,;\t]*(\r\n|\r|\n)', re.IGNORECASE)
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods begin, which are zip files, and .xls, an older container."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD_WITHIN = 1000
"""Rows in which the head is looked for."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_TEXT = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANK = " \t\r\n\v\f\xa0\u2007\u202f\u200b\ufeff"
_SAYS_NOTHING = str.maketrans("", "", f"{_BLANK}_-")
"""Letters of a head that are left out before it is compared."""


def decoded_text(path: Path, error: type[Exception], wish: str) -> tuple[str, str | None]:
    """Return a file's text, and what should be said of how it was read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise error(f"{path}: not found, {wish}") from None
    except OSError as cause:
        raise error(f"{path}: cannot be read ({cause.strerror or cause}), {wish}") from None
    if len(data) > MAX_BYTES:
        raise error(f"{path}: more than {MAX_BYTES // 10**6} MB, {wish}")
    if data.startswith(_SHEETS):
        raise error(f"{path}: a spreadsheet's own file, {wish}; save it as CSV UTF-8")
    text, note = _decoded(data, path, error, wish)
    odd = _NO_TEXT.search(text)
    if odd:
        line = len(text[: odd.start()].splitlines()) or 1
        raise error(f"{path}: not text (byte {ord(odd[0])} in line {line}), {wish}")
    return text, note


def _decoded(data: bytes, path: Path, error: type[Exception], wish: str) -> tuple[str, str | None]:
    try:
        if data.startswith(_UTF16):
            return data.decode("utf-16"), None
        try:
            return data.decode("utf-8-sig"), None
        except UnicodeDecodeError:
            # What older spreadsheets on Windows save; any bytes but five are some letter in it, so
            # that a person has to look at what came of it.
            return data.decode("cp1252"), "not UTF-8, read as Windows-1252"
    except UnicodeDecodeError:
        raise error(
            f"{path}: not text (neither UTF-8 nor Windows-1252), {wish}; save it as CSV UTF-8"
        ) from None


def find_separator(
    text: str, names: Iterable[str], path: Path, error: type[Exception]
) -> tuple[str, int]:
    """Return the separator, and where the table starts: a first line `sep=;` is for the
    spreadsheet."""
    said = _SEPARATOR_LINE.match(text)
    if said:
        if said[1] not in SEPARATORS:
            raise error(f"{path}: separated by '{said[1]}', wanted comma, semicolon or tab")
        return said[1], said.end()
    wanted = set(map(letters_of, names))

    def likeness(separator: str) -> tuple[int, int]:
        """Count the heads that are known, then all."""
        heads = _first_record(text, separator)
        known = [head for head in heads if letters_of(head) in wanted]
        return len(known), len(heads)

    return max(SEPARATORS, key=likeness), 0


def _first_record(text: str, separator: str) -> list[str]:
    """Return the first row in which something stands; none where this separator makes no table."""
    try:
        for cells in islice(_reader(text, separator), _HEAD_WITHIN):
            if any(cell.strip(_BLANK + ",;") for cell in cells):
                return cells
    except csv.Error:
        return []
    return []


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    # Not splitlines(): it also cuts at letters that may stand in a cell, as a form feed.
    lines = (line[0] for line in _LINE.finditer(text))
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)


def rows_of_cells(
    text: str, separator: str, path: Path, error: type[Exception]
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with its number."""
    number = 0
    try:
        for number, cells in enumerate(_reader(text, separator), start=1):
            cells = [cell.strip(_BLANK) for cell in cells]
            if any(cells):
                yield number, cells
    except csv.Error as cause:
        raise error(f"{path}, row {number + 1}: not a CSV table ({cause})") from None


def letters_of(head: str) -> str:
    """Return a head as it is compared."""
    folded = unicodedata.normalize("NFKC", head).casefold()
    return folded.translate(_SAYS_NOTHING)
