"""What is missing in a report or contradicts itself."""

from dataclasses import replace

import pytest

from breastseg.mammography.reports.findings import find_findings
from breastseg.mammography.reports.layout import lay_out
from breastseg.mammography.reports.vetting import vet
from report_texts import codes, read

GOOD = (
    "FINDINGS: ACR b. Irregular 9 mm mass in the left breast at 2 o'clock.\nIMPRESSION: "
    "BI-RADS 4. Biopsy is recommended."
)


def test_a_good_report_has_no_issue():
    assert codes(GOOD) == set()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("BI-RADS 4. ", "", "missing-category"),
        ("ACR b. ", "", "missing-density"),
        ("in the left breast ", "", "missing-side"),
        (" Biopsy is recommended.", "", "missing-recommendation"),
        ("9 mm", "9 x 8", "size-without-unit"),
        ("BI-RADS 4.", "Mass in the right breast. BI-RADS 4.", "side-contradiction"),
        ("Biopsy is", "Biopsy of the right breast is", "side-contradiction"),
        ("FINDINGS:", "TECHNIQUE: Right CC and MLO.\nFINDINGS:", "side-contradiction"),
        ("2 o'clock.", "2 o'clock, BI-RADS 3.", "category-contradiction"),
        ("BI-RADS 4.", "BI-RADS 4, probably benign.", "category-words"),
        ("BI-RADS 4", "BI-RADS 2", "category-recommendation"),
        ("Biopsy is", "Annual screening is", "category-recommendation"),
        (
            "BI-RADS 4. Biopsy is recommended.",
            "BI-RADS 2. Follow-up in six months.",
            "category-recommendation",
        ),
        ("BI-RADS 4", "BI-RADS 1", "category-finding"),
        ("ACR b.", "ACR b. Extremely dense.", "density-contradiction"),
        ("2 o'clock", "2 o'clock, lower inner quadrant", "place-contradiction"),
        ("2 o'clock", "2 o'clock, increased, previously 12 mm", "change-contradiction"),
        ("2 o'clock.", "2 o'clock. No mass in the left breast.", "present-and-absent"),
    ],
)
def test_one_fault_one_issue(old, new, code):
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert code in codes(text)


def test_missing_impression():
    text = "HISTORY: Screening.\nFINDINGS: The breast is dense. No mass."
    assert "missing-impression" in codes(text)


def test_issue_points_to_both_places():
    text = GOOD.replace("BI-RADS 4.", "Mass in the right breast. BI-RADS 4.")
    (one,) = [one for one in read(text).issues if one.code == "side-contradiction"]
    assert [text[place.start : place.end] for place in one.sources] == ["left", "right"]
    assert one.message == "In the findings it is left, in the impression right."


def test_no_issue_is_made_of_an_earlier_one() -> None:
    """Issues follow from what was read alone: those that a report has already change nothing."""
    text = GOOD.replace("BI-RADS 4. ", "")
    report = read(text)
    found = find_findings(text, lay_out(text), None)
    assert vet(report, found) == report.issues
    assert vet(replace(report, issues=()), found) == report.issues
