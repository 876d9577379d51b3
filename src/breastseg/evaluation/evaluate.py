"""evaluate(): a model and a prepared data set -> counts, scores, pictures.

OUT/counts.csv             pixels by region, truth and prediction: all scores of areas follow from it
OUT/dots_counts.csv        the same for dots, where the annotation has some
OUT/scores.json            pooled, per region, as means over regions and per hospital: Dice, IoU, precision, recall, F1, specificity,
                           accuracy, balanced accuracy, kappa, support; borders; intervals over patients; NaN without support
OUT/per_region.csv, OUT/per_hospital.csv    the same as tables
OUT/confusion.png          shares of each truth class; dots_confusion.png the same for dots
OUT/reliability.png        how often the model was right at each confidence, where probabilities were asked for
OUT/curves.png             the training's curves, where the model has them
OUT/regions/ID/            image.jpg, labels.png, and overlays truth.jpg and prediction.jpg
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of, split_fingerprint
from breastseg.errors import DatasetError, LabelError, ModelError, SplitError
from breastseg.evaluation.compare import NOT_ANALYSED, comparison, open_other
from breastseg.evaluation.summary import RegionCounts, figures_of, hospital_rows, probability_figures, region_rows
from breastseg.files import claim_folder, sha256_of, write_json, write_table, write_text
from breastseg.geometry import scaled_size
from breastseg.inference.model import Model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.labels import Labels
from breastseg.metrics import ProbabilityCounts, confusion_counts, dot_counts, measure_surface
from breastseg.metrics.confusion import Counts
from breastseg.metrics.surface import thinned
from breastseg.models.bundle import HISTORY
from breastseg.outputs.pictures import save_labels, save_overlay, save_pixels
from breastseg.outputs.plots import save_confusion, save_curves, save_reliability
from breastseg.slides import Pixels, resample_labels, resample_pixels

PROTOCOL = (
    "pixels at the data set's um/px; not annotated pixels are left out; 0 is never a class; NaN where a class has no support; "
    "regions in which nothing but dots is known are scored by dots alone: the map's class at the dot's place; "
    "borders are compared at about 1 um/px, where both sides are annotated; intervals are drawn over patients"
)


def evaluate(
    model: Model,
    dataset: str | Path,
    out: str | Path,
    *,
    split: str = "test",
    probabilities: bool = False,
    compare: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Score a model on one part of a data set.

    Args:
        model: from `load_model`.
        dataset: folder of a prepared data set.
        out: folder of the results; must be empty or hold the same work.
        split: train, val, test, or all; a data set that was never split has only "all".
        probabilities: also compute probabilities, for AUC and calibration; takes longer.
        compare: folder of another model's evaluation on the same regions, for the difference of the two.
        say: takes one line at a time of what a person should know.

    Returns:
        what scores.json holds.

    Raises:
        LabelError: model and data set have different label maps.
        SplitError: the part is empty, or a patient in it trained the model (unless the part is "train").
        InputError: the evaluation to compare with is missing or of other regions.
        ModelError: the network gives probabilities that are none.
    """
    data = open_dataset(dataset)
    check_labels(model, data)
    table = load_split(data) if split != "all" or (data.path / "split.csv").is_file() else data.regions.assign(split="all")
    regions, label_map = regions_of(table, split), model.card.label_map
    if split != "train":
        _check_unseen(model, data, regions, ("train",) if split == "val" else ("train", "val"))
    other = open_other(compare, data.fingerprint(), label_map, regions) if compare is not None else None
    out, names = Path(out), list(label_map.names)
    settings = {
        "model": model.card.name, "model_files": model.card.files, "backend": model.backend, "data": data.fingerprint(),
        "split": split, "regions": split_fingerprint(table), "probabilities": probabilities,
        "compare": sha256_of(other.path / "counts.csv") if other else None,
    }  # fmt: skip
    claim_folder(out, "evaluate", settings, may_differ=("compare",))
    seen = ProbabilityCounts(len(names)) if probabilities else None
    found = {
        region: _score_region(model, data, region, out / "regions" / region, seen)
        for region in tqdm(regions, desc="evaluate", unit="region", disable=None)
    }
    if not any(one.pixels.any() or one.dots.any() for one in found.values()):
        raise DatasetError(f"{data.path}: no annotated pixel in the {len(regions)} regions of split '{split}'; there is nothing to score")
    pixels = {region: one.pixels for region, one in found.items()}
    scores = {
        "model": model.card.name, "data": data.fingerprint(), "split": split, "label_map": label_map.to_dict(),
        "mpp": data.mpp, "patients": sorted(set(data.regions.loc[regions, "patient"])), **figures_of(found, data.regions, names),
        **({"probabilities": probability_figures(seen, names)} if seen else {}),
        **({"comparison": comparison(pixels, other, data.regions.loc[regions, "patient"].tolist(), names)} if other else {}),
        "protocol": PROTOCOL,
    }  # fmt: skip
    _write_tables(scores, pixels, {region: one.dots for region, one in found.items()}, data.regions, out)
    if HISTORY in model.card.files:
        save_curves(pd.read_csv(model.bundle.file(HISTORY)), out / "curves.png")
    write_json(out / "scores.json", scores)
    say(_summary(scores))
    return scores


