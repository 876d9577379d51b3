"""Whole text files: lines, CSV and JSON."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.files.atomic import written


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or nothing.

    What names of files may hold and UTF-8 cannot (bytes that are none) becomes an escape,
    "\\udce4", which JSON reads back as it was.
    """
    with written(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_table(
    path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()
) -> None:
    """Write rows as CSV, as `table_text` has them."""
    write_text(path, table_text(rows, columns))


def table_text(rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()) -> str:
    """Return rows as CSV: `columns`, then others in the order in which they first occur; NaN and
    None become empty cells."""
    heads = dict.fromkeys(columns)  # a dictionary, as a set that keeps its order
    for row in rows:
        heads.update(dict.fromkeys(row))
    text = _Lines()
    # With both in the line end, every Python quotes a cell that holds one of them.
    table = csv.DictWriter(text, list(heads), restval="", lineterminator="\r\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: _cell(value) for name, value in row.items()})
    return "".join(text.lines)


def _cell(value: Any) -> Any:
    is_missing = value is None or value != value  # NaN is the one number that is not itself
    return "" if is_missing else value


class _Lines:
    """Takes the lines of a table, each at once, and ends them with a line feed alone."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line.removesuffix("\r\n") + "\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, two spaces deep (`NaN` as such, as Python reads and writes it)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text that say something; InputError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else "not UTF-8"
        raise InputError(f"{path}: no text ({reason}), wanted lines of it") from None
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line]
