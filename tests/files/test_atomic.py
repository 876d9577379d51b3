"""Files and folders appear whole or not at all."""

import errno
from pathlib import Path

import pytest

from breastseg.errors import OutputError
from breastseg.files.atomic import (
    remove,
    written,
    written_folder,
)
from breastseg.files.text import write_text


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_written_appears_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with written(target) as beside:
        beside.write_text("half")
        assert not target.exists()
        assert beside.parent == target.parent, "a rename between file systems is not one step"
        assert beside.name == ".part-a.txt"
    assert target.read_text() == "half"
    assert names(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_an_error_keeps_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), written(target) as beside:  # noqa: PT012
        beside.write_text("new, half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("encoder error -2")]
)
def test_a_failed_write_names_its_file(tmp_path: Path, error: OSError) -> None:
    """The system tells that a write failed, not of which file."""
    with (
        pytest.raises(OSError, match=r"No space left on device|encoder error") as caught,
        written(tmp_path / "a.txt"),
    ):
        raise error
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_our_own_errors_go_through_as_they_are(tmp_path: Path) -> None:
    """Some of them are OSErrors too."""
    with pytest.raises(OutputError, match=r"^x: is in use$"), written(tmp_path / "a.txt"):
        raise OutputError("x: is in use")


def test_what_a_kill_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".part-a.txt").write_text("a longer text that a killed run left")
    write_text(tmp_path / "a.txt", "short")
    assert (tmp_path / "a.txt").read_text() == "short"
    assert names(tmp_path) == ["a.txt"]


def test_written_folder_appears_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with written_folder(target) as beside:
        (beside / "card.json").write_text("{}")
        assert not target.exists()
    assert names(target) == ["card.json"]
    assert names(target.parent) == ["model"]


def test_written_folder_starts_empty_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / ".part-model").mkdir()
    (tmp_path / ".part-model" / "stale").write_text("x")
    with written_folder(tmp_path / "model") as beside:
        (beside / "fresh").write_text("x")
    assert names(tmp_path / "model") == ["fresh"]


def test_written_folder_is_removed_on_an_error(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with pytest.raises(ValueError, match="boom"), written_folder(out) as beside:  # noqa: PT012
        (beside / "card.json").write_text("{}")
        raise ValueError("boom")
    assert names(tmp_path) == []


def test_a_folder_that_is_written_whole_is_one_runs_at_a_time(tmp_path: Path) -> None:
    """The second emptied what the first was writing."""
    with written_folder(tmp_path / "model") as beside:
        (beside / "card.json").write_text("{}")
        with (
            pytest.raises(OutputError, match=r"model: another run is writing there now"),
            written_folder(tmp_path / "model"),
        ):
            pass
    assert names(tmp_path / "model") == ["card.json"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("length", [249, 250, 255])
def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path: Path, length: int) -> None:
    """With .part- before it, it was too long."""
    for name in ("x" * length, "µ" * (length // 2)):
        write_text(tmp_path / "files" / name, "whole")
        with written_folder(tmp_path / "folders" / name) as beside:
            (beside / "a").write_text("x")
    assert len(names(tmp_path / "files")) == len(names(tmp_path / "folders")) == 2
    assert not list(tmp_path.rglob(".part-*"))


def test_what_is_removed_is_the_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "a").write_text("x")
    (tmp_path / "link").symlink_to(kept)
    remove(tmp_path / "link")
    assert names(tmp_path) == ["kept"]
    remove(tmp_path / "missing")
    remove(kept)
    assert names(tmp_path) == []
