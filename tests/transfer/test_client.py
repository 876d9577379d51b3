"""One file is fetched whole and checked, or not at all; what is here is gone on with."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.transfer import connection
from breastseg.transfer.client import fetch, get_json, is_whole
from breastseg.transfer.connection import opener_for
from breastseg.transfer.remote import Remote
from mirror_server import Mirror, answer, cut_after, exchange, rest_from, running_mirror

DATA = bytes(range(256)) * 400
SHA256 = hashlib.sha256(DATA).hexdigest()
OPENER = opener_for(("127.0.0.1",))


@pytest.fixture(scope="module")
def server() -> Iterator[Mirror]:
    with running_mirror() as mirror:
        yield mirror


@pytest.fixture
def mirror(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """The server, with one file on it and nothing asked of it yet."""
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    server.files = {"/a": DATA}
    server.faults, server.asked = {}, []
    server.ranges = server.tagged = server.lengths = True
    server.weak = False
    return server


def remote(mirror: Mirror, **more: object) -> Remote:
    return Remote("a", f"{mirror.address}/a", limit=10**6, **more)  # type: ignore[arg-type]


def fetched(mirror: Mirror, folder: Path, **more: object) -> list[int]:
    """Fetch the file; return what progress was told."""
    told: list[int] = []
    fetch(remote(mirror, **more), folder / "a", OPENER, on_progress=told.append)
    return told


def test_a_file_appears_whole_and_alone(mirror: Mirror, tmp_path: Path) -> None:
    told = fetched(mirror, tmp_path, size=len(DATA), sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert sum(told) == len(DATA)


def test_what_broke_is_gone_on_with(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["/a"] = [cut_after(1000), cut_after(5000), answer(503)]
    told = fetched(mirror, tmp_path)
    assert (tmp_path / "a").read_bytes() == DATA
    assert [span for _, span in mirror.asked][:2] == ["", "bytes=1000-"]
    assert sum(told) == len(DATA)


def test_a_server_without_ranges_or_lengths_begins_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.ranges = False
    mirror.faults["/a"] = [cut_after(1000)]
    told = fetched(mirror, tmp_path)
    assert (tmp_path / "a").read_bytes() == DATA
    assert -1000 in told, "progress hears what was in vain"
    assert sum(told) == len(DATA)
    mirror.lengths = False
    (tmp_path / "a").unlink()
    fetched(mirror, tmp_path)
    assert (tmp_path / "a").read_bytes() == DATA


def test_parts_of_two_files_are_not_put_together(mirror: Mirror, tmp_path: Path) -> None:
    other = DATA[::-1]
    mirror.faults["/a"] = [cut_after(1000), exchange(other)]
    fetched(mirror, tmp_path)
    assert (tmp_path / "a").read_bytes() == other


def test_a_wrong_answer_to_a_range_is_noticed_by_the_checksum(
    mirror: Mirror, tmp_path: Path
) -> None:
    """It says that it goes on where the part ends, and sends something else: fetched once more."""
    mirror.faults["/a"] = [cut_after(1000), rest_from(2000, len(DATA))]
    fetched(mirror, tmp_path, sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sha256": "0" * 64}, r"wrong checksum: SHA-256 .*, wanted 0000000000000000"),
        ({"png": True}, "not a PNG"),
        ({"size": 5}, f"{len(DATA)} bytes there, wanted 5"),
    ],
)
def test_another_file_than_was_promised_is_not_kept(
    mirror: Mirror, tmp_path: Path, more: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fetched(mirror, tmp_path, **more)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("lengths", [True, False])
def test_a_file_over_its_limit_is_not_kept(mirror: Mirror, tmp_path: Path, lengths: bool) -> None:
    mirror.lengths = lengths
    small = Remote("a", f"{mirror.address}/a", limit=len(DATA) - 1)
    with pytest.raises(InputError, match=f"{len(DATA) - 1}"):
        fetch(small, tmp_path / "a", OPENER, on_progress=lambda count: None)
    assert not list(tmp_path.iterdir())


def test_whole_is_what_has_the_promised_size_and_checksum(mirror: Mirror, tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert not is_whole(remote(mirror), path)
    path.write_bytes(DATA)
    assert is_whole(remote(mirror, size=len(DATA), sha256=SHA256), path)
    assert not is_whole(remote(mirror, size=len(DATA) + 1), path)
    assert not is_whole(remote(mirror, sha256="0" * 64), path)
    assert not is_whole(remote(mirror, png=True), path)


def test_a_listing_is_read_with_its_link(mirror: Mirror) -> None:
    mirror.files["/list"] = b'{"files": [1]}'
    assert get_json(f"{mirror.address}/list", OPENER) == ({"files": [1]}, "")
    mirror.files["/list"] = b"<html>"
    with pytest.raises(InputError, match="the answer is not JSON"):
        get_json(f"{mirror.address}/list", OPENER)
