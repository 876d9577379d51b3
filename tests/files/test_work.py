"""One folder, one piece of work: who may claim it, and what is taken over."""

import json
from pathlib import Path

import pytest

from breastseg.errors import InputError, OutputError
from breastseg.files.work import (
    WORK_FILE,
    Remains,
    claim_folder,
    difference,
    note_work,
)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


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
        match=(r"mpp: 0\.5 there, 0\.25 now; old: 1 there, None"),
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


def test_work_that_was_only_noted_is_gone_on_with(tmp_path: Path) -> None:
    note_work(tmp_path, "train", {"seed": 1})
    assert claim_folder(tmp_path, "train", {"seed": 1}) is True


def test_a_setting_that_may_differ_is_taken_over(tmp_path: Path) -> None:
    claim_folder(tmp_path, "predict", {"threads": 1, "mpp": 0.5})
    now = {"threads": 8, "mpp": 0.5}
    (tmp_path / "result").write_text("x")
    assert claim_folder(tmp_path, "predict", now, may_differ=("threads",)) is True
    with pytest.raises(OutputError, match="threads: 1 there, 8 now"):
        claim_folder(tmp_path, "predict", now)


def test_settings_inside_of_settings_are_told_by_their_whole_name() -> None:
    old = {"map": {"blend": True, "halo": 64}, "seed": 1}
    new = {"map": {"blend": False, "halo": 64}, "more": {}}
    assert difference(old, new) == (
        "map.blend: True there, False now; seed: 1 there, None now; more: None there, {} now"
    )
    assert difference(old, old) == ""
