import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import BreastsegError, InputError, ModelError, OutputError, SplitError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.losses import SumLoss, balanced_cross_entropy
from breastseg.reporter import Reporter
from breastseg.training.checkpoints import WholeCheckpoints
from breastseg.training.config import PRESETS, preset
from breastseg.training.loader import GridBatches, Share, TrainBatches
from breastseg.training.segmentation import Segmenter
from breastseg.training.train import train
from conftest import DATA, paint, quiet, tcga
from trained_runs import SHORT, TINY, TrainedRuns, command


@pytest.fixture
def data(painted_data: Dataset) -> Dataset:
    split(painted_data, SplitConfig("bcss-official", val=0.5))
    return painted_data


NEVER_DONE = """
import json, os, sys, time
from breastseg.training import train
from breastseg.cli import main
def held(*given):
    while True: time.sleep(1)
train.write_bundle = held
for words in sys.stdin:
    begun = os.fork()
    if not begun:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            main(json.loads(words))
        finally:
            os._exit(1)
    print(begun, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(begun, 0)[1]), flush=True)
"""
"""Begins a process for each command that it is told, and says its number and how it ended. The
command writes no bundle: who kills is never too late. PyTorch is imported once for all of them."""


@pytest.fixture(scope="module")
def beginner() -> Iterator[subprocess.Popen[str]]:
    """A process that begins commands as NEVER_DONE says."""
    with subprocess.Popen(
        [sys.executable, "-c", NEVER_DONE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process


def tell(beginner: subprocess.Popen[str], words: list[str]) -> int:
    """Begin a command; return the number of its process."""
    assert beginner.stdin is not None
    print(json.dumps(words), file=beginner.stdin, flush=True)
    return answer_of(beginner)


def answer_of(beginner: subprocess.Popen[str]) -> int:
    assert beginner.stdout is not None
    return int(beginner.stdout.readline())


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_learns_and_leaves_everything_behind(data: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    bundle = train(
        data.path, run, replace(TINY, epochs=8, crops_per_epoch=32), name="painted", reporter=quiet
    )
    assert {p.name for p in run.iterdir()} == {
        "breastseg-work.json",
        "environment.json",
        "summary.txt",
        "metrics.csv",
        "curves.png",
        "checkpoints",
        "bundle",
    }
    history = pd.read_csv(run / "metrics.csv")
    assert history["epoch"].tolist() == list(range(8))
    assert history["train_loss"].iloc[-1] < 0.7 * history["train_loss"].iloc[0]
    assert history[["val_loss", "val_accuracy", "val_dice"]].notna().all().all()
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert bundle.card.name == "painted"
    assert bundle.card.training.data == data.fingerprint()
    assert bundle.card.training.patients_of("test") == ("TCGA-OL-C001", "TCGA-OL-C002")
    assert bundle.card.parity["max_probability_difference"] < 1e-3
    assert (
        train(
            data.path,
            run,
            replace(TINY, epochs=8, crops_per_epoch=32),
            name="painted",
            reporter=quiet,
        )
        == bundle
    )
    with pytest.raises(
        OutputError, match=r"'train' work with other settings \(config\.epochs: 8 there"
    ):
        train(data.path, run, replace(TINY, seed=1), name="painted", reporter=quiet)


@pytest.fixture
def half_annotated(tmp_path: Path) -> Dataset:
    """Painted regions of which every second stripe is not annotated."""
    for site, patient in (("A2", "A001"), ("A1", "B001"), ("OL", "C001")):
        paint(tmp_path / "half", tcga(site, patient), codes=(1, 0, 2, 0, 3, 0, 4, 0, 9, 0))
    half = prepare(
        tmp_path / "half",
        tmp_path / "half_data",
        PrepareConfig(to_mpp=0.30, workers=1),
        reporter=quiet,
    )
    split(half, SplitConfig("random", by="hospital", val=0.34, test=0.34))
    return half


@pytest.mark.parametrize(
    ("ema", "pseudo", "augment"),
    [(0.0, 0.0, "stain"), (0.9, 0.0, "stain"), (0.9, 0.21, "strong")],
    ids=["plain", "ema", "pseudo"],
)
def test_killed_at_random_moments_it_ends_the_same(
    half_annotated: Dataset,
    tmp_path: Path,
    beginner: subprocess.Popen[str],
    ema: float,
    pseudo: float,
    augment: str,
) -> None:
    """kill -9 in the middle of an epoch, twice; the finished curve and weights are those of a run
    that was never killed.

    The confidence of 0.21 is just above that of a guess among five, so that an unlearned network
    labels something too.
    """
    data = half_annotated
    config = replace(TINY, augment=augment, ema=ema, pseudo=pseudo, dropout=0.2)
    whole = train(data.path, tmp_path / "whole" / "run", config, reporter=quiet)
    run, rng = tmp_path / "killed" / "run", np.random.default_rng(int(10 * ema))
    for epochs in sorted(rng.choice(np.arange(1, 5), 2, replace=False)):
        process = tell(beginner, command(data.path, run, config)[3:])
        while is_alive(process):
            if (run / "metrics.csv").is_file() and len(
                (run / "metrics.csv").read_text().splitlines()
            ) > epochs:
                time.sleep(rng.uniform(0, 0.2))
                break
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
        assert answer_of(beginner) == -signal.SIGKILL
        assert not (run / "bundle").exists()
    again = train(data.path, run, config, reporter=quiet)
    assert (run / "metrics.csv").read_text() == (
        tmp_path / "whole" / "run" / "metrics.csv"
    ).read_text()
    assert again.card.files == whole.card.files


def test_a_checkpoint_of_what_was_read_back_is_the_same_bytes(tmp_path: Path) -> None:
    """A pickle says of a text, list or tensor that it is the same object as one before; read back,
    equal ones are several objects."""
    score = torch.tensor(0.5)

    def step() -> str:
        return "".join(("st", "ep"))

    one = step()
    whole = [OrderedDict({one: 1, "best": score}), {one: 2, "now": score, "names": [one]}]
    again = [
        OrderedDict({step(): 1, "best": score}),
        {step(): 2, "now": score.detach(), "names": [step()]},
    ]
    paths = [tmp_path / name for name in ("whole.ckpt", "again.ckpt")]
    for states, path in zip((whole, again), paths, strict=True):
        WholeCheckpoints().save_checkpoint({"states": states}, path)
    assert pickled(paths[0]) == pickled(paths[1])


def pickled(checkpoint: Path) -> list[bytes]:
    """Return what PyTorch pickled of a checkpoint and the numbers beside; its folder inside is
    called after the file."""
    with zipfile.ZipFile(checkpoint) as file:
        return [file.read(name) for name in file.namelist() if Path(name).name != ".data"]


def test_checkpoints_go_through_no_folder_but_their_own(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill left one in the system's folder of temporary files; from another disk it was copied,
    so that half of one was possible."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is no such folder"))
    train(data.path, tmp_path / "run", SHORT, reporter=quiet)
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} == {
        "best.ckpt",
        "last.ckpt",
    }


def test_a_checkpoint_that_is_not_written_to_its_end_is_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"epoch": 1}, path)
    with pytest.raises(AttributeError, match="pickle"):
        WholeCheckpoints().save_checkpoint({"epoch": 2, "cannot be written": lambda: None}, path)
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert [left.name for left in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")]
)
def test_a_signal_is_one_line_and_the_run_can_go_on(
    data: Dataset, tmp_path: Path, number: signal.Signals, word: str
) -> None:
    """Lightning's own handler of SIGTERM only takes a note, and looks at it between two batches."""
    run = tmp_path / "run"
    # A shell's background job ignores SIGINT and hands that down; the person at the keyboard is in
    # the foreground.
    heed = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from breastseg.cli import main\n"
    )
    words = [
        sys.executable,
        "-c",
        f"{heed}sys.exit(main())",
        *command(data.path, run, replace(TINY, epochs=20_000))[3:],
    ]
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (run / "checkpoints" / "last.ckpt").is_file() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 128 + number
    assert (
        said.splitlines()[-1]
        == f"breastseg: {word}; what was finished is kept, the same command goes on from there"
    )
    assert "Traceback" not in said
    assert not (run / "bundle").exists()


