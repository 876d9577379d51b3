"""Tables as a person, a spreadsheet or breastseg writes them: one reader, and every fault told with
its row.

Heads go by their letters and digits: case, blanks, `_` and `-` say nothing. The separator is the
comma, semicolon or tab that the head is written with; a decimal comma is known where commas do
not separate. Text is UTF-8, with a mark at its start or without, UTF-16 with one, or, said
aloud, Windows-1252. Rows are counted as spreadsheets count them: the head is row 1. Blank rows
say nothing. Whatever else does not fit is an error.
"""

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from breastseg.wording import counted

NOTE = "note"
"""A column that any table may have, for a person's own words."""

MAX_BYTES, MAX_CELLS = 50_000_000, 4_000_000
"""A table is held whole while it is read: in some 500 MB at most."""
MAX_CELL = 32_767
"""Letters in a cell of a spreadsheet."""

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ ,;\t]*(\r\n|\r|\n)', re.IGNORECASE)
_SHEETS = (
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
)  # .xlsx and .ods are zip files, .xls an older container
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD_WITHIN = 1000
"""Rows in which the head is looked for."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_TEXT = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ODD = re.compile("[#\r\n\ufffd]")
_BLANK = " \t\r\n\v\f\xa0\u2007\u202f\u200b\ufeff"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_FAILED = frozenset(
    (
        "#N/A",
        "#NV",
        "#REF!",
        "#BEZUG!",
        "#NAME?",
        "#VALUE!",
        "#WERT!",
        "#DIV/0!",
        "#NUM!",
        "#ZAHL!",
        "#NULL!",
        "#SPILL!",
    )
)
"""What a spreadsheet shows in place of a value that it could not look up."""

_MEANT: Mapping[str, str] = {
    **dict.fromkeys(
        ("patientid", "patientname", "case", "caseid", "subject", "subjectid", "donor", "pid"),
        "patient",
    ),
    **dict.fromkeys(
        ("hospital", "centre", "center", "institution", "institute", "siteid", "clinic"), "site"
    ),
    **dict.fromkeys(
        (
            "um/px",
            "\u03bcm/px",
            "umperpx",
            "umpx",
            "micron",
            "microns",
            "micronsperpixel",
            "resolution",
            "pixelsize",
            "pixelsizeum",
            "mppx",
            "sourcempp",
            "imagempp",
        ),
        "mpp",
    ),
    **dict.fromkeys(("set", "subset", "part", "partition", "fold", "splits"), "split"),
    **dict.fromkeys(("roi", "field", "rectangle", "bounds", "boundingbox", "bbox"), "box"),
    **dict.fromkeys(("absent", "lacks", "excludes", "no", "not"), "without"),
    **dict.fromkeys(("present", "has", "contains", "includes", "somewhere"), "with"),
    **dict.fromkeys(("label", "classname", "classification", "type", "category"), "class"),
}
"""Heads that others use -> ours, so that an error can ask."""
_NAMES = (
    "file",
    "files",
    "filename",
    "filepath",
    "image",
    "images",
    "imageid",
    "imagename",
    "imagepath",
    "imagefile",
    "name",
    "path",
    "picture",
    "pictures",
    "region",
    "regionid",
    "regions",
    "sample",
    "slide",
    "slideid",
    "slidename",
    "slidepath",
    "slides",
)
"""Heads that others use for what a row is of."""
_WHAT = ("path", "image", "region", "slide")
"""What we call it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        number: as a spreadsheet counts, the head is row 1.
        values: its cells, in the order of the table's columns.
        places: where each column is among them.
    """

    number: int
    values: tuple[str, ...]
    places: Mapping[str, int]

    def __getitem__(self, column: str) -> str:
        """Return a cell without blanks around it; "" where it, or the whole column, is blank or
        missing."""
        place = self.places.get(column)
        return "" if place is None else self.values[place]


@dataclass(frozen=True)
class Table:
    """A table that was read.

    Attributes:
        path: its file.
        columns: the columns that it has, by our names.
        rows: those that are not blank.
        notes: what was taken over and should be said aloud.
        error: the class of its errors.
        comma: whether a comma may be a decimal sign in it.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    error: type[Exception]
    comma: bool

    def where(self, row: Row) -> str:
        """Return where a row is, for an error."""
        return f"{self.path}, row {row.number}"

    def needs(self, column: str, what: str) -> None:
        """Refuse a row whose cell of a column is blank: `what` says what it lacks, and what to
        do."""
        for row in self.rows:
            if not row[column]:
                raise self.error(f"{self.where(row)}: {what}")

    def by(self, column: str) -> dict[str, Row]:
        """Return the rows by their cell of a column; one that is there twice is an error."""
        found: dict[str, Row] = {}
        for row in self.rows:
            if row[column] in found:
                first = found[row[column]].number
                raise self.error(
                    f"{self.where(row)}: {column} '{shown(row[column])}' is in row {first} too;"
                    " keep one row"
                )
            found[row[column]] = row
        return found

    def numbers(self, column: str, error: type[Exception] | None = None) -> list[float | None]:
        """Return the numbers of a column, None where a cell is blank.

        Args:
            column: its name.
            error: raised for what is no number; None is the table's own.

        Raises:
            what `error` is: a cell that is no finite number, or one whose comma may be a decimal
            sign as well as not.
        """
        error = error or self.error
        cells = [(row, row[column]) for row in self.rows]
        marks = {mark: [row for row, cell in cells if mark in cell] for mark in ",."}
        if self.comma and all(marks.values()):
            raise error(
                f"{self.where(marks[','][0])}: {column} '{shown(marks[','][0][column])}' has a"
                f" comma, row {marks['.'][0].number} a point; write all numbers of a column alike"
            )
        decimal = self.comma and any(
            "," in cell and not _THOUSANDS.fullmatch(cell) for _, cell in cells
        )
        return [self._number(row, cell, column, error, decimal=decimal) for row, cell in cells]

    def _number(
        self, row: Row, cell: str, column: str, error: type[Exception], *, decimal: bool
    ) -> float | None:
        if not cell:
            return None
        if self.comma and not decimal and _THOUSANDS.fullmatch(cell):
            raise error(
                f"{self.where(row)}: {column} '{shown(cell)}' may be a number with decimals or one"
                " of thousands; write it with a point"
            )
        text = cell.replace(",", ".") if decimal and cell.count(",") == 1 else cell
        number = float(text) if _NUMBER.fullmatch(text) else float("nan")
        if not abs(number) < float("inf"):
            raise error(
                f"{self.where(row)}: {column} '{shown(cell)}', wanted a number alone, as in 0.25"
            )
        return number


