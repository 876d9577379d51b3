"""export_int8(): a bundle -> a new bundle that also holds an int8 network, whose loss has been
measured and is in the card."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from breastseg.bundles.bundle import CARD, INT8, INT8_WEIGHTS, ONNX, Bundle, load_bundle
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of
from breastseg.errors import DatasetError, InputError, ModelError, OutputError
from breastseg.evaluation.config import Int8Config
from breastseg.evaluation.leaks import check_labels, check_mpp_of
from breastseg.files import sha256_of, write_json, written_folder
from breastseg.inference.model import Model, load_model
from breastseg.json_files import JsonObject
from breastseg.metrics import class_scores, confusion_counts, overall_scores
from breastseg.metrics.confusion import Counts
from breastseg.reporter import TERMINAL, Reporter
from breastseg.runners.precision import has_exact_int8
from breastseg.wording import counted

CROP_PX = 256
POINT = 0.01  # of Dice: people say "half a point", options and messages too


def export_int8(
    model: str | Path,
    dataset: str | Path,
    out: str | Path,
    config: Int8Config = Int8Config(),
    *,
    reporter: Reporter = TERMINAL,
) -> Bundle:
    """Quantise a model, measure what that costs, and write it as a new bundle: the old one with the
    int8 network beside.

    Args:
        model: a shipped model's name or a bundle's folder.
        dataset: folder of a prepared and split data set with the model's labels and microns per
            pixel.
        out: folder of the new bundle; must not exist.
        config: calibration, measure and limit.
        reporter: who hears of it.

    Returns:
        the new bundle.

    Raises:
        ModelError: more mean Dice is lost than allowed; nothing is written.
        OutputError: `out` exists. LabelError, SplitError, DatasetError: the data do not fit.
        MissingPackageError: NNCF is not installed.
    """
    from breastseg.bundles.int8 import write_int8  # NNCF needs seconds to import

    reference = load_model(model, precision="fp32")
    data = open_dataset(dataset)
    out = Path(out)
    _check(reference, data, out, config)
    bundle = reference.bundle
    table = load_split(data)
    scored = _with_areas(data, regions_of(table, config.split), config.split)
    # Whole fields of other laboratories drew the ranges away from annotated tissue.
    draw = CropDraw(CROP_PX, seed=config.seed, fields=0.0)
    crops = Crops(data, regions_of(table, "train"), draw)
    before = _counts(reference, data, scored, "fp32")
    with written_folder(out) as folder:
        for name in bundle.card.files:
            shutil.copyfile(bundle.path / name, folder / name)
        calibration = crops.batch(0, list(range(config.crops))).images
        write_int8(bundle.file(ONNX), calibration, folder / INT8)
        files = dict(bundle.card.files)
        for name in (INT8, INT8_WEIGHTS):
            files[name] = sha256_of(folder / name)
        limits = (*bundle.card.limits, *config.limits)
        # Margins were measured on the fp32 network's maps and say nothing of these.
        card = replace(bundle.card, files=files, limits=limits, margins=None)
        # A bundle needs a card to be loaded and measured; the measured loss is added below.
        write_json(folder / CARD, card.to_dict())
        after = _counts(load_model(folder, precision="int8"), data, scored, "int8")
        loss = _comparison(before, after, card.label_map.names)
        where = f"{counted(len(scored), 'region')} of '{config.split}'"
        message = _judged(loss["mean_dice"], config, where, bundle.path)
        loss |= {
            "split": config.split,
            "data": data.fingerprint(),
            "regions": len(scored),
            "crops": config.crops,
            "seed": config.seed,
        }
        write_json(folder / CARD, replace(card, quantisation=loss).to_dict())
    reporter.message(message)
    return load_bundle(out)


def _check(model: Model, data: Dataset, out: Path, config: Int8Config) -> None:
    if config.crops < 1:
        raise InputError(f"crops {config.crops}: wanted 1 or more")
    if not has_exact_int8():
        raise InputError(
            "int8: its loss cannot be measured on this processor, which has no VNNI: sums of 8-bit"
            " numbers overflow; use another"
        )
    if out.exists():
        raise OutputError(f"{out}: exists; choose another --out or remove it")
    check_labels(model, data)
    check_mpp_of(model, data)


def _judged(dice: dict[str, float], config: Int8Config, where: str, path: Path) -> str:
    """Return the mean Dice in words, or raise ModelError when more is lost than allowed."""
    loss = (dice["fp32"] - dice["int8"]) / POINT
    both = f"mean Dice {dice['fp32']:.4f} in fp32, {dice['int8']:.4f} in int8, on {where}"
    # "not <=" and not ">": a loss that is NaN is refused too.
    if not loss <= config.allow_loss:
        raise ModelError(
            f"{path}: int8 loses {loss:.2f} points of Dice, {config.allow_loss:g} allowed ({both});"
            " nothing was written, calibrate on more --crops or raise --allow-loss"
        )
    return both


def _with_areas(data: Dataset, regions: list[str], split: str) -> list[str]:
    """Return the regions that have more than dots: Dice is of areas."""
    dotted = set(data.dotted(regions))
    with_areas = [region for region in regions if region not in dotted]
    if not data.class_pixels.loc[with_areas].to_numpy().sum():
        raise DatasetError(
            f"{data.path}: split '{split}' has no annotated areas to measure Dice on; choose"
            " another --split"
        )
    return with_areas


def _counts(model: Model, data: Dataset, regions: list[str], name: str) -> Counts:
    """Count on the way that users run."""
    classes = len(model.card.label_map.classes)
    total: Counts = np.zeros((classes, classes + 1), np.int64)
    for region in tqdm(regions, desc=f"score {name}", unit="region", disable=None):
        prediction = model.label(data.image(region), mpp=data.mpp)
        total += confusion_counts(np.asarray(data.labels(region)), prediction, classes)
    return total


def _comparison(before: Counts, after: Counts, names: tuple[str, ...]) -> JsonObject:
    """Return mean Dice and the Dice of each class that occurs, fp32 and int8."""
    mean_dice = {}
    dice: dict[str, dict[str, float]] = {}
    for precision, counts in (("fp32", before), ("int8", after)):
        mean_dice[precision] = overall_scores(counts)["mean_dice"]
        for name, row in class_scores(counts, names).items():
            if row["support_px"]:  # the same in both: support is of the truth
                dice.setdefault(name, {})[precision] = row["dice"]
    return {"mean_dice": mean_dice, "dice": dice}
