"""Mirrors by name."""

import pytest

from breastseg.errors import InputError
from breastseg.transfer.places import Place, find_place

PLACES = {
    "hub": Place("hub", "https://example.org/hub", "all of it"),
    "annotators": Place("annotators", "https://example.org/own", "regions"),
}


def test_a_mirror_is_found_by_its_name() -> None:
    assert find_place(PLACES, "annotators") is PLACES["annotators"]


def test_an_unknown_mirror_lists_the_known() -> None:
    with pytest.raises(InputError, match="--mirror Hub: not known; wanted hub, annotators"):
        find_place(PLACES, "Hub")
