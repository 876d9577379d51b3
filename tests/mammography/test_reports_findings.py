"""Mentions of all sentences as findings."""

import pytest

from breastseg.mammography.reports.findings import Found, find_findings
from breastseg.mammography.reports.layout import lay_out
from breastseg.mammography.reports.values import Word
from report_texts import read, said


def test_impression_speaks_of_the_same_mass():
    text = (
        "FINDINGS: A mass in the left breast. It measures 12 mm. Its margins are spiculated.\n"
        "IMPRESSION: Suspicious left breast mass."
    )
    (finding,) = read(text).findings
    assert len(finding.mentions) == 2
    assert finding.size_mm is not None
    assert finding.size_mm.mm == (12.0,)
    assert finding.margin is not None


def test_history_and_technique_are_no_findings():
    assert said("HISTORY: Lump in the left breast.\nFINDINGS: The breast is normal.") == []


def test_heading_of_a_side_holds_until_the_next():
    text = "RIGHT BREAST:\nOval mass.\nCyst.\nLEFT BREAST:\nCalcifications."
    assert [one["side"] for one in said(text)] == ["R", "R", "L"]


def found_in(text: str, only_side: Word | None = None) -> Found:
    return find_findings(text, lay_out(text), only_side)


def test_a_side_that_changes_in_the_impression_is_a_clash() -> None:
    text = "FINDINGS: Mass in the left breast.\nIMPRESSION: Mass in the right breast."
    found = found_in(text)
    assert len(found.findings) == 1
    ((first, second),) = found.clashes
    assert text[first.start : first.end] == "left"
    assert text[second.start : second.end] == "right"


def test_the_only_side_is_given_to_what_has_none() -> None:
    (finding,) = found_in("FINDINGS: Oval mass.", Word(0, 1, 0, "R")).findings
    assert finding.side is not None
    assert finding.side.value == "R"
    (finding,) = found_in("FINDINGS: Oval mass.").findings
    assert finding.side is None


@pytest.mark.parametrize(("second", "number"), [("10 mm", 1), ("11 mm", 1), ("13 mm", 2)])
def test_sizes_near_each_other_are_of_one_mass(second: str, number: int) -> None:
    text = f"FINDINGS: Left breast mass of 10 mm.\nIMPRESSION: Left breast mass of {second}."
    assert len(found_in(text).findings) == number


def test_what_is_denied_is_absent() -> None:
    found = found_in("FINDINGS: No mass in the left breast. A cyst in the right breast.")
    assert [one.kind.value for one in found.absent] == ["mass"]
    assert found.absent[0].side is not None
    assert [one.kind.value for one in found.findings] == ["cyst"]
