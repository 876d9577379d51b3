"""A training run's last step: a bias per class, chosen on val and put into the network."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from breastseg.bundles.bias import read_last_bias
from breastseg.bundles.bundle import ONNX, WEIGHTS, Bundle
from breastseg.data.dataset import Dataset
from breastseg.data.split import SplitConfig, split
from breastseg.decision.choose import Choice
from breastseg.evaluation.bias import export_bias
from breastseg.reporter import Reporter
from breastseg.training import decide as deciding
from breastseg.training.config import PRESETS
from breastseg.training.train import train
from conftest import quiet
from trained_runs import SHORT, TrainedRuns, command

PLAIN = replace(SHORT, bias="none")


@pytest.fixture
def data(painted_data: Dataset) -> Dataset:
    split(painted_data, SplitConfig("bcss-official", val=0.5))
    return painted_data


def forced(real: Callable[..., Choice]) -> Callable[..., Choice]:
    """Return a choice that always comes out as tumor -0.8, stroma 0.8."""

    def choose(sample: Any, names: Any) -> Choice:
        bias = {**dict.fromkeys(names, 0.0), "tumor": -0.8, "stroma": 0.8}
        return replace(real(sample, names), bias=bias, tried=bias, refused="")

    return choose


def run_auto(data: Dataset, folder: Path) -> tuple[Bundle, list[str]]:
    said: list[str] = []
    return train(data.path, folder / "run", SHORT, reporter=Reporter(said.append)), said


def test_what_was_chosen_is_in_the_network_and_on_the_card(
    data: Dataset,
    tmp_path: Path,
    trained_runs: TrainedRuns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = trained_runs.of(PLAIN)
    plain = without.bundle
    monkeypatch.setattr(deciding, "choose_bias", forced(deciding.choose_bias))
    shifted, said = run_auto(data, tmp_path)
    assert plain.card.decision == {}
    assert not any("bias" in line for line in without.said)
    start = "bias tumor -0.80, stroma +0.80 on val: areas"
    assert sum(line.startswith(start) for line in said) == 1
    decision = shifted.card.decision
    moved = read_last_bias(shifted.path / WEIGHTS) - read_last_bias(plain.path / WEIGHTS)
    assert moved.tolist() == list(decision["bias"].values())
    assert moved.tolist() == pytest.approx([-0.8, 0.8, 0, 0, 0], abs=2e-3)
    assert plain.card.files[ONNX] == shifted.card.files[ONNX]
    assert (decision["how"], decision["split"]) == ("auto", "val")
    assert decision["data"] == data.fingerprint()
    assert shifted.card.parity["max_probability_difference"] < 1e-3


def test_export_chooses_what_training_chose(tmp_path: Path, trained_runs: TrainedRuns) -> None:
    """Through the same tiles, by the weights before and after they were rounded to be stored."""
    plain, chosen = trained_runs.of(PLAIN), trained_runs.of(SHORT)
    out = tmp_path / "exported"
    exported = export_bias(plain.bundle.path, out, dataset=plain.data.path, reporter=quiet)
    one, other = chosen.bundle.card.decision, exported.card.decision
    assert one["patients"] == other["patients"]
    assert one["before"] == pytest.approx(other["before"], abs=0.01)
    assert one["tried"] == pytest.approx(other["tried"], abs=0.3)


KILLED = """
import sys
from breastseg.training import decide
from breastseg.training import train
def killed(*given):
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
train.write_bundle = killed
from breastseg.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command, which ends between the choice and the bundle."""


def test_a_kill_after_the_choice_changes_nothing(
    data: Dataset, tmp_path: Path, trained_runs: TrainedRuns
) -> None:
    whole = trained_runs.of(SHORT).bundle
    run = tmp_path / "killed" / "run"
    words = [sys.executable, "-c", KILLED, *command(data.path, run, SHORT)[3:]]
    assert subprocess.run(words, capture_output=True, check=False).returncode == -9
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert not (run / "bundle").exists()
    again = train(data.path, run, SHORT, reporter=quiet)
    assert again.card.files == whole.card.files
    assert again.card.decision == whole.card.decision


def test_without_a_val_part_nothing_is_chosen(painted_data: Dataset, tmp_path: Path) -> None:
    split(painted_data, SplitConfig("bcss-official", val=0))
    bundle, said = run_auto(painted_data, tmp_path)
    assert bundle.card.decision == {}
    assert "no bias: there is no part 'val' to choose it on" in said


def test_patients_that_trained_the_model_do_not_choose(
    data: Dataset, tmp_path: Path, trained_runs: TrainedRuns
) -> None:
    first = trained_runs.of(PLAIN).bundle
    patients = first.card.training.patients or {}
    parts = (("train", "val"), ("val", "train"))
    rows = [f"{name},{other}" for part, other in parts for name in patients[part]]
    table = tmp_path / "turned.csv"
    rows += [f"{name},test" for name in patients["test"]]
    table.write_text("patient,split\n" + "\n".join(rows) + "\n")
    split(data, SplitConfig(str(table)))
    said: list[str] = []
    config = replace(SHORT, start=str(first.path))
    second = train(data.path, tmp_path / "second" / "run", config, reporter=Reporter(said.append))
    assert second.card.decision == {}
    taught = patients["train"]
    told = f"no bias: {len(taught)} patients of 'val' trained the model too ({taught[0]})"
    assert told in said


def test_the_presets() -> None:
    assert {name: config.bias for name, config in PRESETS.items()} == {
        "fast": "auto", "standard": "auto", "report": "none",
    }  # fmt: skip


def test_adjusted_logits_are_told_and_leave_checkpoints_as_they_are(
    data: Dataset,
    tmp_path: Path,
) -> None:
    said: list[str] = []
    config = replace(SHORT, logit_adjust=1.0)
    train(data.path, tmp_path / "adjusted", config, reporter=Reporter(said.append))
    told = [line for line in said if line.startswith("logits adjusted by 1 times the logarithm")]
    assert len(told) == 1
    shares = [float(part.split()[-1]) for part in told[0].partition("shares: ")[2].split(", ")]
    assert sum(shares) == pytest.approx(1, abs=0.003)
    assert all(share > 0.1 for share in shares), "the five painted stripes are equally wide"
