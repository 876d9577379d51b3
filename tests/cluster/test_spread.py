"""Slides on many machines, as the driver sees it: an engine that loses what it is told to lose,
and else maps in this process."""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from breastseg.bundles.bundle import DEFAULT_MODEL, Bundle
from breastseg.cli import main
from breastseg.cluster import task
from breastseg.cluster.engine import Answer, Lost, Machine, Need, Short
from breastseg.cluster.spread import Spread, work_of
from breastseg.cluster.task import Mapped, Work, look, map_slide
from breastseg.errors import BreastsegError, EngineError, IncompleteError, InputError
from breastseg.inference.config import PredictConfig
from breastseg.inference.inputs import Input
from breastseg.inference.ledger import Ledger, Outcome
from breastseg.inference.model import Model, load_model, mean_of
from breastseg.inference.predict import predict
from breastseg.reporter import Reporter
from breastseg.runners.runner import PRECISIONS
from conftest import another_bundle, crop, quiet
from run_records import made_up

MINE = PredictConfig(mpp=0.3)
ROOM = Need(2, 2 * 10**9)
GONE = Lost("the process that mapped it died")
FULL = Short("memory")


class Scripted:
    """An engine of two machines; `script` has what becomes of the tries of a slide, by its name,
    before it is mapped."""

    def __init__(
        self,
        script: dict[str, list[Answer]] | None = None,
        *,
        room: Need = ROOM,
        mapped: Callable[[Work, Input], Answer] = map_slide,
    ) -> None:
        self.script, self.mapped = script or {}, mapped
        self.there = [Machine(f"machine {number}", str(number), room) for number in range(2)]
        self.begun: list[tuple[str, Need]] = []
        self.flying: deque[tuple[int, Work, Input]] = deque()
        self.most = 0

    def machines(self) -> list[Machine]:
        return self.there

    def look(self, work: Work, slide: str, machines: Collection[Machine]) -> dict[str, str]:
        return {one.name: fault for one in machines if (fault := look(work, slide))}

    def begin(self, work: Work, item: Input, need: Need) -> int:
        self.begun.append((item.name, need))
        self.flying.append((len(self.begun), work, item))
        self.most = max(self.most, len(self.flying))
        return len(self.begun)

    def ended(self, wait_s: float) -> list[tuple[int, Answer]]:
        if not self.flying:
            return []
        number, work, item = self.flying.pop()  # the last first: no order is promised
        tries = self.script.get(item.name)
        return [(number, tries.pop(0) if tries else self.mapped(work, item))]

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def model(lively_bundle: Bundle) -> Model:
    return load_model(lively_bundle.path, backend="onnx", precision="fp32", threads=1)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    folder = tmp_path / "s"
    folder.mkdir()
    for number in range(5):
        left = 8 * number
        Image.fromarray(crop(number % 3)[left : left + 64, left : left + 64]).save(
            folder / f"{number}.png"
        )
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def outcomes(out: Path) -> dict[str, str]:
    lines = (out / "manifest.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {Path(line.split(",")[0]).stem: line.split(",")[1] for line in lines}


def spread(model: Model, cohort: Path, out: Path, engine: Scripted) -> list[Outcome]:
    told: list[Outcome] = []
    with pytest.raises(IncompleteError):
        predict(
            cohort,
            model,
            out,
            MINE,
            reporter=Reporter(quiet.message, told.append),
            mapper=Spread(engine),
        )
    return told


def test_it_is_what_one_machine_writes(model: Model, cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="1 of 6") as one:
        predict(cohort, model, tmp_path / "one", MINE, reporter=quiet)
    engine = Scripted({"2": [GONE], "0": [GONE, GONE]})
    told = spread(model, cohort, tmp_path / "many", engine)
    assert "broken.png" in str(one.value)
    left, right = tmp_path / "one", tmp_path / "many"
    assert (left / "measures.csv").read_bytes() == (right / "measures.csv").read_bytes()
    names = {path.relative_to(left) for path in left.rglob("*") if path.is_file()}
    assert names == {path.relative_to(right) for path in right.rglob("*") if path.is_file()}
    apart = {"manifest.csv"}  # it has seconds
    assert all(
        (left / name).read_bytes() == (right / name).read_bytes()
        for name in names
        if name.name not in apart
    )
    assert outcomes(left) == outcomes(right)
    assert Counter(one.status for one in told) == {"done": 5, "failed": 1}
    assert Counter(name for name, _ in engine.begun)["0"] == 3


def test_a_fault_of_a_slide_is_tried_once(model: Model, cohort: Path, tmp_path: Path) -> None:
    engine = Scripted()
    spread(model, cohort, tmp_path / "o", engine)
    assert Counter(name for name, _ in engine.begun) == dict.fromkeys(
        ["0", "1", "2", "3", "4", "broken"], 1
    )


def test_three_lost_machines_end_a_slide(model: Model, cohort: Path, tmp_path: Path) -> None:
    engine = Scripted({"3": [GONE, GONE, GONE]})
    told = spread(model, cohort, tmp_path / "o", engine)
    assert outcomes(tmp_path / "o")["3"] == "failed"
    causes = {one.name: one.cause or "" for one in told}
    assert "3 machines or processes were lost" in causes["3"]
    assert len([name for name, _ in engine.begun if name == "3"]) == 3


def test_what_ran_out_of_memory_gets_twice_as_much_once(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    short = Mapped(1.0, error=("ShortageError", "s/2.png: out of memory"))
    engine = Scripted({"1": [FULL], "2": [short, FULL]})
    told = spread(model, cohort, tmp_path / "o", engine)
    needs = {
        name: [need.memory_bytes for one, need in engine.begun if one == name] for name in "012"
    }
    assert needs["1"] == [needs["0"][0], 2 * needs["0"][0]] == needs["2"]
    assert outcomes(tmp_path / "o")["1"] == "done"
    causes = {one.name: one.cause or "" for one in told}
    assert "memory ran out" in causes["2"]


def test_twice_the_memory_of_all_machines_is_not_waited_for(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    engine = Scripted()
    spread(model, cohort, tmp_path / "o", engine)
    least = engine.begun[0][1]
    engine = Scripted({"1": [FULL]}, room=replace(least, cores=2))
    told = spread(model, cohort, tmp_path / "p", engine)
    causes = {one.name: one.cause or "" for one in told}
    assert "no machine that has twice as much" in causes["1"]


def test_a_cluster_that_is_too_small_is_said_before_the_first_slide(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    engine = Scripted(room=Need(2, 10**6))
    with pytest.raises(InputError, match=r"no machine with 1 cores and .* it has machine 0"):
        predict(cohort, model, tmp_path / "o", MINE, reporter=quiet, mapper=Spread(engine))
    assert engine.begun == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"version": "0.0.1"}, "install the same version on all"),
        ({"token": ("nothing", "there")}, "does not see the folder"),
    ],
)
def test_a_machine_that_does_not_fit_is_told_before_the_first_slide(
    fault: dict[str, str],
    said: str,
    model: Model,
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Elsewhere(Scripted):
        def look(self, work: Work, slide: str, machines: Collection[Machine]) -> dict[str, str]:
            return super().look(replace(work, **fault), slide, machines)  # type: ignore[arg-type]

    engine = Elsewhere()
    with pytest.raises(InputError, match=said) as raised:
        predict(cohort, model, tmp_path / "o", MINE, reporter=quiet, mapper=Spread(engine))
    assert str(raised.value).startswith("machine machine 0")
    assert engine.begun == []
    assert not list((tmp_path / "o").glob(".part-*"))


@dataclass(frozen=True)
class Named:
    """A runner of which only its name is asked."""

    name: str
    package: str = ""


@pytest.mark.parametrize(
    ("name", "backend", "precision"),
    [
        ("openvino int8+bf16", "openvino", "int8"),
        ("openvino int8", "openvino", "int8"),
        ("openvino bf16", "openvino", "bf16"),
        ("onnx fp32", "onnx", "fp32"),
        ("torch cuda fp32", "torch", "fp32"),
    ],
)
def test_machines_are_asked_for_what_the_first_computes_with(
    name: str, backend: str, precision: str, model: Model, tmp_path: Path
) -> None:
    work = work_of(replace(model, runner=Named(name)), tmp_path, MINE, ("", ""))
    (asked,) = work.models
    assert (asked.backend, asked.precision) == (backend, precision)
    assert precision in PRECISIONS
    assert asked.runner == name, "and no other"


def test_the_shipped_model_in_its_own_precision_fits(cohort: Path, tmp_path: Path) -> None:
    """In whatever precision this processor is given, int8+bf16 on some."""
    (tmp_path / "token").write_text("held")
    shipped = load_model(DEFAULT_MODEL, threads=1)
    work = work_of(shipped, tmp_path, MINE, ("token", "held"))
    assert look(work, str(cohort)) == ""


def test_another_model_slide_or_engine_there_is_told(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "t").write_text("x")
    work = work_of(model, tmp_path, MINE, ("t", "x"))
    assert look(work, str(cohort / "0.png")) == ""
    assert "does not see" in look(work, str(cohort / "gone.png"))
    (asked,) = work.models
    other = replace(work, models=(replace(asked, files=(("model.onnx", "0" * 64),)),))
    assert "has another model" in look(other, str(cohort))
    other = replace(work, models=(replace(asked, runner="openvino int8"),))
    assert "--precision fp32" in look(other, str(cohort))
    other = replace(work, models=(replace(asked, name_or_path="nowhere"),))
    assert "no bundle there" in look(other, str(cohort))


def test_a_machine_that_came_later_and_does_not_fit_ends_the_run(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    engine = Scripted({"2": [Mapped(0.0, unfit="has breastseg 0.0.1")]})
    with pytest.raises(EngineError, match=r"came later has breastseg 0\.0\.1"):
        predict(cohort, model, tmp_path / "o", MINE, reporter=quiet, mapper=Spread(engine))
    told = spread(model, cohort, tmp_path / "o", Scripted())
    assert Counter(one.status for one in told) == {"done": 5, "failed": 1}


def test_a_full_disk_ends_the_run(model: Model, cohort: Path, tmp_path: Path) -> None:
    engine = Scripted({"2": [Mapped(0.0, stops="o: no space left")]})
    with pytest.raises(BreastsegError, match="no space left"):
        predict(cohort, model, tmp_path / "o", MINE, reporter=quiet, mapper=Spread(engine))
    assert outcomes(tmp_path / "o")["2"] == "stopped"


def test_a_cluster_that_is_empty_is_waited_for_and_then_left(
    model: Model, cohort: Path, tmp_path: Path
) -> None:
    class Emptied(Scripted):
        def ended(self, wait_s: float) -> list[tuple[int, Answer]]:
            self.there = []
            time.sleep(0.02)
            return []

    mapper = Spread(Emptied(), patience_s=0.1)
    said: list[str] = []
    with pytest.raises(EngineError, match="no machine of the cluster came back"):
        predict(cohort, model, tmp_path / "o", MINE, reporter=Reporter(said.append), mapper=mapper)
    assert said.count("no machine of the cluster is left; waiting for one") == 1


def test_a_folder_that_a_dying_process_holds_is_waited_for(
    model: Model, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver was killed and begun again; its old task is not gone yet."""
    from breastseg.errors import OutputError

    real, asked = task.predict_file, []

    def held_once(item: Input, *others: object) -> object:
        asked.append(item.name)
        if asked.count(item.name) == 1:
            raise OutputError(f"{item.name}: another run is writing there now")
        return real(item, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(task, "predict_file", held_once)
    monkeypatch.setattr(task, "_PAUSE_S", 0.0)
    told = spread(model, cohort, tmp_path / "o", Scripted())
    assert Counter(one.status for one in told) == {"done": 5, "failed": 1}


def test_thousands_of_slides_keep_few_in_flight_and_write_the_table_seldom(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slide = tmp_path / "one.png"
    Image.fromarray(crop(0)).save(slide)
    names = "".join(f"s{number}.png\n" for number in range(2000))
    for name in names.split():
        (tmp_path / name).hardlink_to(slide)
    (tmp_path / "slides.csv").write_text(f"path\n{names}")
    writes: list[int] = []
    real = Ledger._write_manifest

    def counting(self: Ledger) -> None:
        writes.append(1)
        real(self)

    monkeypatch.setattr(Ledger, "_write_manifest", counting)
    result = made_up({"tumor_mm2": 1.0})
    engine = Scripted(mapped=lambda work, item: Mapped(0.0, result=result, fresh=True))
    config = PredictConfig(mpp=0.3)
    rows = predict(
        tmp_path / "slides.csv",
        model,
        tmp_path / "o",
        config,
        reporter=quiet,
        mapper=Spread(engine),
    )
    assert len(rows) == 2000
    assert engine.most <= 8, "twice what two machines of two cores take"
    assert len(writes) < 500
    assert set(outcomes(tmp_path / "o").values()) == {"done"}


@pytest.mark.parametrize("other", [["--shard", "1/2"], ["--dry-run"]])
def test_what_does_not_go_together_is_one_line(
    other: list[str], cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(cohort), "--out", str(tmp_path / "o"), "--cluster", "auto", *other]
    assert main(words) == 2
    assert f"--cluster with {other[0]}" in capsys.readouterr().err


def test_several_models_map_there_as_here(
    lively_bundle: Bundle, tmp_path: Path, cohort: Path
) -> None:
    """Each machine takes the mean of the same models; the tables and run.json are the same."""
    other = another_bundle(lively_bundle, tmp_path / "other")
    pair = [
        load_model(one.path, backend="onnx", precision="fp32", threads=1)
        for one in (lively_bundle, other)
    ]
    slide = cohort / "2.png"
    predict(slide, pair, tmp_path / "here", MINE, reporter=quiet)
    mapper = Spread(Scripted())
    predict(slide, pair, tmp_path / "there", MINE, reporter=quiet, mapper=mapper)
    for name in ("run.json", "disagreement.ome.tif", "labels.png"):
        here, there = (tmp_path / out / "2" / name for out in ("here", "there"))
        assert here.read_bytes() == there.read_bytes(), name
    work = work_of(mean_of(pair), tmp_path, MINE, ("t", "x"))
    (tmp_path / "t").write_text("x")
    assert look(work, str(slide)) == ""
    changed = replace(work.models[1], files=(("model.onnx", "0" * 64),))
    said = look(replace(work, models=(work.models[0], changed)), str(slide))
    assert f"has another model under {other.path}" in said


def test_outcomes_are_lines_of_json(model: Model, cohort: Path, tmp_path: Path) -> None:
    told = spread(model, cohort, tmp_path / "o", Scripted())
    lines = [json.loads(one.json_line()) for one in told]
    assert {line["name"]: line["status"] for line in lines}["broken"] == "failed"
    assert all(line["measures"]["analysed_mm2"] > 0 for line in lines if line["status"] == "done")
