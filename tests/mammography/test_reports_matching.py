"""Tables of words -> marks."""

from breastseg.mammography.reports.matching import (
    Mark,
    ends_with,
    expression,
    find,
    has,
    longest,
    spans,
)


def test_a_blank_matches_a_hyphen_and_a_line_break_and_nothing_inside_a_word() -> None:
    pattern = expression(["follow up"])
    assert pattern.search("Follow-up")
    assert pattern.search("follow\nup")
    assert not pattern.search("followup")
    assert not pattern.search("a follow ups")
    assert expression(["follow ?up"]).search("followup")


def test_the_longer_of_two_that_overlap_is_kept() -> None:
    table = {"short": ("lymph",), "long": ("lymph node",), "other": ("node",)}
    assert find(table, "lymph node, node", 0, 16) == [Mark(0, 10, "long"), Mark(12, 16, "other")]
    assert find(table, "lymph node", 0, 5) == [Mark(0, 5, "short")]


def test_of_equally_long_ones_the_first_is_kept() -> None:
    assert longest([Mark(0, 4, "first"), Mark(2, 6, "second")]) == [Mark(0, 4, "first")]
    assert longest([Mark(5, 6, "b"), Mark(0, 5, "a")]) == [Mark(0, 5, "a"), Mark(5, 6, "b")]


def test_phrases_and_signs() -> None:
    assert list(spans((";", "but"), "a; but rebut", 0, 12)) == [(1, 2), (3, 6)]
    assert has(("but",), "all but one", 0, 11)
    assert not has(("but",), "rebuttal", 0, 8)


def test_what_a_text_ends_with() -> None:
    text = "after a recent biopsy"
    end = text.index("biopsy")
    assert ends_with(("recent",), text, 0, end)
    assert not ends_with(("after",), text, 0, end)
    assert ends_with(("after",), text, 0, end, words_between=2)
    assert not ends_with(("after",), "after. A biopsy", 0, 9, words_between=2)
