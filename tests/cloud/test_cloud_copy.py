"""A folder here of what lies under a prefix of a bucket."""

import json
from pathlib import Path

import pytest

from breastseg.cloud.address import Address
from breastseg.cloud.copy import WorkingCopy
from breastseg.cloud.fetch import Objects
from breastseg.cloud.store import Bucket
from breastseg.errors import InputError, OutputError
from breastseg.files import WORK_FILE

pytest.importorskip("obstore")
PREFIX = Address.parse("s3://b/out")


@pytest.fixture
def bucket() -> Bucket:
    from obstore.store import MemoryStore

    return Bucket(PREFIX, MemoryStore())


def working(bucket: Bucket, folder: Path) -> WorkingCopy:
    folder.mkdir(parents=True, exist_ok=True)
    objects = Objects(lambda address: bucket)
    return WorkingCopy(folder, PREFIX, objects, last="run.json", state=("manifest.csv",))


def keys(bucket: Bucket) -> list[str]:
    return [one.address.key for one in bucket.list("out/")]


def made(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_result_is_sent_whole_its_last_file_last(bucket: Bucket, tmp_path: Path) -> None:
    here = tmp_path / "w" / "here"
    copy = working(bucket, here)
    copy.begin()
    made(here / WORK_FILE, json.dumps({"command": "predict"}))
    for name in ("map.tif", "run.json", "tables/areas.csv"):
        made(here / "a" / name)
    order: list[str] = []
    put = bucket.put
    bucket.put = lambda path, key: (order.append(key), put(path, key))[1]  # type: ignore[method-assign]
    copy.send("a")
    assert order[0] == f"out/{WORK_FILE}", "so that other work is refused from now on"
    assert order[-1] == "out/a/run.json"
    assert keys(bucket) == [
        "out/a/map.tif",
        "out/a/run.json",
        "out/a/tables/areas.csv",
        f"out/{WORK_FILE}",
    ]
    assert [path.name for path in (here / "a").iterdir()] == ["run.json"], "the rest is there now"


def test_what_is_there_of_another_result_goes(bucket: Bucket, tmp_path: Path) -> None:
    here = tmp_path / "w" / "here"
    copy = working(bucket, here)
    bucket.put(made(tmp_path / "old"), "out/a/old.tif")
    made(here / WORK_FILE)
    made(here / "a" / "run.json")
    made(here / "a" / "new.tif")
    copy.send("a")
    assert keys(bucket) == ["out/a/new.tif", "out/a/run.json", f"out/{WORK_FILE}"]


def test_what_is_needed_to_go_on_comes_here_and_nothing_else(
    bucket: Bucket, tmp_path: Path
) -> None:
    for key in (
        WORK_FILE,
        "manifest.csv",
        "other.csv",
        "a/run.json",
        "a/map.tif",
        ".hidden/run.json",
    ):
        bucket.put(made(tmp_path / "file", key), f"out/{key}")
    here = tmp_path / "w" / "here"
    working(bucket, here).begin()
    found = {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}
    assert found == {WORK_FILE, "manifest.csv", "a/run.json"}
    assert (here / "manifest.csv").read_text() == "manifest.csv"
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["here"]


def test_a_result_that_somebody_removed_there_is_done_again(bucket: Bucket, tmp_path: Path) -> None:
    here = tmp_path / "w" / "here"
    bucket.put(made(tmp_path / "file"), f"out/{WORK_FILE}")
    made(here / "gone" / "run.json")
    made(here / "not sent" / "run.json")
    made(here / "not sent" / "map.tif")
    working(bucket, here).begin()
    assert not (here / "gone" / "run.json").exists()
    assert (here / "not sent" / "run.json").exists()


def test_a_prefix_with_something_else_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(made(tmp_path / "file"), "out/thesis.txt")
    with pytest.raises(OutputError, match=r"s3://b/out: something else lies there \(thesis\.txt"):
        working(bucket, tmp_path / "w" / "here").begin()
    assert keys(bucket) == ["out/thesis.txt"], "what was tried out is removed"


def test_a_file_too_large_to_be_ours_is_not_brought(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breastseg.cloud.copy._MOST_BYTES", 4)
    bucket.put(made(tmp_path / "file", "12345"), f"out/{WORK_FILE}")
    with pytest.raises(InputError, match="more than breastseg writes"):
        working(bucket, tmp_path / "w" / "here").begin()


def test_at_the_end_tables_are_sent_and_the_folder_goes(bucket: Bucket, tmp_path: Path) -> None:
    here = tmp_path / "w" / "here"
    copy = working(bucket, here)
    made(here / "areas.csv")
    made(here / ".part-lock")
    made(here / "a" / "run.json")
    copy.end()
    assert keys(bucket) == ["out/areas.csv"]
    assert not here.exists()


def test_while_files_are_exchanged_the_folder_there_is_not_whole(
    bucket: Bucket, tmp_path: Path
) -> None:
    here = tmp_path / "w" / "here"
    copy = working(bucket, here)
    bucket.put(made(tmp_path / "old"), "out/a/run.json")
    made(here / WORK_FILE)
    made(here / "a" / "run.json")
    made(here / "a" / "new.tif")
    put, seen = bucket.put, []

    def watched(path: Path, key: str) -> None:
        seen.append((key, "out/a/run.json" in keys(bucket)))
        put(path, key)

    bucket.put = watched  # type: ignore[method-assign]
    copy.send("a")
    assert seen[1:] == [("out/a/new.tif", False), ("out/a/run.json", False)]
