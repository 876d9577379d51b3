"""Temporary files leave no trace."""

import tempfile
from pathlib import Path

import pytest

from breastseg.cli import main
from breastseg.files.temporary import nameless_file, settle_temporary_folder


def test_a_nameless_file_leaves_no_trace_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python writes a file of a chance name to find out where temporary files may lie; a kill left
    it there."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(
        "tempfile._get_default_tempdir", lambda *_: pytest.fail("asked where temporary files lie")
    )
    with nameless_file() as file:
        file.write(b"a")
        assert list(tmp_path.iterdir()) == []


def test_the_command_line_settles_where_temporary_files_lie_before_a_library_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(
        "tempfile._get_default_tempdir", lambda *_: pytest.fail("asked where temporary files lie")
    )
    with pytest.raises(SystemExit):
        main(["--version"])
    assert tempfile.gettempdir() == str(tmp_path)


def test_the_first_folder_that_can_be_written_to_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setenv("TEMP", "")
    monkeypatch.setenv("TMP", str(tmp_path))
    settle_temporary_folder()
    assert tempfile.tempdir == str(tmp_path)
    monkeypatch.setenv("TMP", "/")
    settle_temporary_folder()
    assert tempfile.tempdir == str(tmp_path), "what is settled stays"
