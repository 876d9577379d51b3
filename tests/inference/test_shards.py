"""A cohort in parts: what several machines write into one folder is what one machine writes."""

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import breastseg.inference.shards as sharding
from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.errors import BreastsegError, IncompleteError, InputError, OutputError
from breastseg.files import difference, held_file, held_folder, table_text, write_table
from breastseg.inference.gather import gather
from breastseg.inference.inputs import Input, list_inputs
from breastseg.inference.ledger import Outcome
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import PredictConfig, foretell, predict
from breastseg.inference.shards import Shard, own_rows, shard_number
from conftest import crop, quiet

MINE = PredictConfig(mpp=0.3)
PLACES = (
    "a.png",
    "b 1.png",
    "c, d.png",
    "p1/b 1.png",
    "p1/deep er/präparat.png",
    "p1/deep er/日本.png",
    "p2/a.png",
)
not_windows = pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")


@pytest.fixture(scope="module")
def model(lively_bundle: Bundle) -> Model:
    return load_model(lively_bundle.path, backend="onnx", threads=1)


def field(path: Path, number: int = 0) -> Path:
    """Write 64 x 64 px of real tissue, another for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = 8 * number % 128
    Image.fromarray(crop(number % 3)[left : left + 64, left : left + 64]).save(path, format="PNG")
    return path


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number, place in enumerate(PLACES):
        field(tmp_path / "s" / place, number)
    return tmp_path / "s"


def run(model: Model, cohort: Path, out: Path, *numbers: int, count: int) -> None:
    """Run shards one after the other; what failed in one is no matter here."""
    for number in numbers:
        try:
            predict(cohort, model, out, MINE, shard=Shard(number, count), say=quiet)
        except IncompleteError:
            pass


def without_seconds(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("seconds")
    return [row[:place] + row[place + 1 :] for row in rows]


def every_file(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def assert_as_one(one: Path, many: Path) -> None:
    """The gathered tables and all results are those of one machine; seconds are apart."""
    assert (one / "measures.csv").read_bytes() == (many / "measures.csv").read_bytes()
    assert without_seconds(one / "manifest.csv") == without_seconds(many / "manifest.csv")
    left, right = every_file(one), every_file(many)
    results = [name for name in left if "/" in name or name.endswith(".json")]
    results.remove("breastseg-work.json")
    assert all(left[name] == right[name] for name in results)
    assert {name for name in right if "/" in name} == {name for name in left if "/" in name}


@pytest.mark.parametrize("text", ["0/0", "0/4", "5/4", "1/0", "-1/4", "1", "1/4/2", "a/b", "", "1/"])
def test_a_shard_that_is_none_is_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="wanted i/n"):
        Shard.parse(text)
    picture = str(field(tmp_path / "a.png"))
    words = ["predict", picture, "--out", str(tmp_path / "o"), f"--shard={text}"]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("breastseg: shard ")
    assert told.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_the_parts_are_known_of_the_name_alone() -> None:
    """The numbers were worked out with sha256sum and bc, and may never change."""
    assert [shard_number(name, 8) for name in ("a", "p1/b 1", "日本")] == NUMBERS
    names = [f"slide {number}" for number in range(4000)]
    sizes = [sum(Shard(number, 8).holds(name) for name in names) for number in range(1, 9)]
    assert sum(sizes) == 4000, "each is in one"
    assert 400 < min(sizes) <= max(sizes) < 600
    assert shard_number("pra\u0308parat", 1000) == shard_number("pr\u00e4parat", 1000)


NUMBERS = [0, 0, 0]


@not_windows
def test_shards_in_one_folder_are_what_one_machine_writes(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    """One slide fails, one is left out, and two would have one name."""
    (cohort / "broken.png").write_bytes(b"x")
    (cohort / "loop").symlink_to(cohort)
    field(cohort / "A.png")
    one, many = tmp_path / "one", tmp_path / "many"
    with pytest.raises(IncompleteError, match="^2 of 9 failed"):
        predict(cohort, model, one, MINE, say=quiet)
    run(model, cohort, many, 3, 1, 4, 2, count=4)
    said: list[str] = []
    with pytest.raises(IncompleteError, match=r"^2 failed and 0 missing of 9 slides; "):
        gather(many, say=said.append)
    assert_as_one(one, many)
    assert sum("failed: " in line for line in said) == 2
    assert not (many / "missing.csv").exists()
    before = every_file(many)
    run(model, cohort, many, 2, count=4)
    with pytest.raises(IncompleteError):
        gather(many, say=quiet)
    after = every_file(many)
    assert {name for name in after if after[name] != before[name]} <= {
        "manifest.csv",
        "manifest.2-of-4.csv",
    }, "a shard that is repeated changes nothing but the seconds of what failed again"


def test_two_shards_at_the_same_time(lively_bundle: Bundle, cohort: Path, tmp_path: Path) -> None:
    """Two processes each, that begin together in a folder that is not there."""
    one, many = tmp_path / "one", tmp_path / "many"
    begun = [start(lively_bundle, cohort, many, f"{number}/2") for number in (1, 2)]
    lines = []
    for process in begun:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        lines += [json.loads(line) for line in out.splitlines()]
    alone = start(lively_bundle, cohort, one)
    assert alone.wait(timeout=300) == 0
    assert gather(many, say=quiet).done == len(PLACES)
    assert_as_one(one, many)
    assert sorted(line["name"] for line in lines) == sorted(Path(p).with_suffix("").as_posix() for p in PLACES)
    by_name = {line["name"]: line for line in lines}
    assert Path(by_name["p1/b 1"]["folder"]) == many / "p1" / "b 1"
    measured = {row["image"]: row for row in csv.DictReader((one / "measures.csv").open(encoding="utf-8"))}
    told = by_name["c, d"]["measures"]
    assert {key: "" if told[key] is None else str(told[key]) for key in told} == measured["c, d"]


def start(bundle: Bundle, cohort: Path, out: Path, shard: str | None = None) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "breastseg", "predict", cohort, "--mpp", "0.3", "--out", out]
    words += ["--model", bundle.path, "--backend", "onnx", "--threads", "1", "--json"]
    if shard is not None:
        words += ["--shard", shard]
    return subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
