from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.tables.heads import named_columns

PATH = Path("t.csv")


def columns(*heads: str, others: bool = False) -> list[str]:
    return named_columns(
        heads,
        PATH,
        SourceError,
        needed=("image",),
        known=("patient", "mpp"),
        passive=(),
        others=others,
    )


def test_case_blanks_and_dashes_say_nothing() -> None:
    assert columns("IMAGE", " Pa-tient", "m_pp", "Comments", "") == [
        "image",
        "patient",
        "mpp",
        "note",
        "",
    ]


@pytest.mark.parametrize(
    ("head", "meant"), [("pixel size", "mpp"), ("Case ID", "patient"), ("patiemt", "patient")]
)
def test_a_head_of_others_is_asked_about(head: str, meant: str) -> None:
    with pytest.raises(SourceError, match=f"did you mean {meant} by '{head}'"):
        columns("image", head)


def test_a_column_that_is_there_twice_is_named() -> None:
    with pytest.raises(SourceError, match=r"'mpp' is there twice \(MPP, mpp\)"):
        columns("image", "MPP", "mpp")
    assert columns("image", "grade", others=True) == ["image", "grade"]
