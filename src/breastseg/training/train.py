"""train(): a prepared and split data set -> a run folder.

breastseg-work.json   the configuration as run, hashes of data and split
environment.json      versions, processor, git commit
summary.txt           the network, layer by layer
metrics.csv           one row an epoch
curves.png            the same as a picture
checkpoints/          last.ckpt, and best.ckpt where a validation part chooses it
bundle/               the model: written last, so a run that has it is finished
"""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger

from breastseg.bundles.bundle import HISTORY, Bundle, load_bundle
from breastseg.bundles.card import Card
from breastseg.bundles.training import Training
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import is_leaky, load_split, regions_of, split_fingerprint
from breastseg.errors import InputError, MissingPackageError, ModelError, SplitError
from breastseg.files import Remains, own_folder, write_json, write_text
from breastseg.inference.tiles import TileConfig
from breastseg.json_files import JsonObject
from breastseg.networks.build import (
    HAS_DECODER_CHANNELS,
    Network,
    NetworkConfig,
    build,
    check_encoder,
    normalisation,
)
from breastseg.networks.export import no_more, write_bundle
from breastseg.networks.export_types import write_types
from breastseg.networks.losses import SumLoss, log_prior
from breastseg.networks.weights import encoder_origin, load_bundle_weights, load_encoder_weights
from breastseg.processor import worker_count
from breastseg.records import to_json
from breastseg.reporter import QUIET, TERMINAL, Reporter
from breastseg.training.config import LOGGERS, TrainConfig
from breastseg.training.curves import save_curves
from breastseg.training.decide import decide
from breastseg.training.environment import environment
from breastseg.training.history import read_checkpoint
from breastseg.training.loader import GridBatches, Share, TrainBatches
from breastseg.training.loop import resolved_precision, run_loop
from breastseg.training.segmentation import Segmenter, set_frozen
from breastseg.training.summary import layer_summary
from breastseg.training.types import TUMOR, TypedFields, TypeTask, check_task, fitted_types
from breastseg.wording import counted

_REMAINS = Remains(
    finished=("bundle", "checkpoints/*.ckpt"),
    rest=(
        "checkpoints",
        "environment.json",
        "summary.txt",
        "metrics.csv",
        "curves.png",
        "tensorboard",
        "mlflow",
        "mlflow.db",
    ),
)
_PRIOR_CROPS = 512
"""Crops by which the shares of the classes are told."""
LITTLE = 0.05
"""A class with a smaller share of the training pixels is named among the card's limits."""


