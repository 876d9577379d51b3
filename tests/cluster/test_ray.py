"""The same on a real engine: Ray with a head and two machines of one core each, on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.cluster.spread import Spread
from breastseg.cluster.task import Mapped, Work
from breastseg.errors import InputError
from breastseg.inference.config import PredictConfig
from breastseg.inference.inputs import Input
from breastseg.inference.ledger import Outcome
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.reporter import Reporter
from conftest import crop, quiet

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and files open
    pytest.mark.skipif(sys.platform == "win32", reason="a cluster of Ray's is no matter there"),
]
SLIDES = 8
MINE = PredictConfig(mpp=0.3)
STORE_BYTES = 80 * 2**20
MEMORY_BYTES = 2**31


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray._private.ray_constants import RAY_WORKER_NICENESS
    from ray.cluster_utils import Cluster

    import breastseg.cluster.ray_engine  # noqa: F401, it switches reports of use off

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    spared = {"include_log_monitor": False, "no_monitor": True}  # nobody reads logs or adds nodes
    with pytest.MonkeyPatch.context() as patch:
        # Ray lets all other work of a machine go first: for minutes, where other tests run beside.
        patch.setenv(RAY_WORKER_NICENESS, "0")
        made = Cluster(initialize_head=True, head_node_args=head | spared)
        for _ in range(2):
            machine(made)
        yield made
        made.shutdown()


def machine(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, memory=MEMORY_BYTES)


@pytest.fixture(scope="module")
def model(lively_bundle: Bundle) -> Model:
    return load_model(lively_bundle.path, backend="onnx", precision="fp32", threads=1)


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    for number in range(SLIDES):
        left = 8 * number
        picture = Image.fromarray(crop(number % 3)[left : left + 64, left : left + 64])
        picture.resize((512, 512)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def one(model: Model, slides: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one machine writes."""
    out = tmp_path_factory.mktemp("one") / "maps"
    with pytest.raises(RuntimeError, match="1 of 9 failed"):
        predict(slides, model, out, MINE, reporter=quiet)
    return every_file(out)


def every_file(out: Path) -> dict[str, bytes]:
    """Return all that is written, without seconds."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.name == "manifest.csv":
            rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
            found[path.name] = repr([row[:2] for row in rows]).encode()
        elif path.is_file() and not path.name.startswith(".part-"):
            found[path.relative_to(out).as_posix()] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def engine(cluster: Any) -> Iterator[Any]:
    """Joined once for all tests: its processes stay, with the model that they loaded."""
    from breastseg.cluster.ray_engine import RayEngine

    with closing(RayEngine(cluster.address)) as joined:
        yield joined


def spread(
    model: Model, slides: Path, out: Path, engine: Any, tell: Callable[[Outcome], None]
) -> list[str]:
    said: list[str] = []
    with pytest.raises(RuntimeError, match="1 of 9 failed"):
        predict(
            slides, model, out, MINE, reporter=Reporter(said.append, tell), mapper=Spread(engine)
        )
    return said


def test_a_machine_that_dies_costs_nothing(
    cluster: Any, engine: Any, model: Model, slides: Path, one: dict[str, bytes], tmp_path: Path
) -> None:
    told: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 2:
            cluster.remove_node(sorted(cluster.worker_nodes, key=id)[0], allow_graceful=False)
            machine(cluster)

    spread(model, slides, tmp_path / "o", engine, tell)
    assert every_file(tmp_path / "o") == one
    assert len(told) == SLIDES + 1


def test_a_process_that_dies_is_tried_again_and_not_for_ever(
    engine: Any,
    model: Model,
    slides: Path,
    one: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    tries = tmp_path / "tries"
    tries.mkdir()

    def dying(work: Work, item: Input) -> Mapped:
        from breastseg.cluster.task import map_slide

        before = len(list(tries.glob(f"{item.path.stem}-*")))
        (tries / f"{item.path.stem}-{before}").touch()
        if item.path.stem == "3" or (item.path.stem == "5" and before == 0):
            os._exit(9)
        return map_slide(work, item)

    said: list[str] = []
    told, mapper = Reporter(said.append), Spread(engine)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_map", ray.remote(dying))
        with pytest.raises(RuntimeError, match="2 of 9 failed"):
            predict(slides, model, tmp_path / "o", MINE, reporter=told, mapper=mapper)
    count = {name: len(list(tries.glob(f"{name}-*"))) for name in ("3", "5", "6")}
    assert count == {"3": 3, "5": 2, "6": 1}
    assert any("3 machines or processes were lost" in line for line in said)
    spread(model, slides, tmp_path / "o", engine, lambda outcome: None)
    assert every_file(tmp_path / "o") == one


def test_a_driver_that_is_killed_goes_on(
    cluster: Any, lively_bundle: Bundle, slides: Path, one: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "o"
    model = ["--model", str(lively_bundle.path), "--backend", "onnx", "--precision", "fp32"]
    words = [*model, "--threads", "1", "--mpp", "0.3", "--cluster", cluster.address, "--json"]
    command = [sys.executable, "-m", "breastseg", "predict", str(slides), "--out", str(out), *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 120
        while not list(out.glob("*/run.json")) and first.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.returncode == 1, done.stderr
    assert "1 of 9 failed" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == SLIDES + 1, "and nothing of Ray's"
    assert every_file(out) == one


def test_machines_that_do_not_share_the_folder_are_told(
    engine: Any, model: Model, slides: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def elsewhere(work: Work, slide: str) -> str:
        from dataclasses import replace

        from breastseg.cluster.task import look

        return look(replace(work, out="/nowhere"), slide)

    def without(work: Work, slide: str) -> str:
        raise ModuleNotFoundError("No module named 'breastseg'")

    for asked, said in ((elsewhere, "does not see the folder /nowhere"), (without, "install")):
        monkeypatch.setattr(engine, "_look", ray.remote(asked))
        with pytest.raises(InputError, match=said):
            predict(slides, model, tmp_path / "o", MINE, reporter=quiet, mapper=Spread(engine))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "here", "ray://h:1", "h:p", "a:99999999"])
def test_an_address_without_a_cluster_is_one_line(
    address: str, slides: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(slides), "--out", str(tmp_path / "o"), "--cluster", address]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"breastseg: cluster {address}: ")
    assert told.count("\n") == 1
    assert not (tmp_path / "o").exists()
