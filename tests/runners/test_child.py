"""The network in a process of its own: the same answer, and a fault there costs one question, told
with its signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import breastseg
from breastseg.bundles.bundle import Bundle
from breastseg.errors import EngineError, IncompleteError, InputError, ModelError
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.reporter import Reporter
from breastseg.runners import load_runner
from breastseg.runners.child import ChildRunner
from conftest import DATA, crop, quiet

FAULTS = [signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE]


@pytest.fixture
def child(lively_bundle: Bundle) -> ChildRunner:
    return ChildRunner(lively_bundle, precision="fp32", threads=1)


def gone(pid: int) -> bool:
    """Return whether a process ends within a few seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if (
                Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                == "Z"
            ):
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_it_answers_as_the_runner_does_here(child: ChildRunner, lively_bundle: Bundle) -> None:
    here, tiles = load_runner(lively_bundle, precision="fp32", threads=1), crop(0)[None]
    assert (child.name, child.package) == (here.name, here.package)
    assert np.array_equal(child.labels(tiles), here.labels(tiles))
    child.release()
    found = child.probabilities(tiles)
    assert found.dtype == np.float32
    assert np.array_equal(found, here.probabilities(tiles))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_signal_and_the_next_question_is_answered(
    child: ChildRunner, fault: signal.Signals
) -> None:
    tiles = crop(0)[None, :64, :64]
    before = child.labels(tiles)
    os.kill(child.pid, fault)
    with pytest.raises(
        EngineError,
        match=rf"openvino fp32.* died of a fault .*\({fault.name}\)",
    ):
        child.labels(tiles)
    assert np.array_equal(child.labels(tiles), before)


def test_a_kill_is_told_as_memory(child: ChildRunner) -> None:
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(
        EngineError,
        match=r"\(SIGKILL\), mostly for too much memory",
    ):
        child.labels(crop(0)[None, :64, :64])


def test_errors_keep_their_class_and_words(tiny_bundle: Bundle) -> None:
    with pytest.raises(
        InputError, match="precision 'bf16' of back end 'torch': wanted auto or fp32"
    ):
        ChildRunner(tiny_bundle, "torch", precision="bf16")
    with pytest.raises(ModelError, match="bundle has no int8 network"):
        ChildRunner(tiny_bundle, precision="int8")


def test_a_network_that_cannot_run_is_told_in_one_line(child: ChildRunner) -> None:
    with pytest.raises(EngineError, match=r"the network \(openvino fp32\) cannot run: ") as caught:
        child.labels(np.zeros((1, 64, 64, 4), np.uint8))  # no such channels
    assert "\n" not in str(caught.value)
    assert child.labels(crop(0)[None, :64, :64]).shape == (1, 64, 64)


def test_it_ends_with_who_holds_it(lively_bundle: Bundle) -> None:
    runner = ChildRunner(lively_bundle, threads=1)
    pid = runner.pid
    runner.close()
    assert gone(pid)
    runner.labels(crop(0)[None, :64, :64])  # begins another
    pid = runner.pid
    del runner
    assert gone(pid)


