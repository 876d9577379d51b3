"""Which TIFF tags stay."""

import pytest
from tifffile import TIFF

from breastseg.privacy.findings import Finding
from breastseg.privacy.tiff_form import Entry
from breastseg.privacy.tiff_tags import NDPI, STRUCTURE, removed, stays


def entry(code: int, kind: int = 4) -> Entry:
    return Entry(code, kind, 1, bytes(4), b"", None, 4)


@pytest.mark.parametrize("flavour", ["svs", "ndpi", "ome", "tiff"])
def test_tags_of_pixels_stay_and_texts_do_not(flavour: str) -> None:
    for code in STRUCTURE:
        assert stays(entry(code), flavour)
        assert not stays(entry(code, kind=2), flavour), "a text under the number of a size"
    for code in (270, 305, 306, 315, 316, 700, 34665, 65000):
        assert not stays(entry(code), flavour)


def test_hamamatsus_own_tags_stay_in_an_ndpi_alone() -> None:
    for code in NDPI:
        assert stays(entry(code), "ndpi")
        assert not stays(entry(code), "tiff")
    assert stays(entry(271, kind=2), "ndpi"), "readers know the format by its maker"
    assert not stays(entry(65427, kind=2), "ndpi")


def test_every_tag_that_stays_is_one_of_pixels_and_not_of_people() -> None:
    words = ("Name", "Artist", "Host", "Date", "Copyright", "Description", "Software", "Serial")
    for code in STRUCTURE:
        assert not any(word in TIFF.TAGS.get(code, "") for word in words), code


@pytest.mark.parametrize(
    ("code", "tag", "kind"),
    [
        (306, "DateTime", "date and time"),
        (65000, "tag 65000", "private tag: unknown"),
        (500, "tag 500", "unknown"),
    ],
)
def test_what_is_lost_is_told_by_its_name(code: int, tag: str, kind: str) -> None:
    assert removed(code, "image 0") == Finding("image 0", tag, kind)
