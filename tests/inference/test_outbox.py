"""Results in a bucket: those of a folder, run.json last, and gone on with from any machine."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.errors import IncompleteError, InputError, OutputError
from breastseg.inference.config import PredictConfig
from breastseg.inference.ledger import Outcome
from breastseg.inference.model import Model, load_model
from breastseg.inference.outbox import place_of
from breastseg.inference.predict import predict
from breastseg.inference.shards import Shard
from breastseg.reporter import Reporter
from breastseg.transfer import connection
from conftest import crop, quiet
from s3_server import SECRET, Store, serve_s3

pytest.importorskip("obstore")
MINE = PredictConfig(mpp=0.3)


@pytest.fixture(scope="module")
def model(lively_bundle: Bundle) -> Model:
    return load_model(lively_bundle.path, backend="onnx", threads=1)


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    for number, name in enumerate("abc"):
        path = tmp_path / "s" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(crop(number)[:64, :64]).save(path)
    return tmp_path / "s"


@pytest.fixture
def store(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        yield store


def _files(scratch: Path) -> list[Path]:
    return [path for path in scratch.rglob("*") if path.is_file()]


def test_a_bucket_holds_what_a_folder_would(
    store: Store, slides: Path, scratch: Path, model: Model, tmp_path: Path
) -> None:
    heard: list[object] = []
    predict(slides, model, tmp_path / "here", MINE, reporter=quiet)
    reporter = Reporter(heard.append, heard.append, bars=False)
    predict(slides, model, "s3://b/maps", MINE, reporter=reporter)
    here = tmp_path / "here"
    files = {f"b/maps/{path.relative_to(here)}": path.read_bytes() for path in _files(here)}
    assert set(store.objects) == set(files)
    for key, data in files.items():
        if not key.endswith(("manifest.csv", "breastseg-work.json")):
            assert store.objects[key] == data, key
    for name in "abc":
        sent = [key for key in store.keys("PUT") if key.startswith(f"b/maps/{name}/")]
        assert sent[-1] == f"b/maps/{name}/run.json"
        assert len(sent) > 3
    assert store.keys("PUT").index("b/maps/breastseg-work.json") == 1  # after the trial
    assert _files(scratch) == []
    folders = [event.folder for event in heard if isinstance(event, Outcome)]
    assert folders == [f"s3://b/maps/{name}" for name in "abc"]
    said = [line for line in heard if isinstance(line, str)]
    assert said[-1].endswith(": s3://b/maps")
    everything = "".join(said).encode() + b"".join(store.objects.values())
    assert str(scratch).encode() not in everything
    assert SECRET.encode() not in everything


def test_another_machine_goes_on(store: Store, slides: Path, scratch: Path, model: Model) -> None:
    """The one before was killed while it sent b, and its disk is gone."""
    predict(slides, model, "s3://b/maps", MINE, reporter=quiet)
    whole = dict(store.objects)
    for key in list(store.objects):
        if key.startswith("b/maps/c/") or key in ("b/maps/b/run.json", "b/maps/measures.csv"):
            del store.objects[key]
    shutil.rmtree(scratch)
    scratch.mkdir()
    store.asked.clear()
    predict(slides, model, "s3://b/maps", MINE, reporter=quiet)
    assert not any(key.startswith("b/maps/a/") for key in store.keys("PUT"))
    manifest = "b/maps/manifest.csv"
    assert {**store.objects, manifest: b""} == {**whole, manifest: b""}


def test_what_could_not_be_sent_is_sent_by_the_next_run(
    store: Store, slides: Path, scratch: Path, model: Model
) -> None:
    def event(happened: object) -> None:
        if isinstance(happened, Outcome) and happened.name == "a":
            store.forbidden.add("PUT")

    reporter = Reporter(quiet.message, event, bars=False)
    with pytest.raises(InputError, match=r"no right to write"):
        predict(slides, model, "s3://b/maps", MINE, reporter=reporter)
    assert "b/maps/b/run.json" not in store.objects
    store.forbidden.clear()
    again: list[object] = []
    predict(slides, model, "s3://b/maps", MINE, reporter=Reporter(again.append, bars=False))
    assert {f"b/maps/{name}/run.json" for name in "abc"} <= set(store.objects)
    assert not any("regions" in str(line) for line in again)  # none was mapped a second time
    assert _files(scratch) == []


def test_a_failed_slide_is_in_the_manifest_there(store: Store, slides: Path, model: Model) -> None:
    (slides / "b.png").write_bytes(b"no image")
    with pytest.raises(IncompleteError, match=r"s3://b/maps/manifest.csv tells of each"):
        predict(slides, model, "s3://b/maps", MINE, reporter=quiet)
    assert b"failed" in store.objects["b/maps/manifest.csv"]
    assert "b/maps/c/run.json" in store.objects


def test_other_work_and_other_things_are_refused(
    store: Store, slides: Path, scratch: Path, model: Model
) -> None:
    predict(slides, model, "s3://b/maps", MINE, reporter=quiet)
    with pytest.raises(OutputError, match=r"^s3://b/maps: holds 'predict' work with other"):
        predict(slides, model, "s3://b/maps", PredictConfig(mpp=0.25), reporter=quiet)
    store.objects["b/slides/a.svs"] = b"x"
    with pytest.raises(OutputError, match=r"something else lies there"):
        predict(slides, model, "s3://b/slides", MINE, reporter=quiet)
    assert store.objects["b/slides/a.svs"] == b"x"


def test_no_rights_are_told_before_the_first_slide(
    store: Store, slides: Path, scratch: Path, model: Model
) -> None:
    store.forbidden.add("PUT")
    with pytest.raises(InputError, match=r"no right to write it"):
        predict(slides, model, "s3://b/maps", MINE, reporter=quiet)
    assert _files(scratch) == []


@pytest.mark.parametrize("out", ["https://h.org/maps", "s3://b/maps"])
def test_what_cannot_be_is_refused(out: str, slides: Path, model: Model, store: Store) -> None:
    shard = Shard(1, 2) if out.startswith("s3") else None
    with pytest.raises(InputError, match=r"wanted a folder|shards share a folder"):
        predict(slides, model, out, MINE, shard=shard, reporter=quiet)
    assert store.asked == []


def test_results_of_a_bucket_lie_in_the_temporary_folder_while_they_are_made() -> None:
    assert place_of("s3://bucket/maps") == Path(tempfile.gettempdir())
    assert place_of("maps/of/a") == Path("maps/of/a")
