"""Categories, densities and scores: expected values are worked out by hand."""

import pytest

from breastseg.mammography.reports.assessment import (
    choose_category,
    find_categories,
    find_densities,
    find_scores,
)
from breastseg.mammography.reports.layout import lay_out
from report_texts import read


@pytest.mark.parametrize(
    ("said_so", "category"),
    [
        ("BI-RADS 2", "2"), ("BIRADS: 4a", "4a"), ("ACR BI-RADS Category 4 B",
        "4b"), ("BI-RADS IV-C", "4c"),
        ("BI-RADS category five", "5"), ("BI-RADS V", "5"), ("Category 0",
        "0"), ("Final assessment: 3", "3"),
        ("BI-RADS Final Assessment Category: 1", "1"), ("highly suggestive of malignancy", "5"),
        ("Probably benign findings", "3"), ("Known biopsy-proven malignancy", "6"),
        ("BI-RADS\n 6", "6"), ("BI-RADS density c", None), ("previously BI-RADS 3", None),
        ("4 mm", None), ("benign cyst", None),
    ],
)  # fmt: skip
def test_category(said_so, category):
    report = read(f"FINDINGS: The breast tissue.\nIMPRESSION: {said_so}.")
    assert (report.category.value.value if report.category else None) == category


def test_category_of_each_side_and_the_higher_one_counts():
    report = read("IMPRESSION: BI-RADS right 2, left 4A for the breast.")
    sided = {one.side.value: one.value.value for one in report.categories if one.side}
    assert sided == {"R": "2", "L": "4a"}
    assert report.category is not None
    assert report.category.value.value == "4a"


def test_an_explained_scale_is_no_category():
    legend = "BI-RADS: 0 incomplete, 1 negative, 2 benign, 3 probably benign, 4 suspicious."
    report = read(f"FINDINGS: The breast.\nIMPRESSION: BI-RADS 2.\n\n{legend}")
    assert [one.value.value for one in report.categories] == ["2"]
    assert "scale" in report.notes[0]


def test_addendum_overrules_the_impression():
    report = read("IMPRESSION: The breast: BI-RADS 0.\n\nADDENDUM: Now BI-RADS 2.")
    assert report.category is not None
    assert report.category.value.value == "2"


@pytest.mark.parametrize(
    ("said_so", "density"),
    [
        ("almost entirely fatty", "a"), ("scattered areas of fibroglandular density", "b"),
        ("heterogeneously\ndense", "c"), ("extremely dense", "d"), ("Breast density: B",
        "b"), ("ACR c", "c"),
        ("density category 4", "d"), ("type 2 breast density", "b"), ("BI-RADS density a", "a"),
        ("The density is a concern", None), ("a mass of high density 3 mm", None),
    ],
)  # fmt: skip
def test_density(said_so, density):
    densities = read(f"FINDINGS: The breasts. {said_so}.").densities
    assert [one.value.value for one in densities] == ([density] if density else [])


def test_british_scores_are_not_converted():
    report = read("REPORT: Mass in the left breast.\nOPINION: M5. Biopsy advised.")
    assert report.category is None
    assert [one.value for one in report.scores] == ["M5"]


def test_each_part_by_itself() -> None:
    text = "FINDINGS: Dense, ACR c.\nIMPRESSION: M3. BI-RADS 2 left. BI-RADS 4b right."
    laid = lay_out(text)
    categories, notes = find_categories(text, laid)
    found = [(one.value.value, one.side.value if one.side else None) for one in categories]
    assert found == [("2", "L"), ("4b", "R")]
    assert notes == []
    chosen = choose_category(categories, laid)
    assert chosen is not None
    assert text[chosen.value.start : chosen.value.end] == "4b"
    (density,) = find_densities(text, laid)
    assert (density.value.value, density.form) == ("c", "letter")
    (score,) = find_scores(laid)
    assert text[score.start : score.end] == score.value == "M3"


def test_a_category_of_the_comparison_is_an_earlier_one() -> None:
    text = "COMPARISON: BI-RADS 4.\nIMPRESSION: BI-RADS 1."
    laid = lay_out(text)
    categories, _ = find_categories(text, laid)
    assert [(one.value.value, one.prior) for one in categories] == [("4", True), ("1", False)]
    chosen = choose_category(categories, laid)
    assert chosen is not None
    assert chosen.value.value == "1"
    assert choose_category(categories[:1], laid) is None
