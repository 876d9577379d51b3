"""evaluate(): a model and a prepared data set -> counts, scores, pictures.

OUT/counts.csv             pixels by region, truth and prediction: everything else follows from it
OUT/dots_counts.csv             the same for dots, where the annotation has some
OUT/scores.json            pooled and per region: Dice, IoU, precision, recall, F1, accuracy, support; NaN without support
OUT/confusion.png          shares of each truth class; dots_confusion.png the same for dots
OUT/curves.png             the training's curves, where the model has them
OUT/regions/ID/*.png       labels, and overlays of truth and prediction
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of, split_fingerprint
from breastseg.errors import DatasetError, LabelError, SplitError
from breastseg.files import claim_folder, write_json, write_text
from breastseg.inference.model import Model
from breastseg.metrics import class_scores, confusion_counts, dot_counts, dot_scores, overall_scores
from breastseg.metrics.confusion import Counts
from breastseg.models.bundle import HISTORY
from breastseg.outputs.pictures import save_labels, save_overlay, save_pixels
from breastseg.outputs.plots import save_confusion, save_curves

PROTOCOL = (
    "pixels at the data set's um/px; not annotated pixels are left out; 0 is never a class; NaN where a class has no support; "
    "regions in which nothing but dots is known are scored by dots alone: the map's class at the dot's place"
)


def evaluate(
    model: Model, dataset: str | Path, out: str | Path, *, split: str = "test", say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Score a model on one part of a data set.

    Args:
        model: from `load_model`.
        dataset: folder of a prepared data set.
        out: folder of the results; must be empty or hold the same work.
        split: train, val, test, or all; a data set that was never split has only "all".
        say: takes one line at a time of what a person should know.

    Returns:
        what scores.json holds.

    Raises:
        LabelError: model and data set have different label maps.
        SplitError: the part is empty, or a patient in it trained the model (unless the part is "train").
    """
    data = open_dataset(dataset)
    check_labels(model, data)
    table = load_split(data) if split != "all" or (data.path / "split.csv").is_file() else data.regions.assign(split="all")
    regions = regions_of(table, split)
    if split != "train":
        _check_unseen(model, data, regions, ("train",) if split == "val" else ("train", "val"))
    out, names = Path(out), list(model.card.label_map.names)
    settings = {
        "model": model.card.name, "model_files": model.card.files, "backend": model.backend, "data": data.fingerprint(),
        "split": split, "regions": split_fingerprint(table),
    }  # fmt: skip
    claim_folder(out, "evaluate", settings)
    both = {
        region: _score_region(model, data, region, out / "regions" / region)
        for region in tqdm(regions, desc="evaluate", unit="region", disable=None)
    }
    counts, dots = ({region: pair[kind] for region, pair in both.items()} for kind in (0, 1))
    pooled, pooled_dots = (np.sum(list(found.values()), axis=0) for found in (counts, dots))
    if not pooled.any() and not pooled_dots.any():
        raise DatasetError(f"{data.path}: no annotated pixel in the {len(regions)} regions of split '{split}'; there is nothing to score")
    scores = {
        "model": model.card.name, "data": data.fingerprint(), "split": split, "label_map": model.card.label_map.to_dict(),
        "mpp": data.mpp, "patients": sorted(set(data.regions.loc[regions, "patient"])),
        "overall": overall_scores(pooled), "pooled": class_scores(pooled, names),
        "regions": {region: {"overall": overall_scores(c), "classes": class_scores(c, names)} for region, c in counts.items()},
        **({"dots": dot_scores(pooled_dots, names)} if pooled_dots.any() else {}),
        "protocol": PROTOCOL,
    }  # fmt: skip
    for stem, unit, found, total in (("", "px", counts, pooled), ("dots_", "dots", dots, pooled_dots)):
        if total.any():
            write_text(out / f"{stem}counts.csv", counts_table(found, names, unit).to_csv(index=False, lineterminator="\n"))
            save_confusion(total, names, out / f"{stem}confusion.png")
    if HISTORY in model.card.files:
        save_curves(pd.read_csv(model.bundle.file(HISTORY)), out / "curves.png")
    write_json(out / "scores.json", scores)
    say(_summary(scores))
    return scores


def counts_table(counts: dict[str, Counts], names: list[str], unit: str) -> pd.DataFrame:
    """Return counts as rows of region, truth, prediction ("not analysed" for label 0), and `unit` (px or dots); empty cells left out."""
    columns = ["not analysed", *names]
    rows = [
        {"region": region, "truth": names[i], "prediction": columns[j], unit: int(matrix[i, j])}
        for region, matrix in counts.items() for i, j in np.argwhere(matrix)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["region", "truth", "prediction", unit])


def _score_region(model: Model, data: Dataset, region: str, folder: Path) -> tuple[Counts, Counts]:
    """Return counts of pixels, and counts of dots; pixels of a region count only where more than dots is known of it."""
    pixels, truth = data.image(region), np.asarray(data.labels(region))
    prediction = model.label(pixels, mpp=data.mpp)
    save_pixels(pixels, folder / "image.jpg")
    save_labels(prediction, model.card.label_map, folder / "labels.png")
    save_overlay(pixels, truth, model.card.label_map, folder / "truth.png")
    save_overlay(pixels, prediction, model.card.label_map, folder / "prediction.png")
    classes = len(model.card.label_map.classes)
    pixel_truth = np.zeros_like(truth) if data.dotted([region]) else truth
    return confusion_counts(pixel_truth, prediction, classes), dot_counts(data.dots(region), prediction, classes)


def check_labels(model: Model, data: Dataset) -> None:
    """Raise LabelError when model and data set name other classes."""
    own, theirs = model.card.label_map, data.label_map
    if own.fingerprint() != theirs.fingerprint():
        raise LabelError(
            f"model '{model.card.name}' has label map '{own.name}' ({', '.join(own.names)}), data set {data.path} has "
            f"'{theirs.name}' ({', '.join(theirs.names)}); prepare the data set with the model's label map"
        )


def _check_unseen(model: Model, data: Dataset, regions: list[str], parts: tuple[str, ...]) -> None:
    patients = model.card.training.get("patients", {})
    used = {patient for part in parts for patient in patients.get(part, ())}
    seen = sorted(used & set(data.regions.loc[regions, "patient"]))
    if seen:
        raise SplitError(
            f"patient {seen[0]} was used to train the model '{model.card.name}' ({len(seen)} in all); scores on them say nothing, "
            "evaluate another part, or --split train to see the fit"
        )


def _summary(scores: dict[str, Any]) -> str:
    parts = [f"{len(scores['regions'])} regions, {len(scores['patients'])} patients"]
    overall = scores["overall"]
    if overall["support_px"]:
        by_class = ", ".join(f"{name} {s['dice']:.3f}" for name, s in scores["pooled"].items() if s["support_px"])
        parts.append(f"Dice: {by_class}; mean {overall['mean_dice']:.3f}, accuracy {overall['accuracy']:.3f}")
    if "dots" in scores:
        by_class = ", ".join(f"{name} {s['accuracy']:.3f}" for name, s in scores["dots"]["classes"].items() if s["support_dots"])
        found = scores["dots"]["overall"]
        parts.append(f"{found['support_dots']} dots: {by_class}; balanced accuracy {found['balanced_accuracy']:.3f}")
    return "; ".join(parts)