def shown(text: str) -> str:
    """Return a cell or head as an error shows it: in one line, and not long."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def alike(text: str) -> str:
    """Return what is left of a name when case, blanks and what spreadsheets do to numbers ("7" or
    "7.0" for "007") say nothing."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    number = re.fullmatch(r"0*(\d+)(\.0+)?", text, re.ASCII)
    return number[1] if number else text


def read_table(
    path: Path,
    error: type[Exception],
    *,
    needed: Sequence[str],
    known: Sequence[str] = (),
    passive: Sequence[str] = (),
    others: bool = False,
    may_be_empty: bool = False,
) -> Table:
    """Read a table.

    Args:
        path: the file.
        error: the class of all errors.
        needed: columns that it must have.
        known: columns that it may have.
        passive: columns that it may have and that nobody looks at.
        others: whether columns of other names may be there; they are kept by their heads.
        may_be_empty: whether a head without rows is a table.

    Raises:
        what `error` is, naming row or column: no such file, no text, no CSV, an unknown, missing or
        doubled column, a row with
            more or fewer cells than the head, a cell that is too long, has a line break, or in
            which a spreadsheet's formula failed.
    """
    wish = _wish(needed, known)
    text, note = _text(path, error, wish)
    if sum(map(text.count, (*_SEPARATORS, "\r", "\n"))) > MAX_CELLS:
        raise error(f"{path}: more than {MAX_CELLS:,} cells, {wish}")
    separator, start = _separator(text, (*needed, *known, *passive), path, error)
    records = _records(text[start:], separator, path, error)
    _, heads = next(records, (0, []))
    if not heads:
        raise error(f"{path}: empty, {wish}")
    columns = _columns(
        heads, path, error, needed=needed, known=known, passive=passive, others=others
    )
    looked_at = {*needed, *known}
    order = [place for place, name in enumerate(columns) if name]
    places = {columns[place]: number for number, place in enumerate(order)}
    rows = []
    for number, cells in records:
        if len(cells) != len(columns) or len(order) != len(columns) or _is_odd("".join(cells)):
            _check_row(cells, columns, looked_at, f"{path}, row {number}", error)
        rows.append(Row(number, tuple(cells[place] for place in order), places))
    if not rows and not may_be_empty:
        raise error(f"{path}: a head without rows, {wish}")
    notes = () if note is None else (f"{path.name}: {note}{_first_letters(rows)}",)
    return Table(path, tuple(places), tuple(rows), notes, error, separator != ",")


def _wish(needed: Sequence[str], known: Sequence[str]) -> str:
    return f"wanted a CSV with {', '.join(map(shown, needed))}" + (
        f" and any of {', '.join(map(shown, known))}" if known else ""
    )


def _text(path: Path, error: type[Exception], wish: str) -> tuple[str, str | None]:
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
    if odd := _NO_TEXT.search(text):
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
            return data.decode("cp1252"), "not UTF-8, read as Windows-1252"
    except UnicodeDecodeError:
        raise error(
            f"{path}: not text (neither UTF-8 nor Windows-1252), {wish}; save it as CSV UTF-8"
        ) from None


def _first_letters(rows: Iterable[Row]) -> str:
    """Return the first cell that another reading would change, to be looked at."""
    return next(
        (
            f": '{shown(cell)}' in row {row.number}"
            for row in rows
            for cell in row.values
            if not cell.isascii()
        ),
        "",
    )


