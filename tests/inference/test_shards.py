"""A cohort in parts: what several machines write into one folder is what one machine writes."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import breastseg.inference.shards as sharding
from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.errors import IncompleteError, InputError, OutputError
from breastseg.files import difference, held_file, held_folder, table_text
from breastseg.inference.config import PredictConfig
from breastseg.inference.gather import gather
from breastseg.inference.inputs import list_inputs
from breastseg.inference.ledger import Outcome
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import foretell, predict
from breastseg.inference.shards import Shard, own_rows, shard_number
from breastseg.reporter import Reporter
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
        with contextlib.suppress(IncompleteError):
            predict(cohort, model, out, MINE, shard=Shard(number, count), reporter=quiet)


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


@pytest.mark.parametrize(
    "text", ["0/0", "0/4", "5/4", "1/0", "-1/4", "1", "1/4/2", "a/b", "", "1/"]
)
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
    assert [shard_number(name, 8) for name in ("a", "p1/b 1", "日本")] == [4, 1, 3]
    names = [f"slide {number}" for number in range(4000)]
    sizes = [sum(Shard(number, 8).holds(name) for name in names) for number in range(1, 9)]
    assert sum(sizes) == 4000, "each is in one"
    assert 400 < min(sizes) <= max(sizes) < 600
    assert shard_number("pra\u0308parat", 1000) == shard_number("pr\u00e4parat", 1000)


@not_windows
def test_shards_in_one_folder_are_what_one_machine_writes(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    """One slide fails, one is left out, and two would have one name."""
    (cohort / "broken.png").write_bytes(b"x")
    (cohort / "loop").symlink_to(cohort)
    field(cohort / "A.png")
    one, many = tmp_path / "one", tmp_path / "many"
    with pytest.raises(IncompleteError, match=r"^2 of 9 failed"):
        predict(cohort, model, one, MINE, reporter=quiet)
    run(model, cohort, many, 3, 1, 4, 2, count=4)
    said: list[str] = []
    with pytest.raises(IncompleteError, match=r"^2 failed and 0 missing of 9 slides; "):
        gather(many, reporter=Reporter(said.append))
    assert_as_one(one, many)
    assert sum("failed: " in line for line in said) == 2
    assert not (many / "missing.csv").exists()
    before = every_file(many)
    run(model, cohort, many, 2, count=4)
    with pytest.raises(IncompleteError):
        gather(many, reporter=quiet)
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
    alone.communicate(timeout=300)
    assert alone.returncode == 0
    assert gather(many, reporter=quiet).done == len(PLACES)
    assert_as_one(one, many)
    assert sorted(line["name"] for line in lines) == sorted(
        Path(p).with_suffix("").as_posix() for p in PLACES
    )
    by_name = {line["name"]: line for line in lines}
    assert Path(by_name["p1/b 1"]["folder"]) == many / "p1" / "b 1"
    measured = {row["image"]: row for row in own_rows(one / "measures.csv", ("image",))}
    told = by_name["c, d"]["measures"]
    assert {key: "" if told[key] is None else str(told[key]) for key in told} == measured["c, d"]


def start(
    bundle: Bundle, cohort: Path, out: Path, shard: str | None = None
) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "breastseg", "predict", cohort, "--mpp", "0.3", "--out", out]
    words += ["--model", bundle.path, "--backend", "onnx", "--threads", "1", "--json"]
    if shard is not None:
        words += ["--shard", shard]
    return subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_of_nan_and_of_odd_bytes_json_stays_json() -> None:
    outcome = Outcome("a", os.fsdecode(b"pr\xe4.png"), "done", measures={"x": float("nan")})
    line = outcome.json_line()
    assert line.isascii()
    assert json.loads(line)["slide"] == "pr\\udce4.png"
    assert json.loads(line)["measures"] == {"x": None}


def test_json_alone_is_on_stdout(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field(tmp_path / "s" / "a.png")
    (tmp_path / "s" / "b.png").write_bytes(b"x")
    words = ["predict", str(tmp_path / "s"), "--out", str(tmp_path / "o"), "--mpp", "0.3"]
    words += ["--model", str(lively_bundle.path), "--backend", "onnx", "--threads", "1"]
    assert main([*words, "--json"]) == 1
    shown = capsys.readouterr()
    first, second = map(json.loads, shown.out.splitlines())
    assert (first["name"], first["status"], first["cause"]) == ("a", "done", None)
    assert first["measures"]["analysed_mm2"] == pytest.approx(64 * 64 * 0.3**2 / 1e6)
    assert (second["name"], second["status"], second["folder"]) == ("b", "failed", None)
    assert "not an image" in second["cause"]
    assert "1 image" in shown.err
    assert main([*words, "--json", "--dry-run"]) == 2


def test_a_shard_that_is_killed_and_repeated(
    model: Model, lively_bundle: Bundle, cohort: Path, tmp_path: Path
) -> None:
    """Until it ends, its slides are missing; then all is as if nobody had killed it."""
    one, many = tmp_path / "one", tmp_path / "many"
    predict(cohort, model, one, MINE, reporter=quiet)
    run(model, cohort, many, 2, count=2)
    process = start(lively_bundle, cohort, many, "1/2")
    until = time.monotonic() + 120
    mine = [path for path in PLACES if Shard(1, 2).holds(str(Path(path).with_suffix("")))]
    assert len(mine) > 1
    first = many / Path(mine[0]).with_suffix("")
    while not first.exists() and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with pytest.raises(IncompleteError, match=rf"0 failed and {len(mine)} missing of 7"):
        gather(many, reporter=quiet)
    missing = list(own_rows(many / "missing.csv", ("shard", "name", "cause")))
    assert [row["name"] for row in missing] == [str(Path(path).with_suffix("")) for path in mine]
    assert {row["cause"] for row in missing} == {"shard 1/2 did not come to its end"}
    kept = first.stat().st_mtime_ns
    run(model, cohort, many, 1, count=2)
    assert first.stat().st_mtime_ns == kept, "what was whole is kept"
    gather(many, reporter=quiet)
    assert_as_one(one, many)


def test_gather_says_what_is_missing_until_nothing_is(
    model: Model, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    predict(cohort, model, one, MINE, reporter=quiet)
    names = [str(Path(place).with_suffix("")) for place in PLACES]
    numbers = sorted({shard_number(name, 3) for name in names})
    assert len(numbers) > 1
    for step, number in enumerate(numbers):
        run(model, cohort, many, number, count=3)
        done = [name for name in names if shard_number(name, 3) in numbers[: step + 1]]
        assert main(["gather", str(many)]) == (0 if len(done) == len(names) else 1)
        shown = capsys.readouterr()
        assert len((many / "measures.csv").read_text().splitlines()) == len(done) + 1
        for later in numbers[step + 1 :]:
            count = sum(shard_number(name, 3) == later for name in names)
            assert f"shard {later}/3 never ran: {count} slide" in shown.out
    assert_as_one(one, many)
    assert not (many / "missing.csv").exists()


def test_an_empty_shard(model: Model, cohort: Path, tmp_path: Path) -> None:
    """Of 200 shards most have no slide: one that ran says so, and nobody misses those that did
    not."""
    numbers = {shard_number(str(Path(place).with_suffix("")), 200) for place in PLACES}
    empty = min(set(range(1, 201)) - numbers)
    assert (
        predict(cohort, model, tmp_path / "o", MINE, shard=Shard(empty, 200), reporter=quiet) == []
    )
    with pytest.raises(IncompleteError, match="0 failed and 7 missing of 7 slides"):
        gather(tmp_path / "o", reporter=quiet)
    assert (tmp_path / "o" / "measures.csv").read_text() == "\n"
    run(model, cohort, tmp_path / "o", *sorted(numbers), count=200)
    assert gather(tmp_path / "o", reporter=quiet).done == 7


def test_slides_that_come_later_move_no_other(model: Model, cohort: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    run(model, cohort, many, 1, 2, count=2)
    gather(many, reporter=quiet)
    field(cohort / "0 first.png", 9)
    field(cohort / "p1" / "new.png", 10)
    (cohort / "p2" / "a.png").unlink()
    changed = {shard_number(name, 2) for name in ("0 first", "p1/new")}
    before = {path: path.stat().st_mtime_ns for path in many.rglob("run.json")}
    said: list[str] = []
    run(model, cohort, many, min(changed), count=2)
    if len(changed) == 2:
        with pytest.raises(IncompleteError, match="0 failed and 1 missing of 8 slides"):
            gather(many, reporter=quiet)
    run(model, cohort, many, 1, 2, count=2)
    gather(many, reporter=Reporter(said.append))
    assert all(path.stat().st_mtime_ns == before[path] for path in before)
    one = tmp_path / "one"
    predict(cohort, model, one, MINE, reporter=quiet)
    shutil.rmtree(many / "p2")  # of the slide that was taken away
    assert_as_one(one, many)


def test_a_slide_that_was_taken_away_is_not_gathered(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    run(model, cohort, tmp_path / "o", 1, 2, count=2)
    (cohort / "a.png").unlink()
    run(model, cohort, tmp_path / "o", shard_number("a", 2) % 2 + 1, count=2)
    said: list[str] = []
    assert gather(tmp_path / "o", reporter=Reporter(said.append)).done == len(PLACES) - 1
    assert "1 slide left out: mapped, but not among the inputs any more" in said


def test_other_settings_are_refused_by_name(model: Model, cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    run(model, cohort, out, 1, count=2)
    with pytest.raises(OutputError, match=r"other settings \(mpp: 0\.3 there, 0\.5 now\); choose"):
        predict(cohort, model, out, PredictConfig(mpp=0.5), shard=Shard(2, 2), reporter=quiet)
    with pytest.raises(OutputError, match=r"other settings \(shards: 2 there, 3 now\)"):
        predict(cohort, model, out, MINE, shard=Shard(2, 3), reporter=quiet)
    with pytest.raises(OutputError, match=r"other settings \(shards: 2 there, None now"):
        predict(cohort, model, out, MINE, reporter=quiet)
    nested = {"result": {"map": {"blend": False, "box": None}}}
    other = {"result": {"map": {"blend": True, "box": None}}}
    assert difference(nested, other) == "result.map.blend: False there, True now"


def test_shards_of_other_settings_that_were_copied_together_are_refused(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    """Machines without a common disk: each folder is copied into one."""
    for number, config in ((1, MINE), (2, MINE), (3, PredictConfig(mpp=0.5))):
        place, shard = tmp_path / f"m{number}", Shard(number, 3)
        predict(cohort, model, place, config, shard=shard, reporter=quiet)
    for number in (3, 2, 1):
        shutil.copytree(tmp_path / f"m{number}", tmp_path / "o", dirs_exist_ok=True)
    with pytest.raises(OutputError, match=r"shard 3/3 .*\(mpp: 0\.3 there, 0\.5 now\)"):
        gather(tmp_path / "o", reporter=quiet)
    assert not (tmp_path / "o" / "manifest.csv").exists(), "nothing half-gathered"
    predict(cohort, model, tmp_path / "m3b", MINE, shard=Shard(3, 3), reporter=quiet)
    shutil.copytree(tmp_path / "m3b", tmp_path / "o", dirs_exist_ok=True)
    predict(cohort, model, tmp_path / "one", MINE, reporter=quiet)
    gather(tmp_path / "o", reporter=quiet)
    assert (tmp_path / "o/measures.csv").read_bytes() == (
        tmp_path / "one/measures.csv"
    ).read_bytes()
    shutil.copy(tmp_path / "o/shard.1-of-3.json", tmp_path / "o/shard.1-of-16.json")
    with pytest.raises(OutputError, match=r"shard\.1-of-16\.json: of another number of shards"):
        gather(tmp_path / "o", reporter=quiet)


def test_a_shard_is_held_and_others_are_not(model: Model, cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    run(model, cohort, out, 1, count=2)
    before = every_file(out)
    with held_file(out / ".part-shard.1-of-2.lock", "x"):
        with pytest.raises(OutputError, match=r"o, shard 1/2: another run is writing there now"):
            predict(cohort, model, out, MINE, shard=Shard(1, 2), reporter=quiet)
        assert every_file(out) == before
        predict(cohort, model, out, MINE, shard=Shard(2, 2), reporter=quiet)
        gather(out, reporter=quiet)


def test_a_run_of_one_machine_keeps_shards_out(
    model: Model, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "_PATIENCE_S", 0.1)
    (tmp_path / "o").mkdir()
    with held_folder(tmp_path / "o"), pytest.raises(OutputError, match="another run is writing"):
        predict(cohort, model, tmp_path / "o", MINE, shard=Shard(1, 2), reporter=quiet)


def test_shards_that_failed_give_way_to_those_that_mend_them(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    """No microns per pixel, then the same array with --mpp; but never under a shard that runs."""
    out = tmp_path / "o"
    for number in (1, 2):
        with pytest.raises(IncompleteError, match="no microns per pixel"):
            predict(cohort, model, out, shard=Shard(number, 2), reporter=quiet)
    with held_file(out / ".part-shard.2-of-2.lock", "x"), pytest.raises(OutputError, match="mpp: "):
        predict(cohort, model, out, MINE, shard=Shard(1, 2), reporter=quiet)
    run(model, cohort, out, 1, count=2)
    with pytest.raises(IncompleteError, match="0 failed"):
        gather(out, reporter=quiet)
    run(model, cohort, out, 2, count=2)
    assert gather(out, reporter=quiet).done == len(PLACES)


def test_what_a_table_says_of_a_slide_counts(model: Model, cohort: Path, tmp_path: Path) -> None:
    """A table whose um/px was mended after one shard had ended: its slides are not taken as if they
    had it."""
    table, out = tmp_path / "slides.csv", tmp_path / "o"

    def write(mpp: float) -> None:
        rows = [f"s/a.png,{mpp},P1", f"s/b 1.png,{mpp},", f"s/p2/../p1/deep er/日本.png,{mpp},P3"]
        table.write_text("path,mpp,patient\n" + "\n".join(rows) + "\n", encoding="utf-8")

    write(0.3)
    names = ("a", "b 1", "日本")
    for number in (1, 2):
        predict(table, model, out, shard=Shard(number, 2), reporter=quiet)
    gather(out, reporter=quiet)
    predict(table, model, tmp_path / "one", reporter=quiet)
    assert (out / "measures.csv").read_bytes() == (tmp_path / "one/measures.csv").read_bytes()
    write(0.25)
    predict(table, model, out, shard=Shard(1, 2), reporter=quiet)
    count = sum(shard_number(name, 2) == 2 for name in names)
    assert 0 < count < 3
    with pytest.raises(IncompleteError, match=f"0 failed and {count} missing of 3 slides"):
        gather(out, reporter=quiet)
    predict(table, model, out, shard=Shard(2, 2), reporter=quiet)
    gather(out, reporter=quiet)
    predict(table, model, tmp_path / "two", reporter=quiet)
    assert (out / "measures.csv").read_bytes() == (tmp_path / "two/measures.csv").read_bytes()


def test_the_folder_may_lie_among_the_slides(model: Model, cohort: Path, tmp_path: Path) -> None:
    """As people do; the second shard then meets the folder of the first, and it is no slide."""
    predict(cohort, model, tmp_path / "one", MINE, reporter=quiet)
    run(model, cohort, cohort / "maps", 1, 2, count=2)
    listed = (cohort / "maps" / "inputs.csv").read_bytes()
    run(model, cohort, cohort / "maps", 1, count=2)
    assert (cohort / "maps" / "inputs.csv").read_bytes() == listed
    gather(cohort / "maps", reporter=quiet)
    assert_as_one(tmp_path / "one", cohort / "maps")


def test_what_is_of_all_slides_is_no_shards(model: Model, cohort: Path, tmp_path: Path) -> None:
    for config, option in (
        (PredictConfig(mpp=0.3, figure=1), "--figure"),
        (PredictConfig(mpp=0.3, parquet=True), "--parquet"),
    ):
        with pytest.raises(InputError, match=f"shard 1/2: {option} is of all slides"):
            predict(cohort, model, tmp_path / "o", config, shard=Shard(1, 2), reporter=quiet)
    said: list[str] = []
    for number in (1, 2):
        foretell(
            cohort,
            model,
            tmp_path / "o",
            MINE,
            shard=Shard(number, 2),
            reporter=Reporter(said.append),
        )
    assert len(said) == len(PLACES)
    assert not (tmp_path / "o").exists()


def test_a_slide_is_never_called_like_a_file_of_a_shard(tmp_path: Path) -> None:
    for name in ("manifest.1-of-8.csv.png", "inputs.csv.png", "manifest.1-of-8.png"):
        field(tmp_path / name)
    broken = {item.name: item.broken is not None for item in list_inputs([tmp_path]).items}
    assert broken == {"inputs.csv": True, "manifest.1-of-8.csv": True, "manifest.1-of-8": False}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("no folder", "no folder, wanted one that breastseg predict --shard wrote into"),
        ("one machine", "one machine wrote its tables, nothing is to gather"),
        ("no inputs", r"inputs\.csv: not there, wanted a table of a shard"),
        ("cut", r"manifest\.\d-of-2\.csv: cut off, its last line has no end"),
        ("a cell less", r"manifest\.\d-of-2\.csv, line 2: 1 cells, the head has 9; wanted"),
        ("empty", r"manifest\.\d-of-2\.csv: columns are none; wanted a table"),
        ("no text", r"manifest\.\d-of-2\.csv: damaged"),
        ("other columns", r"manifest\.\d-of-2\.csv: columns are x, y; wanted a table"),
        ("no measures", r"measures\.\d-of-2\.csv: no row of .*, which is done"),
        ("no count", r"breastseg-work\.json: shards is 'x', wanted a whole number"),
        ("note", r"shard\.\d-of-2\.json: no settings of a shard"),
    ],
)
def test_what_cannot_be_gathered_is_one_line(
    model: Model, cohort: Path, tmp_path: Path, damage: str, told: str
) -> None:
    out = tmp_path / "o"
    number = shard_number("a", 2)
    manifest = out / f"manifest.{number}-of-2.csv"
    if damage == "one machine":
        predict(cohort / "a.png", model, out, MINE, reporter=quiet)
    elif damage != "no folder":
        run(model, cohort, out, 1, 2, count=2)
    if damage == "no inputs":
        (out / "inputs.csv").unlink()
    elif damage == "cut":
        manifest.write_bytes(manifest.read_bytes()[:-12])
    elif damage == "a cell less":
        manifest.write_text(manifest.read_text(encoding="utf-8").splitlines()[0] + "\na\n")
    elif damage == "empty":
        manifest.write_bytes(b"")
    elif damage == "no text":
        manifest.write_bytes(b"name,\xff\n")
    elif damage == "other columns":
        manifest.write_text("x,y\n1,2\n")
    elif damage == "no measures":
        (out / f"measures.{number}-of-2.csv").write_text("name\n")
    elif damage == "no count":
        note = out / "breastseg-work.json"
        note.write_text(note.read_text().replace('"shards": 2', '"shards": "x"'))
    elif damage == "note":
        (out / f"shard.{number}-of-2.json").write_text("{}")
    with pytest.raises(InputError, match=told):
        gather(out, reporter=quiet)


@not_windows
def test_a_name_with_a_line_end_comes_through(model: Model, tmp_path: Path) -> None:
    """Python 3.11 does not quote a cell with a carriage return, and nobody could read the table."""
    field(tmp_path / "s" / "a\r\nb.png")
    field(tmp_path / "s" / "c\rd.png")
    field(tmp_path / "s" / os.fsdecode(b"pr\xe4.png"))
    run(model, tmp_path / "s", tmp_path / "o", 1, 2, count=2)
    assert gather(tmp_path / "o", reporter=quiet).done == 3
    predict(tmp_path / "s", model, tmp_path / "one", MINE, reporter=quiet)
    assert without_seconds(tmp_path / "o/manifest.csv") == without_seconds(
        tmp_path / "one/manifest.csv"
    )
    assert table_text([{"a": "x\ry", "b": 1}]) == 'a,b\n"x\ry",1\n'
