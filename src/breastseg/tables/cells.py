"""Cells: what an error shows of them, when two are alike, and what is wrong in a row."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from breastseg.wording import counted

MAX_CELL = 32_767
"""Letters in a cell of a spreadsheet."""
_ODD = re.compile("[#\r\n\ufffd]")
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


def shown(text: str) -> str:
    """Return a cell or head as an error shows it: in one line, and not long."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def alike(text: str) -> str:
    """Return what is left of a name when case, blanks and what spreadsheets do to numbers ("7" or
    "7.0" for "007") say nothing."""
    # NFKC makes one of letters that look alike, as full-width digits.
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    number = re.fullmatch(r"0*(\d+)(\.0+)?", text, re.ASCII)
    return number[1] if number else text


def is_odd(text: str) -> bool:
    """Return whether a row has to be looked at cell by cell."""
    return len(text) > MAX_CELL or _ODD.search(text) is not None


def check_row(
    cells: list[str],
    columns: Sequence[str],
    looked_at: Iterable[str],
    where: str,
    error: type[Exception],
) -> None:
    """Refuse a row with cells that do not fit; add the blank ones of columns without head.

    Args:
        cells: of the row; blank ones are added at its end.
        columns: our name of each column, "" for one without head.
        looked_at: columns of which the cells' text matters.
        where: the row, for the error.
        error: the class of the error.

    Raises:
        what `error` is.
    """
    if len(cells) < len(columns):
        missing = columns[len(cells) :]
        named = [name for name in missing if name]
        if named:
            raise error(
                f"{where}: {counted(len(cells), 'cell')}, the head has {len(columns)}; give"
                f" {shown(named[0])} too, be it blank"
            )
        # Spreadsheets leave out blank cells at the end where no column has a head.
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
        if name in looked_at:
            _check_cell(cell, name, where, error)


def _check_cell(cell: str, name: str, where: str, error: type[Exception]) -> None:
    # A quotation mark that was left open swallows the rows that follow, up to the next one.
    if "\n" in cell or "\r" in cell:
        raise error(
            f"{where}: {name} '{shown(cell)}' goes over several lines; is a quotation mark left"
            " open?"
        )
    # A column that is too narrow shows #####, and some programs save what they show.
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
