"""Writing whole or not at all, and one folder for one piece of work."""

import errno
import hashlib
import json
import math
import os
import tempfile
from pathlib import Path

import pytest

from breastseg.cli import main
from breastseg.errors import DatasetError, InputError, OutputError
from breastseg.files import (
    WORK_FILE,
    Remains,
    claim_folder,
    fingerprint,
    held_folder,
    nameless_file,
    own_folder,
    seen,
    sha256_of,
    write_json,
    write_table,
    write_text,
    written,
    written_folder,
)
from breastseg.json_files import read_json


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


def test_json_goes_there_and_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"µm": [1, 2.5], "score": math.nan})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "µm" in text
    assert text.endswith("}\n")
    value = read_json(tmp_path / "a.json", DatasetError, "x")
    assert value["µm"] == [1, 2.5]
    assert math.isnan(value["score"])


def test_read_json_names_file_and_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.json: not found, wanted a card"):
        read_json(tmp_path / "a.json", DatasetError, "a card")
    for content in (b"{", b"", b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(DatasetError, match=r"a\.json: not JSON \(.*\), wanted a card"):
            read_json(tmp_path / "a.json", DatasetError, "a card")


def test_sha256_of_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_folder_is_claimed_once_and_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    assert claim_folder(out, "prepare", {"mpp": 0.5, "sites": ("a", "b")}) is False
    assert json.loads((out / WORK_FILE).read_text()) == {
        "command": "prepare",
        "settings": {"mpp": 0.5, "sites": ["a", "b"]},
    }
    (out / "result").write_text("x")
    assert claim_folder(out, "prepare", {"mpp": 0.5, "sites": ("a", "b")}) is True
    assert names(out) == [WORK_FILE, "result"]


def test_an_empty_folder_can_be_claimed(tmp_path: Path) -> None:
    assert claim_folder(tmp_path, "prepare", {}) is False


def test_other_settings_are_refused_and_told(tmp_path: Path) -> None:
    claim_folder(tmp_path, "prepare", {"mpp": 0.5, "old": 1, "same": 3})
    (tmp_path / "result").write_text("x")
    with pytest.raises(
        OutputError,
        match=(r"'prepare' .*\(mpp: 0\.5 there, 0\.25 now; old: 1 there, None"),
    ):
        claim_folder(tmp_path, "prepare", {"mpp": 0.25, "same": 3})


def test_another_command_is_refused(tmp_path: Path) -> None:
    claim_folder(tmp_path, "prepare", {})
    (tmp_path / "result").write_text("x")
    with pytest.raises(
        OutputError,
        match=(r"'prepare' work with other settings \(this is 'train'\); "),
    ):
        claim_folder(tmp_path, "train", {})


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="output folder is not empty; choose another folder"):
        claim_folder(tmp_path, "prepare", {})
    assert names(tmp_path) == ["thesis.txt"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(InputError, match="out: is a file, wanted a folder; choose another name"):
        claim_folder(tmp_path / "out", "prepare", {})


def test_a_damaged_note_is_told(tmp_path: Path) -> None:
    (tmp_path / WORK_FILE).write_text("{")
    with pytest.raises(OutputError, match=f"{WORK_FILE}: not JSON"):
        claim_folder(tmp_path, "prepare", {})


def test_a_kill_while_claiming_does_not_lock_the_folder(tmp_path: Path) -> None:
    """Killed between opening and renaming the note, the same command said "output folder is not
    empty" forever."""
    (tmp_path / f".part-{WORK_FILE}").write_text('{"comm')
    assert claim_folder(tmp_path, "prepare", {"mpp": 0.5}) is False
    assert names(tmp_path) == [WORK_FILE]


REMAINS = Remains(finished=("done.json", "runs/*/done.json"), rest=("arrays", "runs", "*.csv"))


def begun(out: Path, *names: str) -> Path:
    """A folder in which work with mpp 0.5 was begun, with some files."""
    claim_folder(out, "prepare", {"mpp": 0.5}, remains=REMAINS)
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("x")
    return out


@pytest.mark.parametrize(
    "left", [(), ("arrays/a.npy", "a.csv", ".part-b.csv"), ("runs/1/half",), ("new/.part-x/half",)]
)
def test_work_that_finished_nothing_gives_way_to_other_settings(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    """A prepare that failed refused the same command with the option mended."""
    out = begun(tmp_path / "out", *left)
    assert claim_folder(out, "prepare", {"mpp": 0.25}, remains=REMAINS) is False
    assert names(out) == [WORK_FILE], "what the other work left would be taken for this one's"
    assert claim_folder(out, "prepare", {"mpp": 0.25}, remains=REMAINS) is True


@pytest.mark.parametrize("left", ["done.json", "runs/7/done.json", "thesis.txt", "arrays2/a.npy"])
def test_what_is_finished_or_not_the_works_own_is_kept(tmp_path: Path, left: str) -> None:
    out = begun(tmp_path / "out", "arrays/a.npy", "runs/1/half", left)
    before = sorted(out.rglob("*"))
    with pytest.raises(
        OutputError,
        match=r"'prepare' work .*\(mpp: 0\.5 there, 0\.25 now\)",
    ):
        claim_folder(out, "prepare", {"mpp": 0.25}, remains=REMAINS)
    assert sorted(out.rglob("*")) == before


def test_only_the_same_command_knows_what_may_go(tmp_path: Path) -> None:
    out = begun(tmp_path / "out", "arrays/a.npy")
    with pytest.raises(
        OutputError, match=r"'prepare' work with other settings \(this is 'train'\)"
    ):
        claim_folder(out, "train", {}, remains=REMAINS)
    assert claim_folder(begun(tmp_path / "empty"), "train", {}) is False


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


def test_bytes_that_are_no_utf8_are_written_as_escapes_and_json_reads_them_back(
    tmp_path: Path,
) -> None:
    name = os.fsdecode(b"pr\xe4parat.svs")
    write_json(tmp_path / "a.json", {"input": name})
    assert read_json(tmp_path / "a.json", DatasetError, "x") == {"input": name}
    write_table(tmp_path / "a.csv", [{"slide": name}])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "slide\npr\\udce4parat.svs\n"


def test_a_file_is_seen_to_change(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"whole picture")
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
