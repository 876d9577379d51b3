"""A network trained on a data set: crops, loop, and the best epoch's weights."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.errors import InputError, MissingPackageError, ModelError
from breastseg.files import write_json, write_text
from breastseg.networks.build import Network
from breastseg.networks.losses import log_prior
from breastseg.processor import worker_count
from breastseg.records import to_json
from breastseg.reporter import Reporter
from breastseg.training.config import LOGGERS, TrainConfig
from breastseg.training.curves import save_curves
from breastseg.training.environment import environment
from breastseg.training.history import read_checkpoint
from breastseg.training.loader import GridBatches, Share, TrainBatches
from breastseg.training.loop import resolved_precision, run_loop
from breastseg.training.segmentation import Segmenter, set_frozen
from breastseg.training.summary import layer_summary
from breastseg.training.types import TypeTask
from breastseg.wording import counted

_PRIOR_CROPS = 512
"""Crops by which the shares of the classes are counted."""


def fit(
    data: Dataset,
    parts: dict[str, list[str]],
    network: Network,
    config: TrainConfig,
    run: Path,
    loggers: list[Logger],
    reporter: Reporter,
) -> Network:
    """Run the loop and return the best epoch's network.

    Args:
        data: the data set.
        parts: regions of train, and of val where there are any.
        network: with its first weights.
        config: how to train.
        run: the run's folder.
        loggers: that hear of it beside metrics.csv.
        reporter: who hears of it.
    """
    # PyTorch counts processors, not a container's share of them.
    torch.set_num_threads(min(torch.get_num_threads(), worker_count()))
    share = Share(rank(), config.devices)
    batches = _train_batches(data, parts["train"], config, share)
    module = Segmenter(
        network,
        config,
        classes=len(data.label_map.classes),
        steps=len(batches) * config.epochs,
        shift=_shift(batches, config, reporter),
        discs=data.dots_as != "regions",
        types=TypeTask(network, data, parts["train"], config) if config.task == "both" else None,
    )
    set_frozen(network, module.encoder_frozen(0))
    summary = layer_summary(network, config.batch, config.crop_px)
    if share.rank == 0:
        write_text(run / "summary.txt", summary + "\n")
        write_json(run / "environment.json", to_json(environment()))
    reporter.message(_size_note(network, len(batches), config))
    val = _val_batches(data, parts.get("val", []), config, share, reporter)
    first = run_loop(module, batches, val, run=run, loggers=loggers)
    if not first:
        # A process that DDP started to train beside the first; what follows is written once.
        sys.exit(0)
    _load_best(module, run)
    save_curves(pd.read_csv(run / "metrics.csv"), run / "curves.png")
    return module.result


def _size_note(network: Network, steps: int, config: TrainConfig) -> str:
    """Return in words how much is trained, and how long an epoch is."""
    count = trained = 0
    for parameter in network.parameters():
        count += parameter.numel()
        if parameter.requires_grad:
            trained += parameter.numel()
    return (
        f"{count:,} parameters, {trained:,} trainable;"
        f" {steps} steps of {config.batch} crops an epoch; precision"
        f" {resolved_precision(config.precision)}"
    )


def _val_batches(
    data: Dataset, regions: list[str], config: TrainConfig, share: Share, reporter: Reporter
) -> GridBatches | None:
    """Return crops by which epochs are compared; None where no pixel of the part is annotated."""
    if not regions:
        return None
    if not data.class_pixels.loc[regions].to_numpy().any():
        reporter.message(
            f"no pixel is annotated in the {counted(len(regions), 'region')} of split 'val':"
            " the last epoch is kept"
        )
        return None
    return GridBatches(data, regions, size_px=config.crop_px, batch=config.batch, share=share)


def _train_batches(
    data: Dataset, regions: list[str], config: TrainConfig, share: Share
) -> TrainBatches:
    """Return the batches of training crops."""
    draw = CropDraw(
        config.crop_px,
        config.balance,
        config.seed,
        config.dots,
        white_label(data, config),
        config.fields,
    )
    crops = Crops(data, regions, draw)
    per_epoch = config.crops_per_epoch
    if not per_epoch:
        # As many as cover the regions once.
        table = data.regions.loc[regions]
        area_px = int((table["width_px"] * table["height_px"]).sum())
        per_epoch = max(config.batch, area_px // config.crop_px**2)
    return TrainBatches(crops, batch=config.batch, crops_per_epoch=per_epoch, share=share)


def _shift(batches: TrainBatches, config: TrainConfig, reporter: Reporter) -> torch.Tensor | None:
    """Return what `ce` adds to the logits: the logarithm of each class's share of the pixels of
    crops of areas, as they are drawn."""
    if not config.logit_adjust:
        return None
    crops = batches.crops
    label_map = crops.dataset.label_map
    counts = np.zeros(len(label_map.classes) + 1, np.int64)
    for start in range(0, _PRIOR_CROPS, config.batch):
        batch = crops.batch(0, list(range(start, start + config.batch)))
        # Dots are drawn class by class, so that their shares say nothing of areas.
        labels = batch.labels[~batch.dotted]
        counts += np.bincount(labels.ravel(), minlength=len(counts))
    pixels = counts[1:]  # (K,): label 0 is not annotated
    prior = log_prior(pixels)
    annotated = max(1, pixels.sum())
    shares = []
    for name, px in zip(label_map.names, pixels, strict=True):
        shares.append(f"{name} {px / annotated:.3f}")
    reporter.message(
        f"logits adjusted by {config.logit_adjust:g} times the logarithm of the classes' shares:"
        f" {', '.join(shares)}"
    )
    return torch.from_numpy(config.logit_adjust * prior).float()


def _load_best(module: Segmenter, run: Path) -> None:
    path = run / "checkpoints" / "best.ckpt"
    if not path.is_file():
        path = run / "checkpoints" / "last.ckpt"  # nothing chose an epoch
    state = read_checkpoint(path)["state_dict"]
    module.load_state_dict(state)
    for weight in state.values():
        # Counters of batches are integers, and always finite.
        if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
            raise ModelError(
                f"{path}: weights are not finite, the run diverged; train again with a lower --lr"
                " or --precision 32"
            )


def white_label(data: Dataset, config: TrainConfig) -> int:
    """Return the label that smooth white places are given; 0 where nobody asked for one.

    Raises:
        LabelError: the label map has no such class.
    """
    if not config.white_as:
        return 0
    return data.label_map.label_of(config.white_as, "--white-as")


def rank() -> int:
    """Return which of the processes that DDP started this is; 0 is the person's own."""
    return int(os.environ.get("LOCAL_RANK", 0))


def loggers_of(names: tuple[str, ...], run: Path) -> list[Logger]:
    """Return the loggers that are asked for by name; they write into the run's folder.

    Raises:
        InputError: no such logger.
        MissingPackageError: it is not installed.
    """
    loggers: list[Logger] = []
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # MLflow reports its use otherwise
    for name in names:
        if name not in LOGGERS:
            raise InputError(f"logger '{name}': not known; wanted {', '.join(LOGGERS)}")
        try:
            loggers.append(_logger(name, run))
        except ModuleNotFoundError as cause:
            raise MissingPackageError(
                f"logger '{name}': {cause.name or name} is not installed; pip install"
                " 'breastseg[track]'"
            ) from None
    return loggers


def _logger(name: str, run: Path) -> Logger:
    if name == "tensorboard":
        # An empty version: Lightning would put each start of a run into a folder of its own.
        return TensorBoardLogger(run, name="tensorboard", version="")
    return MLFlowLogger(
        run.name,
        tracking_uri=f"sqlite:///{run / 'mlflow.db'}",
        artifact_location=str(run / "mlflow"),
    )
