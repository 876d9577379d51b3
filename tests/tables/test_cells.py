"""Cells of a table: what an error shows of them, and when two are alike."""

import re

import pytest

from breastseg.errors import SourceError
from breastseg.tables.cells import alike, check_row, is_odd, shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("007", "7", True),
        ("7.0", "007", True),
        ("P1", "p1", True),
        ("P  1", "p 1", True),
        ("0", "000", True),
        ("７", "7", True),
        ("P1", "P01", False),
        ("P-1", "P1", False),
        ("7.5", "7", False),
        ("70", "7", False),
        ("A1", "B1", False),
    ],
)
def test_names_that_are_one_to_the_eye(one: str, other: str, same: bool) -> None:
    assert (alike(one) == alike(other)) is same


def test_a_cell_in_an_error_is_one_short_line() -> None:
    assert shown(" a\n b ") == "a b"
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 57 + "..."


@pytest.mark.parametrize("text", ["a#b", "two\nlines", "M\ufffdller", "x" * 32_768])
def test_an_odd_row_is_looked_at_cell_by_cell(text: str) -> None:
    assert is_odd(text)
    assert not is_odd("a plain row, Müller 0.25")


def test_a_row_is_filled_up_with_blank_cells_of_columns_without_head() -> None:
    cells = ["a", "1"]
    check_row(cells, ["image", "patient", "", ""], {"image"}, "t.csv, row 2", SourceError)
    assert cells == ["a", "1", "", ""]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["a"], "row 2: 1 cell, the head has 2; give patient too"),
        (["a", "1", "x"], "'x' is in cell 3, the head has 2"),
        (["#N/A", "1"], "image is '#N/A'"),
        (["###", "1"], "image is '###'"),
        (["a\nb", "1"], "image 'a b' goes over several lines"),
        (["M\ufffdller", "1"], "image 'M\ufffdller' has lost a letter"),
        (["a", "x" * 32_768], "32,768 letters"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(cells: list[str], message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        check_row(cells, ["image", "patient"], {"image"}, "t.csv, row 2", SourceError)


def test_of_a_column_that_nobody_looks_at_any_text_is_kept() -> None:
    cells = ["a", "#N/A"]
    check_row(cells, ["image", "note"], {"image"}, "t.csv, row 2", SourceError)
    assert cells == ["a", "#N/A"]
