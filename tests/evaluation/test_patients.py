"""A person's table of patients."""

from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.evaluation.patients import read_patients


def table(folder: Path, *rows: str) -> Path:
    path = folder / "patients.csv"
    path.write_text("\n".join(["patient,age,type", *rows]) + "\n", encoding="utf-8")
    return path


def test_numbers_are_numbers_only_where_every_cell_is_one(tmp_path: Path) -> None:
    path = table(tmp_path, "a,50,IDC", "b,,ILC", "stranger,1,IDC")
    (age, kind), notes = read_patients(path, ["age", "type"], ["a", "b"], ["a", "b", "c"])
    assert age.text == {"a": "50", "b": ""}
    assert age.numbers == {"a": 50.0}
    assert kind.numbers is None
    assert "1 row" in notes[-1]


@pytest.mark.parametrize(
    ("rows", "columns", "fact"),
    [
        (["a,50,IDC"], ["type"], "patient 'b'"),
        (["a,50,IDC", "B,50,IDC"], ["type"], "did you mean it by 'B'"),
        (["a,50,IDC", "b,50,idc"], ["type"], "'idc' is written 'IDC'"),
        (["a,50,IDC", "b,50,IDC"], ["patient"], "--by patient"),
        (["a,50,IDC", "b,50,IDC"], ["grade"], "grade"),
    ],
)
def test_what_does_not_join_is_named(
    tmp_path: Path, rows: list[str], columns: list[str], fact: str
) -> None:
    with pytest.raises(InputError, match=fact):
        read_patients(table(tmp_path, *rows), columns, ["a", "b"], ["a", "b"])
