from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.tables.text import decoded_text, find_separator, rows_of_cells

PATH = Path("t.csv")


@pytest.mark.parametrize(
    ("text", "separator", "start"),
    [("a,b\n", ",", 0), ("a;b,c\n", ";", 0), ("a\tb\n", "\t", 0), ("sep=;\na;b\n", ";", 6)],
)
def test_the_separator_is_that_of_the_head(text: str, separator: str, start: int) -> None:
    assert find_separator(text, ("a", "b"), PATH, SourceError) == (separator, start)


def test_rows_are_numbered_as_a_spreadsheet_does_and_blank_ones_left_out() -> None:
    rows = rows_of_cells("a,b\n\n1, 2 \n,\n3,4\n", ",", PATH, SourceError)
    assert list(rows) == [(1, ["a", "b"]), (3, ["1", "2"]), (5, ["3", "4"])]


def test_a_file_that_is_no_utf8_is_read_as_windows_1252_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("Jürgen".encode("cp1252"))
    text, note = decoded_text(path, SourceError, "wanted a CSV")
    assert text == "Jürgen"
    assert note is not None
    assert "Windows-1252" in note
