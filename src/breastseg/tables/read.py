"""Reading a table: one reader, and every fault told with its row."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from breastseg.tables.cells import check_row, is_odd, shown
from breastseg.tables.heads import named_columns, wanted_csv
from breastseg.tables.table import Row, Table
from breastseg.tables.text import SEPARATORS, decoded_text, find_separator, rows_of_cells

MAX_CELLS = 4_000_000
"""More would not fit into this memory, however short they are."""


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
            doubled column, a row with more or fewer cells than the head, a cell that is too long,
            has a line break, or in which a spreadsheet's formula failed.
    """
    wish = wanted_csv(needed, known)
    text, note = decoded_text(path, error, wish)
    # No more cells than separators and line ends: counted before anything is cut up.
    if sum(map(text.count, (*SEPARATORS, "\r", "\n"))) > MAX_CELLS:
        raise error(f"{path}: more than {MAX_CELLS:,} cells, {wish}")
    separator, start = find_separator(text, (*needed, *known, *passive), path, error)
    records = rows_of_cells(text[start:], separator, path, error)
    _, heads = next(records, (0, []))
    if not heads:
        raise error(f"{path}: empty, {wish}")
    columns = named_columns(
        heads, path, error, needed=needed, known=known, passive=passive, others=others
    )
    looked_at = {*needed, *known}
    # Columns without head are left out: `order` says which cells of the file a row keeps.
    order = [place for place, name in enumerate(columns) if name]
    places = {columns[place]: number for number, place in enumerate(order)}
    rows = []
    for number, cells in records:
        # Cells are looked at one by one only where something may be wrong: that takes longer.
        is_regular = len(cells) == len(order) == len(columns)
        if not is_regular or is_odd("".join(cells)):
            check_row(cells, columns, looked_at, f"{path}, row {number}", error)
        rows.append(Row(number, tuple(cells[place] for place in order), places))
    if not rows and not may_be_empty:
        raise error(f"{path}: a head without rows, {wish}")
    notes = []
    if note is not None:
        notes.append(f"{path.name}: {note}{_first_letters(rows)}")
    return Table(path, tuple(places), tuple(rows), tuple(notes), error, separator != ",")


def _first_letters(rows: Iterable[Row]) -> str:
    """Return the first cell that another reading would change, to be looked at."""
    for row in rows:
        for cell in row.values:
            if not cell.isascii():
                return f": '{shown(cell)}' in row {row.number}"
    return ""
