"""Whole text files: what is written can be read again."""

import math
import os
from pathlib import Path

import pytest

from breastseg.errors import DatasetError, InputError
from breastseg.files.text import read_lines, table_text, write_json, write_table
from breastseg.json_files import read_json


def test_what_is_missing_is_an_empty_cell_and_columns_come_in_order() -> None:
    rows = [{"b": 1, "a": None}, {"a": float("nan"), "c": 'x,"y"'}]
    assert table_text(rows, ["a"]) == 'a,b,c\n,1,\n,,"x,""y"""\n'


def test_lines_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n   \n two \n")
    assert read_lines(tmp_path / "a.txt") == ["one", "two"]
    (tmp_path / "b.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_lines(tmp_path / "b.txt")


def test_json_goes_there_and_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"µm": [1, 2.5], "score": math.nan})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "µm" in text
    assert text.endswith("}\n")
    value = read_json(tmp_path / "a.json", DatasetError, "x")
    assert value["µm"] == [1, 2.5]
    assert math.isnan(value["score"])


def test_bytes_that_are_no_utf8_are_written_as_escapes_and_json_reads_them_back(
    tmp_path: Path,
) -> None:
    name = os.fsdecode(b"pr\xe4parat.svs")
    write_json(tmp_path / "a.json", {"input": name})
    assert read_json(tmp_path / "a.json", DatasetError, "x") == {"input": name}
    write_table(tmp_path / "a.csv", [{"slide": name}])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "slide\npr\\udce4parat.svs\n"
