"""train(): a prepared and split data set -> a run folder.

breastseg-work.json   the configuration as run, hashes of data and split
environment.json      versions, processor, git commit
summary.txt           the network, layer by layer
metrics.csv           one row an epoch
curves.png            the same as an image
checkpoints/          last.ckpt, and best.ckpt where a validation part chooses it
bundle/               the model: written last, so a run that has it is finished
"""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle, load_bundle
from breastseg.bundles.card import Card
from breastseg.bundles.training import Training
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of, split_fingerprint
from breastseg.errors import SplitError
from breastseg.files import Remains, own_folder
from breastseg.inference.tiles import TileConfig
from breastseg.json_files import JsonObject
from breastseg.networks.build import Network, build
from breastseg.networks.export import no_more, write_bundle
from breastseg.networks.export_types import write_types
from breastseg.networks.losses import SumLoss
from breastseg.records import to_json
from breastseg.reporter import QUIET, TERMINAL, Reporter
from breastseg.training.annotation import absent_classes, absent_note, field_notes
from breastseg.training.card import card_of, kept_card
from breastseg.training.config import TrainConfig
from breastseg.training.decide import decide
from breastseg.training.fit import fit, loggers_of, rank, white_label
from breastseg.training.start import first_weights, history_of, network_config
from breastseg.training.types import TUMOR, TypedFields, check_task, fitted_types
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
    data = open_dataset(dataset)
    run = Path(run)
    if rank():
        reporter = QUIET  # the first of several processes speaks for all
    split = load_split(data)
    start = load_bundle(config.start) if config.start else None
    recorded = config.to_dict()
    if start:
        # A card travels: it names the model and has its hashes, but no path of this machine.
        recorded["start"] = start.card.name
    settings = Training(
        config=recorded,
        data=data.fingerprint(),
        split=split_fingerprint(split),
        name=name or run.name,
        start=start.card.files if start else None,
    )
    parts: dict[str, list[str]] = {}
    for part in ("train", "val"):
        if (split["split"] == part).any():
            parts[part] = regions_of(split, part)
    if "train" not in parts:
        raise SplitError(f"{data.path}: split 'train' has no region; split the data set again")
    check_task(data, parts, config)
    notes = [] if config.task == "type" else _notes(data, parts["train"], config)
    extra_loggers = loggers_of(loggers, run)
    # Names are checked before the folder is claimed, so that a mended command finds it free.
    SumLoss(config.loss)
    white_label(data, config)
    network_settings = network_config(data, config, start)
    # Before the network is built: its new layers have random weights.
    L.seed_everything(config.seed, verbose=False)
    network = build(network_settings)
    origin = first_weights(network, config, start, run)
    # Of several processes the first holds the folder for all.
    with nullcontext() if rank() else own_folder(run, "train", to_json(settings), remains=_REMAINS):
        if (run / "bundle").is_dir():
            reporter.message(f"{run}: this run is finished")
            return load_bundle(run / "bundle")
        for line in (*notes, origin):
            reporter.message(line)
        card = card_of(data, split, network_settings, config, settings, start)
        if config.task == "type" and start:
            card = kept_card(card, start)
            history = history_of(start)
        else:
            network = fit(data, parts, network, config, run, extra_loggers, reporter)
            history = (run / "metrics.csv").read_text(encoding="utf-8")
            card = replace(card, decision=_decision(network, data, parts, config, card, reporter))
        crops = _crops_of(data, parts["train"], config)
        more: Callable[[Path, Network], tuple[str, ...]] = no_more
        if config.task != "segmentation":
            start_card = start.card if start else None
            types, card = fitted_types(network, data, parts, card, start_card, reporter)
            tumour = data.label_map.names.index(TUMOR)
            more = partial(write_types, types=types, tumour=tumour, crops=crops)
        bundle = write_bundle(run / "bundle", network, card, crops, history, more)
        reporter.message(
            f"{bundle.path}: ONNX agrees with PyTorch within"
            f" {bundle.card.parity['max_probability_difference']:.1e}"
        )
        return bundle


def _notes(data: Dataset, regions: list[str], config: TrainConfig) -> list[str]:
    """Return in words what a person should know of what is annotated in the training part."""
    absent = absent_classes(data, regions, config)
    notes = [absent_note(data, regions, label) for label in absent]
    return [*notes, *field_notes(data, regions, config)]


def _crops_of(data: Dataset, regions: list[str], config: TrainConfig) -> npt.NDArray[np.uint8]:
    """Return crops on which back ends must agree: of what is annotated, or of fields whose type is
    known, where types alone are trained."""
    if config.task != "type":
        return _parity_crops(data, regions, config)
    # A batch of 32 holds 4 fields, as many as the crops below.
    pictures, _ = TypedFields(data, regions, replace(config, batch=32)).batch(0, 0)
    return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())  # (4, H, W, 3)


def _parity_crops(data: Dataset, regions: list[str], config: TrainConfig) -> npt.NDArray[np.uint8]:
    """Return (4, H, W, 3) crops in which classes occur equally often."""
    draw = CropDraw(max(config.crop_px, 224), balance=1.0, seed=config.seed)
    return Crops(data, regions, draw).batch(0, list(range(4))).images


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
    # On a leaky split, or where the first model of a run knew them: right on what it learned.
    in_both = set(card.training.patients_of("train")) & set(card.training.patients_of("val"))
    if in_both:
        reporter.message(
            f"no bias: {counted(len(in_both), 'patient')} of 'val' trained the model too"
            f" ({min(in_both)})"
        )
        return {}
    tiles = TileConfig(card.tile_px, card.halo_px, len(card.label_map.classes))
    return decide(network, data, parts["val"], tiles, part="val", reporter=reporter)
