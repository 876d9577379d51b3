"""What a sentence denies, and how far."""

import pytest

from breastseg.mammography.reports.negation import Denials, clauses
from report_texts import read, said


@pytest.mark.parametrize(
    ("sentence", "denied", "present"),
    [
        ("No mass, calcification or distortion in the breast.", 3, 0),
        ("No evidence of a mass in the breast.", 1, 0),
        ("Calcifications are not seen in the breast.", 1, 0),
        ("The breast is without skin thickening.", 1, 0),
        ("Neither breast shows a mass.", 1, 0),
        ("No mass in the right breast, but a cyst in the left breast.", 1, 1),
        ("No mass; there is a cyst in the left breast.", 1, 1),
        ("No calcifications apart from a cyst in the left breast.", 1, 1),
        ("The mass in the left breast shows no change.", 0, 1),
        ("No significant change of the mass in the left breast.", 0, 1),
        ("The mass in the left breast was not seen in 2019.", 0, 1),
        ("A mass in the left breast cannot be excluded.", 0, 1),
        ("Left breast mass: no.", 1, 0),
    ],
)
def test_negation_and_its_end(sentence, denied, present):
    report = read(f"FINDINGS: {sentence}")
    assert (len(report.absent), len(report.findings)) == (denied, present)


def test_a_sentence_later_nothing_is_denied_any_more():
    assert said("FINDINGS: No mass. Calcifications in the left breast.") == [
        {"kind": "calcification", "side": "L"}
    ]


def test_the_cue_that_denies_a_word() -> None:
    text = "No mass, but a cyst."
    denials = Denials(text, 0, len(text))
    assert denials.of(text.index("mass")) == (0, 2)
    assert denials.of(text.index("cyst")) is None


def test_a_denial_behind_reaches_back_to_the_start_of_its_part() -> None:
    text = "A cyst; calcifications are not seen."
    denials = Denials(text, 0, len(text))
    cue = denials.of(text.index("calcifications"))
    assert cue is not None
    assert text[slice(*cue)] == "are not seen"
    assert denials.of(text.index("cyst")) is None


def test_clauses_have_no_gap_and_no_overlap() -> None:
    text = "A mass in the left; a cyst, however in the right."
    parts = clauses(text, 0, len(text))
    assert "".join(text[first:last] for first, last in parts) == text
    assert len(parts) == 3
