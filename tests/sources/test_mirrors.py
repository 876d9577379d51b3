"""Mirrors of BCSS: each has a listing or is fetched by hand, and what a listing's entry may say."""

import pytest

from breastseg.errors import InputError
from breastseg.sources.bcss import mirrors as places
from breastseg.sources.bcss.mirrors import PLACES, _hub_file, girder_files
from breastseg.transfer.connection import opener_for
from breastseg.transfer.places import find_place


def test_an_unknown_mirror_lists_the_known() -> None:
    with pytest.raises(InputError, match="ftp: not known; wanted hub, girder, drive, hub2, kaggle"):
        find_place(PLACES, "ftp")


def test_a_mirror_has_a_listing_or_is_by_hand() -> None:
    for place in places.PLACES.values():
        assert place.page.startswith("https://")
        assert (place.list_files is None) == bool(place.by_hand)
    files = girder_files(
        opener_for(()),
        address="https://demo.kitware.com/histomicstk/api/v1",
        masks="https://ndownloader.figshare.com/files",
    )
    assert len({file.path for file in files}) == 3 * 151
    assert all(
        file.url.startswith(
            ("https://demo.kitware.com/", "https://ndownloader.figshare.com/files/")
        )
        for file in files
    )
    assert not any("key" in file.url.lower() or "token" in file.url.lower() for file in files)


ENTRY = {"type": "file", "path": "images/a b.png", "size": 7, "lfs": {"oid": "0" * 64}}


def test_an_entry_of_a_listing_becomes_a_file() -> None:
    file = _hub_file(ENTRY, "https://hub/x")
    assert file is not None
    assert (file.path, file.url) == ("images/a b.png", "https://hub/x/images/a%20b.png")
    assert (file.size, file.limit, file.sha256, file.png) == (7, 7, "0" * 64, True)


@pytest.mark.parametrize(
    "changes", [{"type": "directory"}, {"path": ".gitattributes"}, {"path": "x/.hidden"}]
)
def test_folders_and_the_hubs_own_files_are_left_out(changes: dict[str, object]) -> None:
    assert _hub_file({**ENTRY, **changes}, "https://hub/x") is None


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "a.png",
        {"type": "file"},
        {**ENTRY, "size": "7"},
        {**ENTRY, "size": -1},
        {**ENTRY, "size": 10**12},
        {**ENTRY, "lfs": {"oid": "short"}},
        {**ENTRY, "lfs": 3},
    ],
)
def test_an_entry_that_says_too_little_is_refused(entry: object) -> None:
    with pytest.raises(InputError, match="wanted path, size and checksum"):
        _hub_file(entry, "https://hub/x")