def test_it_ends_when_its_parent_is_killed(lively_bundle: Bundle) -> None:
    code = (
        "import sys, time\n"
        "from breastseg.bundles.bundle import load_bundle\n"
        "from breastseg.runners.child import ChildRunner\n"
        "runner = ChildRunner(load_bundle(sys.argv[1]), threads=1)\n"
        "print(runner.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(lively_bundle.path)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    assert gone(pid)


def test_it_imports_from_where_its_parent_does(lively_bundle: Bundle, tmp_path: Path) -> None:
    """A notebook puts the package's folder into sys.path by hand; a folder of slides may hold a
    file called numpy.py."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('not this one')\n", encoding="utf-8")
    code = (
        "import sys\n"
        "sys.path[:] = [*sys.argv[2:], *sys.path]\n"
        "from breastseg.inference.model import load_model\n"
        "print(load_model(sys.argv[1], threads=1).backend)\n"
    )
    words = [
        sys.executable,
        "-P",
        "-c",
        code,
        str(lively_bundle.path),
        str(Path(breastseg.__file__).parents[1]),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout.startswith("openvino")) == (0, True), done.stderr


class Dying:
    """A runner that dies at its first tile as often as asked, by a real signal to the process that
    computes."""

    def __init__(
        self, child: ChildRunner, times: int, fault: signal.Signals = signal.SIGSEGV
    ) -> None:
        self._child, self._left, self._fault = child, times, fault
        self.name, self.package = child.name, child.package

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self._left:
            self._left -= 1
            os.kill(self._child.pid, self._fault)
        return self._child.labels(tiles)

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return self._child.probabilities(tiles)

    def release(self) -> None:
        self._child.release()


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    folder = tmp_path / "fields"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(crop(number)).save(folder / f"{number}.png")
    return folder


def test_a_native_fault_costs_one_slide_a_second_try(
    lively_bundle: Bundle, child: ChildRunner, fields: Path, tmp_path: Path
) -> None:
    """It took the batch with it, and the same command died there again."""
    said: list[str] = []
    model = Model(lively_bundle, Dying(child, 1))
    rows = predict(
        fields, model, tmp_path / "out", PredictConfig(mpp=0.5), reporter=Reporter(said.append)
    )
    assert len(rows) == 3
    assert any(
        "0.png" in line and "SIGSEGV" in line and line.endswith("tried once more in fp32")
        for line in said
    )
    doubts = [line for line in said if line.startswith("warning: ") and "SIGSEGV" in line]
    assert len(doubts) == 1
    assert "0.png" in doubts[0]
    assert doubts[0].endswith("mapped in openvino fp32 instead")
    predict(
        fields,
        load_model(lively_bundle.path, precision="fp32", threads=1),
        tmp_path / "plain",
        PredictConfig(mpp=0.5),
        reporter=quiet,
    )
    for number in range(3):
        found, wanted = (
            (tmp_path / run / str(number) / "labels.png").read_bytes() for run in ("out", "plain")
        )
        assert found == wanted


def test_a_fault_in_the_forecast_of_a_slide_is_tried_again_too(
    lively_bundle: Bundle, child: ChildRunner, tmp_path: Path
) -> None:
    """The first tile that a slide's network sees is the one by which its time is foretold."""
    said: list[str] = []
    predict(
        DATA / "slides" / "cmu1.svs",
        Model(lively_bundle, Dying(child, 1)),
        tmp_path / "out",
        reporter=Reporter(said.append),
    )
    assert sum("SIGSEGV" in line and line.endswith("tried once more in fp32") for line in said) == 1
    assert (tmp_path / "out" / "cmu1" / "labels.ome.tif").is_file()


def test_a_slide_that_dies_twice_fails_alone_with_the_signal(
    lively_bundle: Bundle,
    child: ChildRunner,
    fields: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    single = Model.in_single
    monkeypatch.setattr(
        Model,
        "in_single",
        lambda self, fault: Model(
            lively_bundle, Dying(single(self, fault).runner, 1, signal.SIGILL)
        ),
    )
    with pytest.raises(
        IncompleteError, match=r"1 of 3 failed, the others are done; the first: .*\(SIGILL\)"
    ):
        predict(
            fields,
            Model(lively_bundle, Dying(child, 1)),
            tmp_path / "out",
            PredictConfig(mpp=0.5),
            reporter=quiet,
        )
    manifest = (tmp_path / "out" / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in manifest[1:]] == ["failed", "done", "done"]


def test_a_notebook_outlives_its_network(lively_bundle: Bundle) -> None:
    model = load_model(lively_bundle.path, threads=1)
    os.kill(model.runner.pid, signal.SIGSEGV)
    with pytest.raises(EngineError, match="SIGSEGV"):
        model.label(crop(0), mpp=0.5)
    assert model.label(crop(0), mpp=0.5).shape == crop(0).shape[:2]
