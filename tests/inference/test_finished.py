"""Results that are whole, found again."""

from pathlib import Path

import pytest

from breastseg.errors import IncompleteError, InputError
from breastseg.inference.finished import finished_results, read_made, regions_of, tell_failed
from breastseg.maps.record import MANIFEST_TABLE, PACKED_REGIONS, REGIONS, RUN


def manifest(folder: Path, *rows: str) -> None:
    text = "\n".join(["slide,outcome,result", *rows]) + "\n"
    (folder / MANIFEST_TABLE).write_text(text, encoding="utf-8")


def test_those_that_are_done_in_the_manifests_order(tmp_path: Path) -> None:
    manifest(tmp_path, "b.png,done,b", "c.png,failed,", "a.png,done,inside/a")
    assert finished_results(tmp_path) == [tmp_path / "b", tmp_path / "inside/a"]


def test_a_folder_with_run_json_is_itself_a_result(tmp_path: Path) -> None:
    (tmp_path / RUN).write_text("{}", encoding="utf-8")
    assert finished_results(tmp_path) == [tmp_path]


def test_a_result_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    manifest(tmp_path, "b.png,done,../elsewhere")
    with pytest.raises(InputError, match="elsewhere"):
        finished_results(tmp_path)


def test_no_maps_and_none_done_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.csv"):
        finished_results(tmp_path)
    manifest(tmp_path, "b.png,failed,")
    with pytest.raises(InputError, match="no slide is done"):
        finished_results(tmp_path)


def test_a_damaged_run_json_is_named(tmp_path: Path) -> None:
    (tmp_path / RUN).write_text('{"input": 1}', encoding="utf-8")
    with pytest.raises(InputError, match=RUN):
        read_made(tmp_path)


def test_failures_end_the_command_and_say_whether_others_are_done(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    tell_failed([], folders)
    with pytest.raises(IncompleteError, match=r"1 of 2 failed, the others are done.*: bad$"):
        tell_failed(["bad"], folders)
    with pytest.raises(IncompleteError, match=r"2 of 2 failed; the first: bad"):
        tell_failed(["bad", "worse"], folders)


def test_packed_regions_are_taken_where_they_are(tmp_path: Path) -> None:
    assert regions_of(tmp_path) == tmp_path / REGIONS
    (tmp_path / PACKED_REGIONS).touch()
    assert regions_of(tmp_path) == tmp_path / PACKED_REGIONS
