"""A table that was read: cells as text and as numbers."""

from pathlib import Path

import pytest

from breastseg.errors import MppError, SourceError
from breastseg.tables.table import Row, Table


def table(*cells: str, comma: bool = False) -> Table:
    """One column of numbers, beside the names a, b, c ..."""
    places = {"image": 0, "mpp": 1}
    rows = []
    for number, cell in enumerate(cells, start=2):
        rows.append(Row(number, ("abcdef"[number - 2], cell), places))
    return Table(Path("t.csv"), ("image", "mpp"), tuple(rows), (), SourceError, comma)


def test_a_column_that_is_not_there_is_blank() -> None:
    row = table("0.5").rows[0]
    assert (row["image"], row["mpp"], row["patient"]) == ("a", "0.5", "")


@pytest.mark.parametrize(
    ("cells", "comma", "numbers"),
    [
        (("0.25", "", "-3", "+.5", "1e-2", "7."), False, [0.25, None, -3, 0.5, 0.01, 7]),
        (("0,25", "3"), True, [0.25, 3]),
        (("1,234", "0,5"), True, [1.234, 0.5]),
        (("12,34",), True, [12.34]),
        (("1234.5",), True, [1234.5]),
    ],
)
def test_numbers(cells: tuple[str, ...], comma: bool, numbers: list[float | None]) -> None:
    assert table(*cells, comma=comma).numbers("mpp") == numbers


@pytest.mark.parametrize(
    ("cells", "comma", "message"),
    [
        (("1,5",), False, "row 2: mpp '1,5', wanted a number"),
        (("1,234",), True, "row 2: mpp '1,234' may be a number with decimals or one of thousands"),
        (("1", "12,345"), True, "row 3: mpp '12,345' may be"),
        (("1,5", "2.5"), True, "row 2: mpp '1,5' has a comma, row 3 a point"),
        (("1,2,3",), True, "row 2: mpp '1,2,3', wanted a number"),
        (("0x10",), False, "row 2"),
        (("1_000",), False, "row 2"),
        (("inf",), False, "row 2"),
    ],
)
def test_what_is_no_number_is_refused(cells: tuple[str, ...], comma: bool, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        table(*cells, comma=comma).numbers("mpp")


def test_a_caller_may_have_an_error_of_its_own() -> None:
    with pytest.raises(MppError, match="row 2"):
        table("x").numbers("mpp", MppError)


def test_rows_by_a_column_and_rows_that_must_have_one() -> None:
    assert {name: row.number for name, row in table("1", "2").by("image").items()} == {
        "a": 2,
        "b": 3,
    }
    table("1", "2").needs("mpp", "no um/px")
    with pytest.raises(SourceError, match="row 3: no um/px"):
        table("1", "").needs("mpp", "no um/px")
