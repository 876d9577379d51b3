"""Findings that contradict the category, a place, a size or a denial."""

import pytest

from breastseg.mammography.reports.finding_checks import check_findings
from report_texts import codes, read

GOOD = (
    "FINDINGS: ACR b. Irregular 9 mm mass in the left breast at 2 o'clock.\nIMPRESSION: "
    "BI-RADS 4. Biopsy is recommended."
)


def test_a_limited_denial_contradicts_nothing():
    assert "present-and-absent" not in codes(
        GOOD.replace("2 o'clock.", "2 o'clock. No other mass.")
    )


MASS = "FINDINGS: ACR b. Oval mass in the left breast{}.\nIMPRESSION: BI-RADS 2."


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("", None),
        (" with spiculated margins", "category-finding"),
        (" at 2 o'clock, upper outer quadrant", None),
        (" at 2 o'clock, upper inner quadrant", "place-contradiction"),
        (", increased, 12 mm, previously 9 mm", None),
        (", unchanged, 12 mm, previously 11 mm", None),
        (", unchanged, 12 mm, previously 9 mm", "change-contradiction"),
        (", decreased, 12 mm, previously 9 mm", "change-contradiction"),
    ],
)
def test_one_finding(more: str, code: str | None) -> None:
    found = [one.code for one in check_findings(read(MASS.format(more)))]
    assert found == ([code] if code else [])


def test_a_denial_of_the_other_side_contradicts_nothing() -> None:
    other = MASS.format(". No mass in the right breast")
    same = MASS.format(". No mass in the left breast")
    assert check_findings(read(other)) == []
    assert [one.code for one in check_findings(read(same))] == ["present-and-absent"]
