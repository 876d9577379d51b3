"""What a report advises."""

import pytest

from breastseg.mammography.reports.layout import lay_out
from breastseg.mammography.reports.recommendations import find_recommendations
from report_texts import read


@pytest.mark.parametrize(
    ("advice", "kind", "months"),
    [
        ("Annual screening mammography.", "routine screening", 12),
        ("Screening mammogram in 2 years.", "routine screening", 24),
        ("Follow-up in six months.", "short-interval follow-up", 6),
        ("Stereotactic biopsy is recommended.", "biopsy", None),
        ("Spot compression views.", "additional views", None),
        ("Prior mammograms are requested.", "compare with priors", None),
        ("Consider MRI.", "MRI", None),
    ],
)
def test_recommendation(advice, kind, months):
    (one,) = read(f"FINDINGS: The breast.\nRECOMMENDATION: {advice}").recommendations
    assert one.kind.value == kind
    assert (one.months.value if one.months else None) == months


@pytest.mark.parametrize(
    "sentence",
    [
        "No biopsy is needed.",
        "Biopsy-proven fibroadenoma.",
        "Status post biopsy.",
        "Biopsy is not recommended.",
    ],
)
def test_no_biopsy_is_advised(sentence):
    report = read(f"FINDINGS: The left breast.\nIMPRESSION: BI-RADS 2. {sentence}")
    assert [one for one in report.recommendations if one.kind.value == "biopsy"] == []


def test_each_advice_has_the_side_of_its_part() -> None:
    text = "RECOMMENDATION: Biopsy of the left breast; ultrasound of the right breast in 6 months."
    first, second = find_recommendations(text, lay_out(text))
    assert first.side is not None
    assert second.side is not None
    assert second.months is not None
    assert (first.kind.value, first.side.value, first.months) == ("biopsy", "L", None)
    assert (second.kind.value, second.side.value) == ("ultrasound", "R")
    assert second.months.value == 6


def test_the_same_advice_twice_is_one() -> None:
    text = "IMPRESSION: Biopsy is recommended.\nRECOMMENDATION: Biopsy of the left breast."
    (one,) = find_recommendations(text, lay_out(text))
    assert one.side is not None
    assert one.side.value == "L"
