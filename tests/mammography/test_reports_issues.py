"""The codes of issues."""

from breastseg.mammography.reports.issues import CODES, issue
from breastseg.mammography.reports.values import Source, Word


def test_an_issue_keeps_the_places_that_there_are() -> None:
    made = issue("missing-side", "Of which side?", Word(3, 7, 1, "mass"), None, Source(9, 12, 2))
    assert made.sources == (Source(3, 7, 1), Source(9, 12, 2))
    assert type(made.sources[0]) is Source
    assert issue("missing-density", "None.").sources == ()


def test_codes_are_words_with_a_meaning() -> None:
    for code, meaning in CODES.items():
        assert code == code.lower().replace(" ", "-")
        assert meaning
    assert len(set(CODES.values())) == len(CODES)