def _separator(
    text: str, names: Iterable[str], path: Path, error: type[Exception]
) -> tuple[str, int]:
    """Return the separator, and where the table starts: a first line `sep=;` is for the
    spreadsheet."""
    said = _SEPARATOR_LINE.match(text)
    if said:
        if said[1] not in _SEPARATORS:
            raise error(f"{path}: separated by '{said[1]}', wanted comma, semicolon or tab")
        return said[1], said.end()
    wanted = set(map(_letters, names))

    def likeness(separator: str) -> tuple[int, int]:
        """Count the heads that are known, then all."""
        heads = _first_record(text, separator)
        return sum(_letters(head) in wanted for head in heads), len(heads)

    return max(_SEPARATORS, key=likeness), 0


def _first_record(text: str, separator: str) -> list[str]:
    try:
        records = islice(_reader(text, separator), _HEAD_WITHIN)
        return next(
            (cells for cells in records if any(cell.strip(_BLANK + ",;") for cell in cells)), []
        )
    except csv.Error:
        return []


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    lines = (line[0] for line in _LINE.finditer(text))
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)


def _records(
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


def _letters(head: str) -> str:
    """Return a head as it is compared."""
    folded = unicodedata.normalize("NFKC", head).casefold()
    return "".join(letter for letter in folded if letter not in f"{_BLANK}_-")


def _columns(
    heads: Sequence[str],
    path: Path,
    error: type[Exception],
    *,
    needed: Sequence[str],
    known: Sequence[str],
    passive: Sequence[str],
    others: bool,
) -> list[str]:
    """Return our name of each column, "" for one without head."""
    names = (*needed, *known, *passive, NOTE)
    by_letters = {
        **{_letters(name): name for name in reversed(names)},
        "notes": NOTE,
        "comment": NOTE,
        "comments": NOTE,
    }
    columns = [head if head in names else by_letters.get(_letters(head), "") for head in heads]
    wish, there = _wish(needed, known), ", ".join(shown(head) or "''" for head in heads[:30])
    unknown = [head for head, name in zip(heads, columns, strict=True) if head and not name]
    asked = _question(unknown, columns, (*needed, *known))
    if any(name not in columns for name in needed):
        raise error(f"{path}: columns are {there}; {wish}{asked}")
    if unknown and not others:
        raise error(
            f"{path}: unknown column '{shown(unknown[0])}', {wish}{asked}; what is for yourself"
            f" goes into a column '{NOTE}'"
        )
    columns = [name or head for name, head in zip(columns, heads, strict=True)]
    for place, name in enumerate(columns):
        if name and name in columns[:place]:
            twice = [
                shown(head) for head, other in zip(heads, columns, strict=True) if other == name
            ]
            raise error(
                f"{path}: column '{shown(name)}' is there twice ({', '.join(twice)}); keep one"
            )
    return columns


def _question(unknown: Iterable[str], columns: Sequence[str], names: Sequence[str]) -> str:
    """Return which of our columns a person may have meant; nothing where none is near."""
    missing = [name for name in names if name not in columns]
    for head in unknown:
        letters = _letters(head)
        near = [_MEANT.get(letters, ""), *(_WHAT if letters in _NAMES else ())]
        near += difflib.get_close_matches(letters, missing, n=1, cutoff=0.6)
        near += [name for name in missing if letters.startswith(name)]
        if meant := next((name for name in near if name in missing), None):
            return f"; did you mean {meant} by '{shown(head)}'?"
    return ""


def _is_odd(text: str) -> bool:
    """Return whether a row has to be looked at cell by cell."""
    return len(text) > MAX_CELL or _ODD.search(text) is not None


def _check_row(
    cells: list[str],
    columns: Sequence[str],
    looked_at: Iterable[str],
    where: str,
    error: type[Exception],
) -> None:
    if len(cells) < len(columns):
        missing = columns[len(cells) :]
        if any(missing):
            first = shown(next(filter(None, missing)))
            raise error(
                f"{where}: {counted(len(cells), 'cell')}, the head has {len(columns)}; give {first}"
                " too, be it blank"
            )
        cells += [""] * len(missing)
    for place, cell in enumerate(cells):
        if len(cell) > MAX_CELL:
            raise error(f"{where}: a cell of {len(cell):,} letters, wanted up to {MAX_CELL:,}")
        if not cell:
            continue
        if place >= len(columns):
            raise error(
                f"{where}: '{shown(cell)}' is in cell {place + 1}, the head has {len(columns)};"
                " remove it, or quote what has a separator"
            )
        name = columns[place]
        if not name:
            raise error(f"{where}: '{shown(cell)}' stands in column {place + 1}, which has no head")
        if name not in looked_at:
            continue
        if "\n" in cell or "\r" in cell:
            raise error(
                f"{where}: {name} '{shown(cell)}' goes over several lines; is a quotation mark left"
                " open?"
            )
        if cell in _FAILED or set(cell) == {"#"}:
            raise error(
                f"{where}: {name} is '{shown(cell)}', what a spreadsheet shows when it has no"
                " value; write the value"
            )
        if "\ufffd" in cell:
            raise error(
                f"{where}: {name} '{shown(cell)}' has lost a letter; write it again and save as CSV"
                " UTF-8"
            )
