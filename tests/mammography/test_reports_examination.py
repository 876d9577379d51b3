"""Which breast an examination is of."""

from breastseg.mammography.reports.examination import examined_side
from breastseg.mammography.reports.layout import lay_out


def side(text: str) -> str | None:
    laid = lay_out(text)
    found = examined_side(laid.sections, laid.sentences)
    return None if found is None else found.value


def test_one_breast_and_both() -> None:
    assert side("EXAM: Right diagnostic mammogram.\nFINDINGS: Left mass.") == "R"
    assert side("TECHNIQUE: Left CC and MLO views.\nFINDINGS: Mass.") == "L"
    assert side("EXAM: Bilateral mammogram.") is None
    assert side("EXAM: Left mammogram.\nTECHNIQUE: Right CC.") is None


def test_findings_say_nothing_of_it() -> None:
    assert side("FINDINGS: Mass in the left breast.") is None


def test_the_place_is_that_of_the_word() -> None:
    text = "EXAM: Right diagnostic mammogram."
    laid = lay_out(text)
    found = examined_side(laid.sections, laid.sentences)
    assert found is not None
    assert text[found.start : found.end] == "Right"
