"""A table that was read: its rows, and the cells of a column as text or numbers."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from breastseg.tables.cells import shown

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


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
        commas = [row for row in self.rows if "," in row[column]]
        points = [row for row in self.rows if "." in row[column]]
        # 1.234,5 and 1,234.5 are two numbers: which of the two is meant nobody can see.
        if self.comma and commas and points:
            raise error(
                f"{self.where(commas[0])}: {column} '{shown(commas[0][column])}' has a"
                f" comma, row {points[0].number} a point; write all numbers of a column alike"
            )
        # One comma that cannot stand for thousands makes all of the column's decimal.
        decimal = self.comma and not all(_THOUSANDS.fullmatch(row[column]) for row in commas)
        return [self._number(row, column, error, decimal=decimal) for row in self.rows]

    def _number(
        self, row: Row, column: str, error: type[Exception], *, decimal: bool
    ) -> float | None:
        cell = row[column]
        if not cell:
            return None
        if self.comma and not decimal and _THOUSANDS.fullmatch(cell):
            raise error(
                f"{self.where(row)}: {column} '{shown(cell)}' may be a number with decimals or one"
                " of thousands; write it with a point"
            )
        text = cell.replace(",", ".") if decimal and cell.count(",") == 1 else cell
        # float() alone would take "nan", "1_000" and the digits of other scripts.
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(number):  # 1e999 is infinite
            raise error(
                f"{self.where(row)}: {column} '{shown(cell)}', wanted a number alone, as in 0.25"
            )
        return number
