"""Aperio's description: what is kept, and what is told of the rest."""

import pytest

from breastseg.privacy.aperio_text import clean_description, is_label_or_macro
from breastseg.privacy.findings import Finding
from private_slides import (
    SAID,
)


def test_a_description_keeps_sizes_and_numbers_alone() -> None:
    head = "Aperio Image Library v11.2.1 \r\n640x512 [0,0 640x512] (64x64) JPEG/RGB Q=30"
    text, _ = clean_description(head + SAID, "image 0")
    assert text == head.replace(" \r", "\r") + "|AppMag = 20|MPP = 0.4990|Left = 25.691574"
    text, found = clean_description("Aperio Miller v1.2.3\r\n64x64 Miller|MPP = Miller", "")
    assert text == "Aperio\r\n64x64"
    assert [one.kind for one in found] == ["text in its first lines", "not a number"]


@pytest.mark.parametrize(
    ("part", "tag", "kind"),
    [
        ("Date = 12/29/09", "Date", "date"),
        ("User=dr", "User", "name of a person"),
        ("S09-1234 = yes", "(a part that is not known)", "unknown"),
        ("MPP = 0.25 Miller", "MPP", "not a number"),
        ("AppMag = ٤٠", "AppMag", "not a number"),
    ],
)
def test_a_part_that_goes_is_told_without_its_value(part: str, tag: str, kind: str) -> None:
    text, found = clean_description(f"Aperio|{part}", "image 0")
    assert text == "Aperio"
    assert found == [Finding("image 0", f"ImageDescription |{tag}", kind)]


def test_generations_of_a_picture_keep_their_sizes() -> None:
    text = (
        "Aperio Image Library v10.0.50\r\n46920x33014 [0,100 46000x32914] (256x256) -> 500x357"
        " JPEG/RGB Q=70;Aperio Image Library v10.0.50\r\n46920x33014 [0,100] of Miller"
    )
    kept, _ = clean_description(text, "x")
    first, second = kept.split(";")
    assert "46000x32914" in first
    assert "-> 500x357" in first
    assert "JPEG/RGB Q=70" in first
    assert second == "Aperio Image Library v10.0.50\r\n46920x33014"


def test_a_description_of_nothing_known_still_begins_as_aperios() -> None:
    assert clean_description("of Miller", "x")[0] == "Aperio"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("x\r\nlabel 60x40", True), ("Macro", True), ("labelled", False), ("46000x32914", False)],
)
def test_a_label_says_that_it_is_one(text: str, is_one: bool) -> None:
    assert is_label_or_macro(text) is is_one
