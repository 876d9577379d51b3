"""Kinds of findings in one sentence, and what it says of each."""

from breastseg.mammography.reports.mentions import Told, told_by
from breastseg.mammography.reports.values import Sentence, Size
from report_texts import said


def test_adjectives_go_to_their_own_noun():
    text = "FINDINGS: In the left breast an oval 8 mm mass and grouped amorphous calcifications."
    assert said(text) == [
        {"kind": "mass", "side": "L", "shape": "oval", "size_mm": [8.0]},
        {
            "kind": "calcification",
            "side": "L",
            "morphology": "amorphous",
            "distribution": "grouped",
        },
    ]


def test_each_clause_has_its_own_place():
    text = (
        "FINDINGS: There is a mass in the right breast at 10 o'clock, and in the left breast a "
        "cyst at 2 o'clock."
    )
    assert said(text) == [
        {"kind": "mass", "side": "R", "clock": 10.0},
        {"kind": "cyst", "side": "L", "clock": 2.0},
    ]


def test_one_and_the_other_are_two():
    text = (
        "FINDINGS: Two oval masses in the right breast: one at 2 o'clock and one at 8 o'clock. "
        "Both are stable."
    )
    two = said(text)
    assert [one["clock"] for one in two] == [2.0, 8.0]
    assert all(one["shape"] == "oval" and one["change"] == "unchanged" for one in two)


def test_then_and_now():
    text = (
        "FINDINGS: The mass in the left breast now measures 14 x 10 mm, previously 9 x 7 mm, "
        "and is larger."
    )
    (one,) = said(text)
    assert (one["size_mm"], one["earlier_size_mm"], one["change"]) == (
        [14.0, 10.0],
        [9.0, 7.0],
        "increased",
    )


def told(text: str) -> Told:
    return told_by(text, Sentence(0, len(text), "findings", text), 0)


def test_a_sentence_without_a_kind_speaks_on() -> None:
    found = told("It measures 12 mm.")
    size = found.loose["size_mm"]
    assert found.mentions == []
    assert found.speaks_on
    assert isinstance(size, Size)
    assert size.mm == (12.0,)
    assert told("Both are stable.").of_all
    assert told("Size: 12 mm").keyed
    assert not told("Fatty tissue, 12 mm.").speaks_on


def test_one_kind_twice_in_a_breath_is_one_mention() -> None:
    assert len(told("Lymph node (node) in the left axilla.").mentions) == 1
    assert len(told("A mass consistent with a mass.").mentions) == 1
    assert len(told("A mass beside a mass.").mentions) == 2


def test_each_clock_position_of_several_masses_is_one() -> None:
    found = told("Masses in the left breast at 2 o'clock and 5 o'clock.")
    assert [one.said["clock"].value for one in found.mentions] == [2.0, 5.0]
    assert len(told("A mass in the left breast at 2 o'clock.").mentions) == 1


def test_a_size_without_a_unit_is_told() -> None:
    text = "A mass measuring 12 x 9."
    (place,) = told(text).unitless
    assert "12 x 9" in text[place.start : place.end]


def test_the_margin_of_most_concern_counts() -> None:
    text = "A circumscribed, partly spiculated mass."
    (mention,) = told(text).mentions
    assert mention.said["margin"].value == "spiculated"
