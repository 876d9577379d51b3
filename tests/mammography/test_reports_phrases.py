"""Tables of phrases: every one can be matched, and none twice."""

import pytest

from breastseg.mammography.reports import phrases
from breastseg.mammography.reports.matching import (
    find,
    has,
)

TABLES = {
    name: value
    for name, value in vars(phrases).items()
    if name.isupper() and isinstance(value, tuple) and value
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_each_phrase_is_a_pattern_and_stands_once(name: str) -> None:
    ways = TABLES[name]
    assert len(set(ways)) == len(ways)
    for way in ways:
        assert not has((way,), "", 0, 0)


def test_advice_has_a_way_for_each_kind() -> None:
    for kind in phrases.STANDS_ALONE:
        assert kind in phrases.ADVICE
    text = "core biopsy, FNA, spot compression views, targeted ultrasound, MRI"
    found = [mark.value for mark in find(phrases.ADVICE, text, 0, len(text))]
    assert found == ["biopsy", "aspiration", "additional views", "ultrasound", "MRI"]


def test_numbers_are_words_in_order() -> None:
    assert list(phrases.NUMBER_WORDS.values()) == list(range(1, 13))
    assert {phrases.EVERY_MONTHS["annual"], phrases.EVERY_MONTHS["yearly"]} == {12}
