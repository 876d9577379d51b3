"""Slides in buckets: the same maps as of files, fetched once, and nothing of it stays here."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cloud.fetch import Objects
from breastseg.errors import ImageError, IncompleteError, InputError
from breastseg.inference.config import PredictConfig
from breastseg.inference.fetched import renamed
from breastseg.inference.inputs import list_inputs
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import foretell, predict
from breastseg.reporter import Reporter
from breastseg.transfer import connection
from conftest import crop, quiet
from mirror_server import running_mirror
from s3_server import SECRET, Store, serve_s3

pytest.importorskip("obstore")
MINE = PredictConfig(mpp=0.3)
PLACES = ("a.png", "p/b.png", "p/c.png")


@pytest.fixture(scope="module")
def model(lively_bundle: Bundle) -> Model:
    return load_model(lively_bundle.path, backend="onnx", threads=1)


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    for number, place in enumerate(PLACES):
        path = tmp_path / "s" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop(number)[:64, :64]).save(path)
    return tmp_path / "s"


@pytest.fixture
def store(slides: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        for place in PLACES:
            store.objects[f"b/s/{place}"] = (slides / place).read_bytes()
        yield store


def _written(out: Path) -> dict[str, bytes]:
    """Return the files of a folder of results, but for what tells where and when it was made."""
    told = ("run.json", "manifest.csv", "breastseg-work.json")
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in told
    }


def _fetched(store: Store) -> list[str]:
    return [key for method, key, _ in store.asked if method == "GET" and key != "b"]


def test_a_prefix_gives_the_maps_of_a_folder(
    store: Store, slides: Path, scratch: Path, model: Model, tmp_path: Path
) -> None:
    store.breaks["b/s/p/b.png"] = 5
    heard: list[str] = []
    predict(slides, model, tmp_path / "here", MINE, reporter=quiet)
    predict("s3://b/s/", model, tmp_path / "away", MINE, reporter=Reporter(heard.append))
    assert _written(tmp_path / "away") == _written(tmp_path / "here")
    record = json.loads((tmp_path / "away/p/b/run.json").read_text())
    assert record["input"] == "s3://b/s/p/b.png"
    there = json.loads((tmp_path / "here/p/b/run.json").read_text())
    assert record["input_fingerprint"] == there["input_fingerprint"]
    table = pd.read_csv(tmp_path / "away/manifest.csv")
    assert list(table["slide"]) == [f"s3://b/s/{place}" for place in PLACES]
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    everything = "".join(heard) + (tmp_path / "away/manifest.csv").read_text() + str(record)
    assert str(scratch) not in everything
    assert SECRET not in everything


def test_the_same_command_fetches_nothing_again(store: Store, model: Model, tmp_path: Path) -> None:
    predict("s3://b/s/", model, tmp_path / "out", MINE, reporter=quiet)
    before = _written(tmp_path / "out")
    store.asked.clear()
    predict("s3://b/s/", model, tmp_path / "out", MINE, reporter=quiet)
    assert _fetched(store) == []
    assert _written(tmp_path / "out") == before
    store.objects["b/s/a.png"] = store.objects["b/s/p/c.png"]
    predict("s3://b/s/", model, tmp_path / "out", MINE, reporter=quiet)
    assert _fetched(store) == ["b/s/a.png"]
    labels = [(tmp_path / "out" / name / "labels.png").read_bytes() for name in ("a", "p/c")]
    assert labels[0] == labels[1]


def test_rows_of_a_table_may_be_addresses(store: Store, slides: Path, model: Model) -> None:
    with running_mirror() as mirror:
        mirror.files["/x/web.png?sig=secret"] = (slides / "a.png").read_bytes()
        table = slides.parent / "slides.csv"
        table.write_text(
            "path,mpp,box,patient\n"
            "s3://b/s/p/b.png,0.25,,P1\n"
            f'{mirror.address}/x/web.png?sig=secret,0.3,"0,0,32,32",P2\n'
            "s/p/c.png,0.3,,P3\n"
            "s3://b/s/none.png,0.3,,P4\n"
        )
        out = slides.parent / "out"
        with pytest.raises(IncompleteError, match=r"1 of 4 failed.*s3://b/s/none.png: not there"):
            predict(table, model, out, reporter=quiet)
        rows = pd.read_csv(out / "measures.csv")
        assert list(rows["patient"]) == ["P1", "P2", "P3"]
        assert list(rows["mpp"]) == [0.25, 0.3, 0.3]
        asked = len(mirror.asked)
        with pytest.raises(IncompleteError):
            predict(table, model, out, reporter=quiet)
        assert len(mirror.asked) == asked + 1  # whether it is still the same
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"sig" not in written


def test_another_box_or_resolution_is_mapped_again(store: Store, model: Model) -> None:
    table = Path(tempfile.gettempdir()) / "slides.csv"
    out = table.parent / "out"
    for row in ("s3://b/s/a.png,0.3,", "s3://b/s/a.png,0.25,", 's3://b/s/a.png,0.25,"0,0,9,9"'):
        table.write_text(f"path,mpp,box\n{row}\n")
        store.asked.clear()
        predict(table, model, out, reporter=quiet, resume=True)
        assert _fetched(store) == ["b/s/a.png"], row


def test_an_object_that_changes_is_a_failed_row(store: Store, model: Model, tmp_path: Path) -> None:
    def change(key: str) -> None:
        if key == "b/s/p/b.png":
            store.objects[key] = b"another"

    store.on_get = change
    with pytest.raises(IncompleteError, match=r"1 of 3 failed.*changed since it was looked at"):
        predict("s3://b/s/", model, tmp_path / "out", MINE, reporter=quiet)
    assert (tmp_path / "out/p/c/run.json").is_file()
    assert not (tmp_path / "out/p/b").exists()


def test_an_object_that_is_no_picture_is_told_by_its_address(
    store: Store, scratch: Path, model: Model, tmp_path: Path
) -> None:
    store.objects["b/s/bad.png"] = b"no image"
    with pytest.raises(ImageError, match=r"^s3://b/s/bad.png: ") as raised:
        predict("s3://b/s/bad.png", model, tmp_path / "out", MINE, reporter=quiet)
    assert str(scratch) not in str(raised.value)


def test_what_is_no_slide_of_one_object_is_left_out(store: Store) -> None:
    for key in (
        "x.mrxs",
        "y.webp",
        ".hidden.png",
        "notes.txt",
        "maps/a/run.json",
        "maps/a/overlay.png",
    ):
        store.objects[f"b/s/{key}"] = b"x"
    named = list_inputs(["s3://b/s"], objects=Objects())
    assert [item.name for item in named.items] == ["a", "p/b", "p/c"]
    assert [one.shown for one in named.left_out] == ["s3://b/s/x.mrxs", "s3://b/s/y.webp"]
    with pytest.raises(ImageError, match=r"no images under it"):
        list_inputs(["s3://b/maps/"], objects=Objects())


def test_commands_that_do_not_fetch_refuse_addresses() -> None:
    with pytest.raises(InputError, match=r"only predict fetches"):
        list_inputs(["s3://b/a.svs"])


def test_a_figure_of_what_is_away_is_refused(store: Store, model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--figure"):
        predict("s3://b/s/", model, tmp_path / "o", PredictConfig(figure=2), reporter=quiet)


def test_a_dry_run_fetches_nothing(store: Store, model: Model, tmp_path: Path) -> None:
    heard: list[str] = []
    foretell("s3://b/s/", model, tmp_path / "out", MINE, reporter=Reporter(heard.append))
    assert len(heard) == 3
    assert _fetched(store) == []


@pytest.mark.slow
def test_a_killed_run_goes_on_with_its_part(
    store: Store, slides: Path, scratch: Path, lively_bundle: Bundle, tmp_path: Path
) -> None:
    big = os.urandom(3 << 20)  # behind the end of a PNG anything may stand
    store.objects["b/s/a.png"] += big
    store.pause_s = 0.05
    words = ["predict", "s3://b/s/a.png", "--mpp", "0.3", "--out", str(tmp_path / "out")]
    words += ["--model", str(lively_bundle.path), "--backend", "onnx"]
    command = [sys.executable, "-m", "breastseg", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        assert store.stalled.wait(60)
        for _ in range(400):
            parts = [path for path in scratch.rglob(".part-a.png") if path.stat().st_size > 1 << 20]
            if parts:
                break
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    store.pause_s = 0.0
    store.asked.clear()
    held = parts[0].stat().st_size
    subprocess.run(command, check=True, capture_output=True)
    spans = [span for method, key, span in store.asked if method == "GET" and key != "b"]
    assert spans[0] == f"bytes={held}-"
    assert (tmp_path / "out/a/run.json").is_file()
    assert [path for path in scratch.rglob("*") if path.is_file()] == []


def test_an_error_says_the_address_in_place_of_the_scratch_file(tmp_path: Path) -> None:
    scratch = tmp_path / "a.png"
    with pytest.raises(ImageError) as found, renamed(scratch, "s3://bucket/a.png"):
        raise ImageError(f"{scratch}: broken")
    assert str(found.value) == "s3://bucket/a.png: broken"
    other = ImageError("b.png: broken")
    with pytest.raises(ImageError) as found, renamed(scratch, "s3://bucket/a.png"):
        raise other
    assert found.value is other
