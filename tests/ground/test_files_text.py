from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.files.text import read_lines, table_text


def test_what_is_missing_is_an_empty_cell_and_columns_come_in_order() -> None:
    rows = [{"b": 1, "a": None}, {"a": float("nan"), "c": 'x,"y"'}]
    assert table_text(rows, ["a"]) == 'a,b,c\n,1,\n,,"x,""y"""\n'


def test_lines_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n   \n two \n")
    assert read_lines(tmp_path / "a.txt") == ["one", "two"]
    (tmp_path / "b.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_lines(tmp_path / "b.txt")