def _write_tables(
    scores: dict[str, Any], pixels: dict[str, Counts], dots: dict[str, Counts], regions: pd.DataFrame, out: Path
) -> None:  # fmt: skip
    """Write counts and their pictures, and the tables and pictures of what follows from them."""
    names = list(scores["pooled"])
    for stem, unit, found in (("", "px", pixels), ("dots_", "dots", dots)):
        total = np.sum(list(found.values()), axis=0)
        if total.any():
            write_text(out / f"{stem}counts.csv", counts_table(found, names, unit).to_csv(index=False, lineterminator="\n"))
            save_confusion(total, names, out / f"{stem}confusion.png")
    if scores["overall"]["support_px"]:
        write_table(out / "per_region.csv", region_rows(scores, regions))
        write_table(out / "per_hospital.csv", hospital_rows(scores))
    if scores.get("probabilities", {}).get("reliability"):
        save_reliability(scores["probabilities"]["reliability"], out / "reliability.png")


def counts_table(counts: dict[str, Counts], names: list[str], unit: str) -> pd.DataFrame:
    """Return counts as rows of region, truth, prediction ("not analysed" for label 0), and `unit` (px or dots); empty cells left out."""
    columns = [NOT_ANALYSED, *names]
    rows = [
        {"region": region, "truth": names[i], "prediction": columns[j], unit: int(matrix[i, j])}
        for region, matrix in counts.items() for i, j in np.argwhere(matrix)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["region", "truth", "prediction", unit])


def _score_region(model: Model, data: Dataset, region: str, folder: Path, seen: ProbabilityCounts | None) -> RegionCounts:
    """Count a region's pixels, dots and borders; pixels count only where more than dots is known of it."""
    pixels, truth = data.image(region), np.asarray(data.labels(region))
    classes = len(model.card.label_map.classes)
    pixel_truth = np.zeros_like(truth) if data.dotted([region]) else truth
    prediction = _name(model, pixels, pixel_truth, data.mpp, seen, region)
    save_pixels(pixels, folder / "image.jpg")
    save_labels(prediction, model.card.label_map, folder / "labels.png")
    save_overlay(pixels, truth, model.card.label_map, folder / "truth.jpg")
    save_overlay(pixels, prediction, model.card.label_map, folder / "prediction.jpg")
    small, mpp = thinned(pixel_truth, data.mpp)
    return RegionCounts(
        confusion_counts(pixel_truth, prediction, classes),
        dot_counts(data.dots(region), prediction, classes),
        measure_surface(small, thinned(prediction, data.mpp)[0], classes, mpp=mpp),
    )


def _name(model: Model, pixels: Pixels, truth: Labels, mpp: float, seen: ProbabilityCounts | None, region: str) -> Labels:
    """Name tissue as Model.label does; with `seen`, count the probabilities too, at the model's microns per pixel."""
    if seen is None:
        return model.label(pixels, mpp=mpp)
    size = pixels.shape[1], pixels.shape[0]
    at_model = scaled_size(size, mpp, model.card.mpp)
    field, known = (pixels, truth) if at_model == size else (resample_pixels(pixels, at_model), resample_labels(truth, at_model))
    labels = np.zeros(known.shape, np.uint8)
    for named in name_tissue(PixelField(field), model.runner, model.tiles, probabilities=True):
        box = named.box
        part = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        labels[part] = named.labels
        try:
            seen.add(np.asarray(named.probabilities), named.labels, known[part])
        except ValueError as cause:
            raise ModelError(
                f"model '{model.card.name}' on region {region}: {cause}; its weights are damaged, train or pull it again"
            ) from None
    return resample_labels(labels, size)


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
        ends = scores["intervals"].get("overall", {}).get("mean_dice")
        parts.append(f"95 % of mean Dice {ends[0]:.3f} to {ends[1]:.3f}" if ends else scores["intervals"]["note"])
    if "dots" in scores:
        by_class = ", ".join(f"{name} {s['accuracy']:.3f}" for name, s in scores["dots"]["classes"].items() if s["support_dots"])
        found = scores["dots"]["overall"]
        parts.append(f"{found['support_dots']} dots: {by_class}; balanced accuracy {found['balanced_accuracy']:.3f}")
    return "; ".join(parts)
