"""Sections, sentences and the side of a heading."""

import random

import pytest

from breastseg.mammography.reports.layout import lay_out


def sentences(text: str) -> list[tuple[str, str]]:
    return [(one.section, one.text) for one in lay_out(text).sentences]


def test_headings_begin_sections() -> None:
    assert sentences("FINDINGS: A mass. A cyst.\nIMPRESSION:\nBenign.") == [
        ("findings", "FINDINGS:"),
        ("findings", "A mass."),
        ("findings", "A cyst."),
        ("impression", "IMPRESSION:"),
        ("impression", "Benign."),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("About approx. 3 of them. Two.", 2),
        ("See e.g. the mass.", 1),
        ("A mass. b is small.", 1),
        ("Stable since 12. A cyst.", 2),
        ("1. A mass.", 1),
        ("A mass of the\nleft breast.", 1),
        ("A mass.\nA cyst.", 2),
    ],
)
def test_where_sentences_end(text: str, number: int) -> None:
    assert len(sentences(text)) == number


def test_nothing_but_blanks_is_lost() -> None:
    draw = random.Random(0)
    pieces = ["FINDINGS:", "A mass", ". ", "\n", "\n\n", "e.g. ", "LEFT BREAST:", "1. ", "|", " x"]
    for _ in range(200):
        text = "".join(draw.choice(pieces) for _ in range(12))
        laid = lay_out(text)
        covered = [False] * len(text)
        for sentence in laid.sentences:
            assert text[sentence.start : sentence.end] == sentence.text
            for place in range(sentence.start, sentence.end):
                assert not covered[place]
                covered[place] = True
        lost = {letter for letter, is_in in zip(text, covered, strict=True) if not is_in}
        assert lost <= set(" \n")
        assert len(laid.context) == len(laid.sentences)


def test_the_side_of_a_heading_holds_until_the_next_section() -> None:
    laid = lay_out("LEFT BREAST:\nA mass.\nRIGHT BREAST:\nA cyst.\nIMPRESSION: Benign.")
    sides = [side[0] if side else None for side in laid.context]
    assert sides == ["L", "L", "R", "R", None, None]


def test_a_text_without_a_stop_is_cut() -> None:
    found = sentences("word " * 1000)
    assert len(found) > 1
    assert max(len(text) for _, text in found) <= 1500