def test_same_seed_same_bytes_other_seed_other_weights(
    data: Dataset, tmp_path: Path, trained_runs: TrainedRuns
) -> None:
    files = [trained_runs.of(SHORT).bundle.card.files]
    files += [
        train(
            data.path, tmp_path / str(seed) / "run", replace(SHORT, seed=seed), reporter=quiet
        ).card.files
        for seed in (SHORT.seed, SHORT.seed + 1)
    ]
    assert files[0] == files[1]
    assert files[0]["model.safetensors"] != files[2]["model.safetensors"]


def test_two_devices_train_together(data: Dataset, tmp_path: Path) -> None:
    """DDP over two processes: each takes every second crop of a batch, the epoch's figures are
    those of both."""
    words = command(data.path, tmp_path / "run", replace(TINY, epochs=2, devices=2, ema=0.0))
    for _ in range(3):
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=600,
            check=False,
        )
        if (
            "address already in use" not in done.stderr.lower()
        ):  # the port that was found free was given away before it was taken
            break
    assert done.returncode == 0, done.stderr[-2000:]
    assert pd.read_csv(tmp_path / "run" / "metrics.csv")["step"].tolist() == [4, 8]
    assert (tmp_path / "run" / "bundle" / "card.json").is_file()


def test_a_run_can_go_on_from_a_model(
    data: Dataset, tmp_path: Path, trained_runs: TrainedRuns
) -> None:
    first = trained_runs.of(SHORT).bundle
    said: list[str] = []
    trained = first.card.training.patients_of("train")
    held = trained[0]
    split(data, SplitConfig("leave-one-out", patient=held, val=0))
    slow = replace(TINY, epochs=1, start=str(first.path), lr=1e-9, weight_decay=0.0, ema=0.0)
    second = train(data.path, tmp_path / "second", slow, reporter=Reporter(said.append))
    assert f"weights of the model '{first.card.name}'" in said
    assert held in second.card.training.patients_of("train"), (
        "whoever trained the first model trained the second too"
    )
    assert second.card.training.start == first.card.files
    before, after = (load_file(bundle.file("model.safetensors")) for bundle in (first, second))
    weights = [name for name in before if name.endswith("weight")]
    assert all(
        torch.allclose(before[name].float(), after[name].float(), atol=1e-3) for name in weights
    )
    fresh = load_file(
        train(data.path, tmp_path / "third", replace(slow, start=""), reporter=quiet).file(
            "model.safetensors"
        )
    )
    assert not all(
        torch.allclose(before[name].float(), fresh[name].float(), atol=1e-3) for name in weights
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder_channels": (16, 16, 16, 16, 32)}, "has other network"),
        ({"output_stride": 2}, "has other network"),
    ],
)
def test_a_model_of_another_network_is_no_start(
    trained_runs: TrainedRuns, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    first = trained_runs.of(SHORT)
    with pytest.raises(ModelError, match=message):
        train(
            first.data.path,
            tmp_path / "second",
            replace(TINY, start=str(first.bundle.path), **change),
            reporter=quiet,
        )  # type: ignore[arg-type]
    assert not (tmp_path / "second").exists()


def test_frozen_encoder_stays_and_is_freed(data: Dataset, tmp_path: Path) -> None:
    config = replace(TINY, epochs=1, freeze_encoder=True, ema=0.0)
    module = Segmenter(
        build(NetworkConfig("unet", config.encoder, 5, config.decoder_channels)),
        config,
        classes=5,
        steps=1,
    )
    assert module.encoder_frozen(0)
    assert module.encoder_frozen(99)
    freed = Segmenter(module.network, replace(config, unfreeze_epoch=2), classes=5, steps=1)
    assert [freed.encoder_frozen(epoch) for epoch in range(4)] == [True, True, False, False]
    train(data.path, tmp_path / "run", config, reporter=quiet)
    summary = (tmp_path / "run" / "summary.txt").read_text()
    assert "Trainable params" in summary
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)[
        "state_dict"
    ]
    torch.manual_seed(0)
    assert all(
        int(v) == 0
        for k, v in state.items()
        if "encoder" in k and k.endswith("num_batches_tracked")
    )
    assert any(
        int(v) > 0 for k, v in state.items() if "decoder" in k and k.endswith("num_batches_tracked")
    )


