"""A file that was exchanged is noticed."""

import hashlib
import os
from pathlib import Path

import pytest

from breastseg.files import (
    fingerprint,
    fingerprints,
    seen,
    sha256_of,
)


def test_sha256_of_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_file_is_seen_to_change(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"whole image")
    before = seen(path)
    os.utime(path, (1, 1))
    assert seen(path) == before, "all of a small file is read, its time says nothing more"
    path.write_bytes(b"whole pic")
    assert seen(path) != before
    path.unlink()
    with pytest.raises(FileNotFoundError):
        seen(path)


def test_a_slide_with_its_pixels_beside_it_is_seen_to_change(tmp_path: Path) -> None:
    """The fingerprint of an MRXS slide was that of its small header alone."""
    slide, data = tmp_path / "a.mrxs", tmp_path / "a" / "Data0001.dat"
    slide.write_bytes(b"header")
    data.parent.mkdir()
    data.write_bytes(b"pixels")
    before, seen_before = fingerprint(slide), seen(slide)
    data.write_bytes(b"more pixels")
    assert fingerprint(slide) != before
    data.write_bytes(b"others")
    os.utime(data, (1, 1))
    assert fingerprint(slide) == before, "names and sizes alone"
    assert seen(slide) != seen_before


def test_of_a_large_file_the_size_and_the_ends_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_END_BYTES", 4)
    path = tmp_path / "a.svs"
    path.write_bytes(b"head.middle.tail")
    os.utime(path, (1, 1))
    before = seen(path)
    assert before.fingerprint == hashlib.sha256(b"16" + b"head" + b"tail").hexdigest()
    assert before.changed_ns == (10**9,), "the time speaks for what is not read"
    for other in (b"Head.middle.tail", b"head.middle.Tail", b"head.tail"):
        path.write_bytes(other)
        assert fingerprint(path) != before.fingerprint
    path.write_bytes(b"head.MIDDLE.tail")
    os.utime(path, (2, 2))
    assert fingerprint(path) == before.fingerprint
    assert seen(path) != before


def test_a_file_of_exactly_two_ends_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_END_BYTES", 4)
    path = tmp_path / "a.svs"
    path.write_bytes(b"headtail")
    assert fingerprint(path) == sha256_of(path)
    assert seen(path).changed_ns == ()


def test_a_folder_is_its_names_and_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "c").write_bytes(b"12")
    first = fingerprint(folder)
    (folder / "0" / "c").write_bytes(b"34")
    assert fingerprint(folder) == first
    (folder / "0" / "c").rename(folder / "0" / "d")
    assert fingerprint(folder) != first