def train(
    dataset: str | Path,
    run: str | Path,
    config: TrainConfig = TrainConfig(),
    *,
    name: str = "",
    loggers: tuple[str, ...] = (),
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Train a network; a run that was interrupted goes on from its last checkpoint, with the same
    curve.

    Args:
        dataset: folder of a prepared data set that has been split.
        run: the run's folder; must be empty or hold the same run.
        config: what to train and how.
        name: the model's name on its card; the run folder's name when empty.
        loggers: also log to "tensorboard" or "mlflow", in the run folder.
        reporter: who hears of it.

    Returns:
        the finished bundle, RUN/bundle.
    """
    data, run = open_dataset(dataset), Path(run)
    if _rank():
        reporter = QUIET  # the first of several processes speaks for all
    split = load_split(data)
    start = load_bundle(config.start) if config.start else None
    settings = Training(
        config=config.to_dict(),
        data=data.fingerprint(),
        split=split_fingerprint(split),
        name=name or run.name,
        start=start.card.files if start else None,
    )
    parts = {
        part: regions_of(split, part) for part in ("train", "val") if (split["split"] == part).any()
    }
    if "train" not in parts:
        raise SplitError(f"{data.path}: split 'train' has no region; split the data set again")
    check_task(data, parts, config)
    absent = [] if config.task == "type" else _absent_classes(data, parts["train"], config)
    extra_loggers = _loggers(loggers, run)
    SumLoss(
        config.loss
    )  # names are checked before the folder is claimed, so that a mended command finds it free
    _white_label(data, config)
    network_config = (
        NetworkConfig.from_dict(start.card.network)
        if start and config.task == "type"
        else _network_config(data, config)
    )
    if start:
        _check_start(start.card, data, network_config)
    L.seed_everything(config.seed, verbose=False)
    network = build(network_config)
    origin = _first_weights(network, config, start, run)
    # Of several processes the first holds the folder for all.
    with (
        nullcontext() if _rank() else own_folder(run, "train", to_json(settings), remains=_REMAINS)
    ):
        if (run / "bundle").is_dir():
            reporter.message(f"{run}: this run is finished")
            return load_bundle(run / "bundle")
        for label in absent:
            reporter.message(_of_absent(data, parts["train"], label))
        told = [] if config.task == "type" else _of_fields(data, parts["train"], config)
        for line in told:
            reporter.message(line)
        reporter.message(origin)
        card = _card(data, split, network_config, config, settings, start)
        if config.task == "type" and start:
            card, history = _kept(card, start), _history_of(start)
        else:
            network = _fit(data, parts, network, config, run, extra_loggers, reporter)
            history = (run / "metrics.csv").read_text(encoding="utf-8")
            card = replace(card, decision=_decision(network, data, parts, config, card, reporter))
        crops = _crops_of(data, parts["train"], config)
        more: Callable[[Path, Network], tuple[str, ...]] = no_more
        if config.task != "segmentation":
            types, card = fitted_types(
                network, data, parts, card, start.card if start else None, reporter
            )
            tumour = data.label_map.names.index(TUMOR)
            more = partial(write_types, types=types, tumour=tumour, crops=crops)
        bundle = write_bundle(run / "bundle", network, card, crops, history, more)
        reporter.message(
            f"{bundle.path}: ONNX agrees with PyTorch within"
            f" {bundle.card.parity['max_probability_difference']:.1e}"
        )
        return bundle


def _kept(card: Card, start: Bundle) -> Card:
    """Return the card of a model whose network is that of another: its tiles, decision and scores
    are the same, its limits too."""
    own = [limit for limit in card.limits if limit not in start.card.limits]
    return replace(
        start.card,
        name=card.name,
        training=replace(
            card.training,
            encoder_weights=start.card.training.encoder_weights,
            class_px=start.card.training.class_px,
        ),
        licence=card.licence,
        limits=(*start.card.limits, *(limit for limit in own if not limit.startswith("Saw"))),
        quantisation={},
        speed={},
    )


def _history_of(start: Bundle) -> str:
    """Return the history of the training that made the network."""
    if HISTORY not in start.card.files:
        return ""
    return start.file(HISTORY).read_text(encoding="utf-8")


def _check_start(card: Card, data: Dataset, network: NetworkConfig) -> None:
    """Refuse to go on from a model of another network, other classes or another resolution."""
    for what, theirs, ours in (
        ("classes", card.label_map.fingerprint(), data.label_map.fingerprint()),
        ("um/px", card.mpp, data.mpp),
        ("network", NetworkConfig.from_dict({**card.network, "dropout": network.dropout}), network),
    ):
        if theirs != ours:
            raise ModelError(
                f"model '{card.name}' has other {what} ({theirs}) than this run ({ours}); choose"
                " the same, or start afresh"
            )


def _first_weights(network: Network, config: TrainConfig, start: Bundle | None, run: Path) -> str:
    """Give the network what it starts from, and say what that is."""
    if (run / "checkpoints" / "last.ckpt").is_file():
        return "continued from the last checkpoint"
    if start:
        return load_bundle_weights(network, start)
    return load_encoder_weights(network, config.encoder, config.encoder_weights)


def _rank() -> int:
    """Return which of the processes that DDP started this is; 0 is the person's own."""
    return int(os.environ.get("LOCAL_RANK", 0))


def _absent_classes(data: Dataset, regions: list[str], config: TrainConfig) -> list[str]:
    pixels = data.class_pixels.loc[regions].sum()
    absent = [str(name) for name in pixels.index[pixels == 0]]
    if absent and not config.allow_absent_classes:
        fields = _said_somewhere(data, regions, absent[0])
        how = (
            f"has no annotated pixel (only {counted(fields, 'field')} said to have it somewhere)"
            if fields
            else "never occurs"
        )
        raise SplitError(
            f"{data.path}: class '{absent[0]}' {how} in the {len(regions)} training regions"
            f" ({len(absent)} such classes); split otherwise, choose a coarser label map, or"
            " --allow-absent-classes"
        )
    return absent


def _of_absent(data: Dataset, regions: list[str], label: str) -> str:
    """Return in words what training without a pixel of a class means."""
    fields = _said_somewhere(data, regions, label)
    if not fields:
        return f"class '{label}' never occurs in training, the model cannot learn it"
    return (
        f"class '{label}' has no annotated pixel in training, only {counted(fields, 'field')} said"
        " to have it somewhere: a weak lesson"
    )


def _said_somewhere(data: Dataset, regions: list[str], label: str) -> int:
    """Return how many fields are known to have a class somewhere."""
    return int((data.facts.loc[regions, label] > 0).sum())


def _of_fields(data: Dataset, regions: list[str], config: TrainConfig) -> Iterator[str]:
    """Yield in words what is known of whole fields."""
    known = data.facts.loc[data.fields(regions)]
    if known.empty:
        return
    counts = {
        f"{word} {name}": int((known[name] == fact).sum())
        for word, fact in (("without", -1), ("with", 1))
        for name in known
    }
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    yield (
        f"{counted(len(known), 'field')} known as a whole ({told}): {config.fields:.0%} of the"
        " crops"
    )


def _network_config(data: Dataset, config: TrainConfig) -> NetworkConfig:
    classes = len(data.label_map.classes)
    channels = config.decoder_channels if config.arch in HAS_DECODER_CHANNELS else ()
    check_encoder(config.encoder)  # before timm is asked for its normalisation
    mean, std = normalisation(config.encoder)
    return NetworkConfig(
        config.arch,
        config.encoder,
        classes,
        channels,
        config.dropout,
        mean,
        std,
        config.output_stride,
    )


def _fit(
    data: Dataset,
    parts: dict[str, list[str]],
    network: Network,
    config: TrainConfig,
    run: Path,
    loggers: list[Logger],
    reporter: Reporter,
) -> Network:
    """Run the loop and return the best epoch's network."""
    torch.set_num_threads(
        min(torch.get_num_threads(), worker_count())
    )  # PyTorch counts processors, not a container's share of them
    share = Share(_rank(), config.devices)
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
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    reporter.message(
        f"{sum(p.numel() for p in network.parameters()):,} parameters, {trained:,} trainable;"
        f" {len(batches)} steps of {config.batch} crops an epoch; precision"
        f" {resolved_precision(config.precision)}"
    )
    judged = "val" in parts and bool(data.class_pixels.loc[parts["val"]].to_numpy().any())
    if "val" in parts and not judged:
        reporter.message(
            f"no pixel is annotated in the {counted(len(parts['val']), 'region')} of split 'val':"
            " the last epoch is kept"
        )
    val = (
        GridBatches(data, parts["val"], size_px=config.crop_px, batch=config.batch, share=share)
        if judged
        else None
    )
    first = run_loop(module, batches, val, run=run, loggers=loggers)
    if not first:
        sys.exit(
            0
        )  # a process that DDP started to train beside the first; what follows is written once
    _load_best(module, run)
    save_curves(pd.read_csv(run / "metrics.csv"), run / "curves.png")
    return module.result


def _train_batches(
    data: Dataset, regions: list[str], config: TrainConfig, share: Share
) -> TrainBatches:
    draw = CropDraw(
        config.crop_px,
        config.balance,
        config.seed,
        config.dots,
        _white_label(data, config),
        config.fields,
    )
    crops = Crops(data, regions, draw)
    area = int(
        (data.regions.loc[regions, "width_px"] * data.regions.loc[regions, "height_px"]).sum()
    )
    per_epoch = config.crops_per_epoch or max(config.batch, area // config.crop_px**2)
    return TrainBatches(crops, batch=config.batch, crops_per_epoch=per_epoch, share=share)


def _shift(batches: TrainBatches, config: TrainConfig, reporter: Reporter) -> torch.Tensor | None:
    """Return what `ce` adds to the logits: the logarithm of each class's share of the pixels of
    crops of areas, as they are drawn."""
    if not config.logit_adjust:
        return None
    crops = batches.crops
    pixels = np.zeros(len(crops.dataset.label_map.classes) + 1, np.int64)
    for start in range(0, _PRIOR_CROPS, config.batch):
        drawn = crops.batch(0, list(range(start, start + config.batch)))
        pixels += np.bincount(drawn.labels[~drawn.dotted].ravel(), minlength=len(pixels))
    prior = log_prior(pixels[1:])
    shares = ", ".join(
        f"{name} {px / max(1, pixels[1:].sum()):.3f}"
        for name, px in zip(crops.dataset.label_map.names, pixels[1:], strict=True)
    )
    reporter.message(
        f"logits adjusted by {config.logit_adjust:g} times the logarithm of the classes' shares:"
        f" {shares}"
    )
    return torch.from_numpy(config.logit_adjust * prior).float()


def _white_label(data: Dataset, config: TrainConfig) -> int:
    return data.label_map.label_of(config.white_as, "--white-as") if config.white_as else 0


def _load_best(module: Segmenter, run: Path) -> None:
    best, last = (run / "checkpoints" / f"{name}.ckpt" for name in ("best", "last"))
    path = best if best.is_file() else last
    state = read_checkpoint(path)["state_dict"]
    module.load_state_dict(state)
    if not all(bool(torch.isfinite(v).all()) for v in state.values() if v.is_floating_point()):
        raise ModelError(
            f"{path}: weights are not finite, the run diverged; train again with a lower --lr or"
            " --precision 32"
        )


def _loggers(names: tuple[str, ...], run: Path) -> list[Logger]:
    found: list[Logger] = []
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # MLflow reports its use otherwise
    for name in names:
        if name not in LOGGERS:
            raise InputError(f"logger '{name}': not known; wanted {', '.join(LOGGERS)}")
        try:
            found.append(
                TensorBoardLogger(run, name="tensorboard", version="")
                if name == "tensorboard"
                else MLFlowLogger(
                    run.name,
                    tracking_uri=f"sqlite:///{run / 'mlflow.db'}",
                    artifact_location=str(run / "mlflow"),
                )
            )
        except ModuleNotFoundError as cause:
            raise MissingPackageError(
                f"logger '{name}': {cause.name or name} is not installed; pip install"
                " 'breastseg[track]'"
            ) from None
    return found


def _crops_of(data: Dataset, regions: list[str], config: TrainConfig) -> npt.NDArray[np.uint8]:
    """Return crops on which back ends must agree: of what is annotated, or of fields whose type is
    known, where types alone are trained."""
    if config.task != "type":
        return _parity_crops(data, regions, config)
    pictures, _ = TypedFields(data, regions, replace(config, batch=32)).batch(0, 0)
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())


def _parity_crops(data: Dataset, regions: list[str], config: TrainConfig) -> npt.NDArray[np.uint8]:
    crops = Crops(data, regions, CropDraw(max(config.crop_px, 224), 1.0, config.seed))
    return crops.batch(0, list(range(4))).images


def _decision(
    network: Network,
    data: Dataset,
    parts: dict[str, list[str]],
    config: TrainConfig,
    card: Card,
    reporter: Reporter,
) -> JsonObject:
    """Choose a bias where that is asked for and there is a part to choose it on."""
    if config.bias == "none":
        return {}
    if "val" not in parts:
        reporter.message("no bias: there is no part 'val' to choose it on")
        return {}
    taught = set(card.training.patients_of("train")) & set(card.training.patients_of("val"))
    if taught:
        reporter.message(
            f"no bias: {counted(len(taught), 'patient')} of 'val' trained the model too"
            f" ({min(taught)})"
        )
        return {}
    tiles = TileConfig(card.tile_px, card.halo_px, len(card.label_map.classes))
    return decide(network, data, parts["val"], tiles, part="val", reporter=reporter)


def _licence(data: Dataset, start: Bundle | None) -> str:
    before = start.card.licence.split("; ") if start else []
    return "; ".join(
        dict.fromkeys(
            ["weights Apache-2.0", *before, *(f"trained from {part}" for part in data.parts)]
        )
    )


def _card(
    data: Dataset,
    split: pd.DataFrame,
    network: NetworkConfig,
    config: TrainConfig,
    settings: Training,
    start: Bundle | None,
) -> Card:
    patients = {
        part: tuple(sorted(set(split.loc[split["split"] == part, "patient"])))
        for part in ("train", "val", "test")
    }
    if start:  # whoever trained the first model trained this one too
        before = start.card.training.patients_of("train")
        patients["train"] = tuple(sorted({*patients["train"], *before}))
    pixels = {
        str(name): int(px)
        for name, px in data.class_pixels.loc[split["split"] == "train"].sum().items()
    }
    rare = [
        f"{name} ({px:,} px)" for name, px in pixels.items() if px < LITTLE * sum(pixels.values())
    ]
    leak = (
        "LEAKY: its split has patients in more than one part; its validation says nothing of other"
        " patients."
    )
    limits = [
        "Research use only, not for diagnosis.",
        *([leak] if is_leaky(split) else []),
        (
            f"Trained on {len(patients['train'])} patients; tissue it has not seen is named as"
            " something it has."
        ),
        *([f"Saw little of {', '.join(rare)} of {sum(pixels.values()):,} px."] if rare else []),
    ]
    return Card(
        name=settings.name or "",
        label_map=data.label_map,
        mpp=data.mpp,
        tile_px=config.tile_px,
        halo_px=config.halo_px,
        mean=network.mean,
        std=network.std,
        network=network.to_dict(),
        licence=_licence(data, start),
        limits=tuple(limits),
        training=replace(
            settings,
            data_parts=tuple(data.parts),
            encoder_weights=encoder_origin(config.encoder, config.encoder_weights),
            patients=patients,
            class_px=pixels,
            source_mpp=tuple(sorted(set(map(float, data.regions["source_mpp"])))),
            environment=environment(),
        ),
    )
