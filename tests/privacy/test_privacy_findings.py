"""What a slide gives away, and the proof that its pixels were not touched."""

import hashlib
from pathlib import Path

import pytest

from breastseg.errors import ImageError
from breastseg.privacy import findings
from breastseg.privacy.findings import Finding, Level, check_same, hash_of, pieces

LEVEL = Level("image 0", 320, 256, 20, 1000, "ab" * 32)


def test_a_stretch_of_a_file_comes_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "PIECE_BYTES", 4)
    (tmp_path / "a").write_bytes(b"0123456789")
    with (tmp_path / "a").open("rb") as file:
        assert list(pieces(file, 1, 9)) == [b"1234", b"5678", b"9"]
        assert list(pieces(file, 3, 0)) == []
        assert hash_of(file, 1, 6) == hashlib.sha256(b"123456").digest()
        with pytest.raises(ImageError, match="ends before its pixels do"):
            list(pieces(file, 8, 3))


def test_equal_proofs_pass_and_any_other_throws_the_copy_away() -> None:
    check_same([LEVEL], [LEVEL], "a.svs")
    other = Level("image 0", 320, 256, 20, 1000, "cd" * 32)
    for before, after in (([LEVEL], [other]), ([LEVEL], []), ([], []), ([LEVEL], [LEVEL, LEVEL])):
        with pytest.raises(ImageError, match=r"a\.svs: .* nothing was kept"):
            check_same(before, after, "a.svs")


def test_rows_have_the_names_of_the_tables() -> None:
    assert list(Finding("file name", "name", "x").row()) == ["place", "tag", "kind"]
    assert list(LEVEL.row()) == ["level", "width_px", "height_px", "tiles", "bytes", "sha256"]
