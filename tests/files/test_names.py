"""A name that fits every system."""

import os

import pytest

from breastseg.files.names import fit_name


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("slide 1.svs", "slide 1.svs"),
        ("Präparat-µm", "Präparat-µm"),
        ("日本", "日本"),
        ("a/b\\c:d", "a%2Fb%5Cc%3Ad"),
        ('<a>|?*"', "%3Ca%3E%7C%3F%2A%22"),
        (".hidden", "%2Ehidden"),
        ("a.b", "a.b"),
        ("ends in a dot.", "ends in a dot%2E"),
        ("ends in a blank ", "ends in a blank%20"),
        ("two\nlines\x85", "two%0Alines%C2%85"),
        ("con", "%63on"),
        ("LPT1.svs", "%4CPT1.svs"),
        ("console", "console"),
        ("com10", "com10"),
        ("", ""),
    ],
)
def test_a_name_is_made_fit_for_every_system(name: str, fit: str) -> None:
    assert fit_name(name) == fit
    assert fit_name(fit) == fit, "a fit name stays"


def test_a_byte_that_is_no_utf8_is_written_as_that_byte() -> None:
    assert fit_name(os.fsdecode(b"pr\xe4parat")) == "pr%E4parat"


def test_half_a_letter_of_another_kind_has_its_own_bytes() -> None:
    """Only the surrogates of 0xdc80 to 0xdcff stand for bytes."""
    assert fit_name("a\ud83d") == "a%ED%A0%BD"
