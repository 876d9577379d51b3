"""Which objects of a bucket are slides, by their keys alone."""

import re

import pytest

from breastseg.cloud.address import Address
from breastseg.images import UNREAD_SUFFIXES
from breastseg.inference.listing import flaw_of, unread


@pytest.mark.parametrize("key", ["a.svs", "in/a.TIF", "a.ome.tif", "a.png"])
def test_a_picture_or_slide_has_no_flaw(key: str) -> None:
    assert flaw_of(Address("s3", "bucket", key)) == ""


@pytest.mark.parametrize(
    ("key", "fact"),
    [
        ("a.mrxs", "several files"),
        ("a.DCM", "several files"),
        ("a.csv", "wanted .*.svs"),
        ("a", "no image"),
    ],
)
def test_what_cannot_be_a_slide_says_why(key: str, fact: str) -> None:
    assert re.search(fact, flaw_of(Address("s3", "bucket", key)))


def test_a_kind_that_no_reader_takes_is_to_be_converted() -> None:
    for suffix, kind in UNREAD_SUFFIXES.items():
        assert unread(f"a{suffix}").startswith(kind)
        assert "convert" in unread(f"A{suffix.upper()}")
    assert unread("a.svs") == ""
    assert unread("notes.txt") == ""