def test_shares_of_devices_make_up_the_batch(painted_data: Dataset) -> None:
    crops = Crops(painted_data, list(painted_data.regions.index), CropDraw(32))
    whole = TrainBatches(crops, batch=4, crops_per_epoch=8, share=Share())[1][0]
    parts = [
        TrainBatches(crops, batch=4, crops_per_epoch=8, share=Share(rank, 2))[1][0]
        for rank in (0, 1)
    ]
    assert torch.equal(whole[0::2], parts[0])
    assert torch.equal(whole[1::2], parts[1])


def test_validation_sees_every_annotated_pixel_once(painted_data: Dataset) -> None:
    regions = list(painted_data.regions.index)
    batches = GridBatches(painted_data, regions, size_px=64, batch=3, share=Share())
    labels = torch.cat([batches[i][1].flatten() for i in range(len(batches))])
    assert int((labels > 0).sum()) == int(painted_data.class_pixels.to_numpy().sum())


def test_the_kaggle_tiles_train_with_the_report_preset(tmp_path: Path) -> None:
    """The report's path on two of its tiles: 21 classes, ResNet34 U-Net, frozen encoder, every
    class in every channel."""
    tiles = prepare(
        DATA / "kaggle224",
        tmp_path / "tiles",
        PrepareConfig(to_mpp=0.30, labels="bcss21", workers=1),
        reporter=quiet,
    )
    tiles.regions.assign(split="train")[["split"]].to_csv(tmp_path / "split.csv")
    split(tiles, SplitConfig(str(tmp_path / "split.csv")))
    config = preset(
        "report",
        encoder_weights="none",
        batch=2,
        epochs=1,
        precision="32",
        crop_px=64,
        allow_absent_classes=True,
    )
    bundle = train(tiles.path, tmp_path / "run", config, reporter=quiet)
    summary = (tmp_path / "run" / "summary.txt").read_text()
    assert "Total params: 24,439,269" in summary
    assert "Trainable params: 3,154,597" in summary
    assert len(bundle.card.label_map.classes) == 21


