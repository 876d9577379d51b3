"""Whether a text is an English report of the breast."""

import pytest

from breastseg.errors import InputError
from breastseg.mammography.reports.fitness import check_language, check_organ

ENGLISH = "There is no suspicious mass in the left breast. Routine screening is recommended."
GERMAN = "Die Brust ist ohne Befund, kein Herd links und rechts, mit der Kontrolle zur Vorsorge."


def test_english_is_read_and_german_is_named() -> None:
    check_language(ENGLISH, "one.txt")
    with pytest.raises(InputError, match=r"one\.txt: .*German"):
        check_language(GERMAN, "one.txt")


@pytest.mark.parametrize("text", ["12345 ...", ""])
def test_no_words(text: str) -> None:
    with pytest.raises(InputError, match="no words"):
        check_language(text, "one.txt")


def test_words_of_every_language_say_nothing() -> None:
    check_language("BI-RADS ACR normal", "one.txt")


def test_another_organ_is_named() -> None:
    check_organ(ENGLISH, "one.txt")
    with pytest.raises(InputError, match="lungs, liver"):
        check_organ("Lungs clear. Liver normal. Lungs, liver.", "one.txt")
    with pytest.raises(InputError, match="no word of the breast"):
        check_organ("All is well.", "one.txt")


def test_a_mammogram_that_also_speaks_of_other_organs_is_one() -> None:
    organs = "Chest, heart, liver, spine, lungs. "
    check_organ(organs + "Mammogram of the breast.", "one.txt")
    with pytest.raises(InputError, match="something else"):
        check_organ(organs + "The breast.", "one.txt")
