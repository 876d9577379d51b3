"""A folder belongs to one run at a time."""

import errno
from pathlib import Path

import pytest

from breastseg.errors import OutputError
from breastseg.files import own_folder
from breastseg.files.locks import held_across, held_file, held_folder
from breastseg.files.names import LOCK


def test_a_folder_is_one_runs_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    busy = "out: another run is writing there now; wait for it or choose another folder"
    with own_folder(out, "train", {}) as goes_on:
        assert goes_on is False
        with pytest.raises(OutputError, match=busy), own_folder(out, "prepare", {"other": 1}):
            pass
        with pytest.raises(OutputError, match=busy), held_folder(out):
            pass
    with own_folder(out, "train", {}) as goes_on:
        assert goes_on is True


def test_a_lock_file_is_made_where_it_is_missing_and_held_once(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with held_file(path, "the table"):
        assert path.exists()
        with (
            pytest.raises(OutputError, match="the table: another run"),
            held_file(path, "the table"),
        ):
            pass
    with held_file(path, "the table"):
        pass


def test_a_hold_against_other_machines_keeps_this_ones_runs_out_too(tmp_path: Path) -> None:
    with held_across(tmp_path):
        assert (tmp_path / LOCK).exists(), "what a network file system tells other machines of"
        with pytest.raises(OutputError, match="another run"), held_folder(tmp_path):
            pass
        with pytest.raises(OutputError, match="another run"), held_file(tmp_path / LOCK, "x"):
            pass


def test_an_error_inside_lets_go_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), held_folder(tmp_path):
        raise KeyError("x")
    with held_folder(tmp_path):
        pass


def test_a_file_system_without_locks_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lustre as some mount it: the run goes on, and a person has to keep a second one away."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.warns(UserWarning, match="no locks"), held_folder(tmp_path):
        pass