def test_report_preset_is_the_report() -> None:
    report = PRESETS["report"]
    assert (report.arch, report.encoder, report.encoder_weights, report.freeze_encoder) == (
        "unet",
        "resnet34",
        "hub",
        True,
    )
    assert (report.crop_px, report.batch, report.epochs, report.seed) == (224, 64, 10, 42)
    assert (report.monitor, report.augment) == ("val_loss", "none")
    assert preset("report", crop_px=512).crop_px == 512


def segmenter(**changes: object) -> Segmenter:
    """Return the tiny network in training, for a run of 100 steps."""
    torch.manual_seed(0)
    given = {"augment": "none", "ema": 0.9, "pseudo": 0.5, **changes}
    config = replace(TINY, **given)  # type: ignore[arg-type]
    return Segmenter(
        build(NetworkConfig("unet", config.encoder, 5, config.decoder_channels)),
        config,
        classes=5,
        steps=100,
    )


class _Sure(torch.nn.Module):
    """A teacher that names class 2 with a confidence that grows from left to right, whatever it is
    shown."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(pictures), 5, *pictures.shape[2:])
        logits[:, 2] = torch.linspace(0, 4, pictures.shape[3])
        return logits


def test_pseudo_labels_are_the_teachers_where_it_is_sure_and_nothing_is_annotated() -> None:
    module = segmenter(pseudo=0.9)
    assert module.averaged is not None
    module.averaged.module = _Sure()
    labels = torch.zeros(2, 32, 32, dtype=torch.uint8)
    labels[:, :16] = 1
    logits = torch.randn(2, 5, 32, 32, requires_grad=True)
    loss = module._pseudo_loss(torch.zeros(2, 3, 32, 32), labels, logits, torch.zeros(2, 5))
    loss.backward()
    confidence = torch.softmax(_Sure()(torch.zeros(1, 3, 1, 32)), dim=1)[0, 2, 0]
    sure = (labels == 0) & (confidence >= 0.9)
    assert 0 < sure.sum() < (labels == 0).sum()
    by_hand = -torch.log_softmax(logits.detach(), dim=1)[:, 2][sure].mean()
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert logits.grad is not None
    assert torch.equal(logits.grad.abs().sum(1) > 0, sure)


@pytest.mark.parametrize(
    ("pseudo", "annotated"), [(0.999, 0), (0.5, 1)], ids=["never sure", "all annotated"]
)
def test_without_pseudo_labels_there_is_no_loss_of_them(pseudo: float, annotated: int) -> None:
    module = segmenter(pseudo=pseudo)
    assert module.averaged is not None
    module.averaged.module = _Sure()
    logits = torch.randn(1, 5, 32, 32, requires_grad=True)
    loss = module._pseudo_loss(
        torch.zeros(1, 3, 32, 32),
        torch.full((1, 32, 32), annotated, dtype=torch.uint8),
        logits,
        torch.zeros(1, 5),
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (10, 0.0), (20, 0.5), (30, 1.0), (99, 1.0)])
def test_pseudo_labels_begin_to_count_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch, step: int, share: float
) -> None:
    """An averaged network that has learned nothing yet would teach nothing else."""
    module = segmenter()
    monkeypatch.setattr(Segmenter, "global_step", step)
    monkeypatch.setattr(module, "_pseudo_loss", lambda *_: torch.tensor(8.0))
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    nothing = torch.zeros(1, 32, 32, dtype=torch.uint8)
    batch = (
        torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        nothing,
        torch.tensor([False]),
        torch.zeros(1, 5),
        nothing,
    )
    assert module.eval().training_step(batch, 0).item() == pytest.approx(8 * share)


def test_the_teacher_learns_by_average_alone() -> None:
    """It is the network at first, goes a tenth of the way at each step, and no gradient reaches
    it."""
    module = segmenter()
    assert module.averaged is not None
    name = "body.decoder.blocks.0.conv1.0.weight"
    student, teacher = (dict(m.named_parameters())[name] for m in (module.network, module.result))
    assert not teacher.requires_grad
    assert torch.equal(student, teacher)
    module.averaged.update_parameters(module.network)  # the first is taken whole
    before = teacher.clone()
    student.data.add_(1.0)
    module.on_train_batch_end(None, (), 0)  # type: ignore[arg-type]
    assert torch.allclose(teacher, before + 0.1, atol=1e-6)
    trained = [
        p
        for group in module.configure_optimizers()["optimizer"].param_groups
        for p in group["params"]
    ]
    assert {id(p) for p in trained} == {id(p) for p in module.network.parameters()}


def test_dots_and_areas_have_losses_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = segmenter(pseudo=0.0, ema=0.0, loss="ce")
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    module.eval()
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 3, (3, 32, 32), dtype=torch.uint8)
    logits = module.network(pictures.float()).detach()
    areas, dots = SumLoss("ce"), balanced_cross_entropy
    for dotted in ([False] * 3, [True] * 3, [True, False, True]):
        mask = torch.tensor(dotted)
        expected = float(areas(logits[~mask], labels[~mask]) + dots(logits[mask], labels[mask]))
        batch = (pictures, labels, mask, torch.zeros(3, 5), torch.zeros_like(labels))
        assert module.training_step(batch, 0).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augment": "cutmix"}, r"augment 'cutmix': wanted none, flips, stain, strong"),
        ({"precision": "16"}, r"precision '16': wanted auto, 32, bf16"),
        ({"crop_px": 100}, r"crop_px 100: wanted a multiple of 32"),
        ({"epochs": 0}, r"epochs 0: wanted more than 0"),
        ({"ema": 1.5}, r"ema 1\.5, balance 0\.5: wanted 0 up to 1"),
        ({"bias": "some"}, r"bias 'some': wanted auto, none"),
        (
            {"logit_adjust": -1.0},
            r"logit_adjust -1 with loss ce\+dice: wanted 0 up to 3, and more than 0 only with ce",
        ),
        (
            {"logit_adjust": 1.0, "loss": "balanced+dice"},
            r"logit_adjust 1 with loss balanced\+dice: wanted 0 up to 3",
        ),
        ({"depth": 3}, r"option 'depth': not known; wanted arch, encoder"),
    ],
)
def test_wrong_options_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        preset("fast", **change)


def test_absent_class_is_named_and_can_be_allowed(data: Dataset, tmp_path: Path) -> None:
    coarse = prepare(DATA / "bcss", tmp_path / "crops", PrepareConfig(workers=1), reporter=quiet)
    split(coarse, SplitConfig("leave-one-out", patient="TCGA-A2-A3XX", val=0))
    with pytest.raises(SplitError, match=r"class 'other' never occurs in the 2 training regions"):
        train(coarse.path, tmp_path / "run", TINY, reporter=quiet)
    assert not (tmp_path / "run").exists()
    said: list[str] = []
    train(
        coarse.path,
        tmp_path / "run",
        replace(TINY, epochs=1, allow_absent_classes=True),
        reporter=Reporter(said.append),
    )
    assert said[0] == "class 'other' never occurs in training, the model cannot learn it"


def test_a_run_that_diverges_makes_no_bundle(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=r"weights are not finite"):
        train(
            data.path,
            tmp_path / "run",
            replace(TINY, epochs=1, lr=1e30, schedule="constant"),
            reporter=quiet,
        )
    assert not (tmp_path / "run" / "bundle").exists()


def test_tensorboard_when_asked(data: Dataset, tmp_path: Path) -> None:
    train(
        data.path,
        tmp_path / "run",
        SHORT,
        loggers=("tensorboard",),
        reporter=quiet,
    )
    assert list((tmp_path / "run" / "tensorboard").glob("events.out.tfevents.*"))
    with pytest.raises(InputError, match=r"logger 'wandb': not known; wanted tensorboard, mlflow"):
        train(
            data.path,
            tmp_path / "other",
            SHORT,
            loggers=("wandb",),
            reporter=quiet,
        )


def test_environment_is_saved(data: Dataset, trained_runs: TrainedRuns) -> None:
    run = trained_runs.of(SHORT).run
    environment = json.loads((run / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__
    work = json.loads((run / "breastseg-work.json").read_text())
    assert work["settings"]["config"]["seed"] == 42
    assert work["settings"]["data"] == data.fingerprint()
