"""A person's table of patients: columns by which scores are grouped. What does not join is an
error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import InputError
from breastseg.tables import Table, alike, read_table, shown
from breastseg.wording import counted

PATIENT = "patient"


@dataclass(frozen=True)
class Column:
    """A column of a table of patients.

    Attributes:
        name: its head.
        table: its file's name.
        text: by scored patient; "" where the cell is blank.
        numbers: by scored patient who has one; None where not every cell is a number.
    """

    name: str
    table: str
    text: Mapping[str, str]
    numbers: Mapping[str, float] | None


def read_patients(
    path: Path, columns: Sequence[str], scored: Sequence[str], known: Sequence[str]
) -> tuple[list[Column], tuple[str, ...]]:
    """Read the columns of a table of patients, one row a patient.

    Args:
        path: the table; a column `patient` says whose row it is.
        columns: that are wanted.
        scored: patients of whom each needs a row.
        known: patients of the data set.

    Returns:
        the columns, and what a person should know of how the table was read.

    Raises:
        InputError: a column that is not there, a patient twice, a scored patient without a row, or
            one value written in two ways.
    """
    if PATIENT in columns:
        raise InputError(
            f"--by {PATIENT}: each patient would be a group; scores by region are in per_region.csv"
        )
    table = read_table(path, InputError, needed=(PATIENT, *columns), others=True)
    table.needs(PATIENT, "no patient; name one, or remove the row")
    rows = table.by(PATIENT)
    for patient in scored:
        if patient not in rows:
            # Spreadsheets change upper and lower case, and blanks.
            near = [name for name in rows if alike(name) == alike(patient)]
            meant = f"; did you mean it by '{shown(near[0])}'?" if near else ""
            raise InputError(
                f"{path}: no row for patient '{shown(patient)}', who is scored{meant}; add a row,"
                " with a blank cell where the value is not known"
            )
    notes = list(table.notes)
    strangers = len(set(rows) - set(known))
    if strangers:
        # No error: one table often serves several data sets.
        notes.append(f"{path.name}: {counted(strangers, 'row')} of patients not in the data set")
    read = []
    for name in columns:
        _check_alike(table, name)
        text = {patient: rows[patient][name] for patient in scored}
        read.append(Column(name, path.name, text, _numbers(table, name, scored)))
    return read, tuple(notes)


def _numbers(table: Table, name: str, scored: Sequence[str]) -> dict[str, float] | None:
    """Return a column as numbers by patient who has one; None where a cell is no number, or all
    are blank."""
    try:
        values = table.numbers(name)
    except InputError:
        return None  # a column of words
    wanted = set(scored)
    by_patient = {}
    for row, value in zip(table.rows, values, strict=True):
        if row[PATIENT] in wanted and value is not None:
            by_patient[row[PATIENT]] = value
    return by_patient or None


def _check_alike(table: Table, name: str) -> None:
    """Refuse two values that look the same to a reader: "IDC" and "idc" would be two groups."""
    first_spelling: dict[str, str] = {}
    for row in table.rows:
        before = first_spelling.setdefault(alike(row[name]), row[name])
        # "1" and "1.0" are one number, and thirds are made of numbers.
        if before != row[name] and not _is_number(row[name]):
            raise InputError(
                f"{table.where(row)}: {name} '{shown(row[name])}' is written '{shown(before)}' in"
                " another row; write one value in one way"
            )


def _is_number(text: str) -> bool:
    return text[:1].isdigit()
