"""evaluate(): a model and a prepared data set -> counts, scores, pictures.

OUT/counts.csv             pixels by region, truth and prediction: all scores of areas follow from
it
OUT/dots_counts.csv        the same for dots, where the annotation has some
OUT/presence.csv           the share of classes of which is known that a region has them, or not,
where something is
OUT/scores.json            pooled, per region, as means over regions and per hospital: Dice, IoU,
precision, recall, F1, specificity,
                           accuracy, balanced accuracy, kappa, support; borders; intervals over
                           patients; NaN without support;
                           `seen`: how many of the patients the model knew; `without_bias`: the
                           pooled scores without the card's bias; `groups`: where errors gather
OUT/per_region.csv, OUT/per_hospital.csv    the same as tables
OUT/per_group.csv          scores by hospital, scanner, strength of stain, or a column of a table of
patients, with their shares of the truth and of the errors
OUT/training.csv           the training's history, where the model has it
OUT/types.csv              probabilities of types, one row a picture, where model and data have them
OUT/regions/ID/            labels.png, the map; shrunk, for looking at: image.jpg, and truth.png,
prediction.png, errors.png to lay over it
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.bundles.bias import bias_vector
from breastseg.bundles.bundle import HISTORY
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of, split_fingerprint
from breastseg.errors import InputError
from breastseg.evaluation.compare import comparison, open_other
from breastseg.evaluation.figures import Intervals, WithoutBias
from breastseg.evaluation.groups import check_columns, groupings
from breastseg.evaluation.leaks import fitted, leak_of, left_out_note, seen_by, with_truth
from breastseg.evaluation.patients import Column, read_patients
from breastseg.evaluation.presence import presence_figures, presence_rows
from breastseg.evaluation.probabilities import SeenProbabilities
from breastseg.evaluation.regroup import grouped_labels
from breastseg.evaluation.scores import (
    COUNTS,
    PRESENCE_TABLE,
    REGIONS,
    SCORES,
    TRAINING_TABLE,
    TYPES_TABLE,
    Scores,
)
from breastseg.evaluation.summary import RegionCounts, figures_of, probability_figures
from breastseg.evaluation.tables import write_tables
from breastseg.evaluation.types import type_figures
from breastseg.evaluation.unbiased import Unbiased
from breastseg.files import Remains, own_folder, sha256_of, write_table, write_text
from breastseg.geometry import scaled_size
from breastseg.images import Pixels, resample_labels, resample_pixels
from breastseg.inference.model import Model
from breastseg.inference.tiles import PixelField, name_tissue
from breastseg.labels import Labels
from breastseg.maps.pictures import save_comparison, save_labels
from breastseg.maps.record import PICTURE_LABELS
from breastseg.metrics import confusion_counts, measure_surface, place_counts
from breastseg.metrics.surface import thinned
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

PROTOCOL = (
    "pixels at the data set's um/px; not annotated pixels are left out; 0 is never a class; NaN"
    " where a class has no support; regions in which nothing but dots is known are scored by dots"
    " alone: the map's class at the dot's place, of a box or disc the class that most of its pixels"
    " have; borders are compared at about 1 um/px, where both sides are annotated; intervals are"
    " drawn over patients: a draw without a class says nothing of it, and its means are over the"
    " classes that it has"
)
_REMAINS = Remains(
    finished=(SCORES,),
    rest=(REGIONS, "*counts.csv", "per_*.csv", PRESENCE_TABLE, TYPES_TABLE, TRAINING_TABLE),
)


def evaluate(
    model: Model,
    dataset: str | Path,
    out: str | Path,
    *,
    split: str = "test",
    probabilities: bool = False,
    compare: str | Path | None = None,
    labels: str | None = None,
    patients: str | Path | None = None,
    by: Sequence[str] = (),
    reporter: Reporter = TERMINAL,
) -> Scores:
    """Score a model on one part of a data set.

    Args:
        model: from `load_model`.
        dataset: folder of a prepared data set.
        out: folder of the results; must be empty or hold the same work.
        split: train, val, test, or all; a data set that was never split has only "all".
        probabilities: also compute probabilities, for AUC and calibration; takes longer.
        compare: folder of another model's evaluation on the same regions, for the difference of the
            two.
        labels: label map (a name or a file, of the same source codes) in whose classes both are
            scored, where the model's are not the data set's; a class of either must fall into one
            of its classes.
        patients: table with a row for each scored patient (column `patient`), for `by`.
        by: its columns by which scores are grouped too; hospital, scanner where slides name it,
            and strength of stain always are.
        reporter: who hears of it.

    Returns:
        what scores.json holds.

    Raises:
        LabelError: model and data set have different label maps, or `labels` does not fit both.
        SplitError: the part is empty, or a patient in it trained the model (unless the part is
            "train", or the split leaky on purpose).
        DatasetError: nothing is annotated, or a picture and its labels do not fit.
        InputError: the evaluation to compare with is missing or of other regions; the table of
            patients lacks a column or a patient, or has no use.
        ModelError: the network gives probabilities that are none.
    """
    data = open_dataset(dataset)
    table = _split_table(data, split)
    chosen = regions_of(table, split)
    leak = leak_of(model, data, table, chosen, split)
    bias, own = model.card.bias, model.card.label_map
    model, data = fitted(model, data, labels)
    regions, left_out = with_truth(data, chosen, split)
    label_map = model.card.label_map
    whose = {region: str(data.regions.loc[region, "patient"]) for region in regions}
    known = seen_by(model, data, regions)
    columns, table_notes = _columns(patients, by, whose.values(), data)
    other = (
        open_other(compare, data.fingerprint(), label_map, regions) if compare is not None else None
    )
    out, names = Path(out), list(label_map.names)
    settings: dict[str, object] = {
        "model": model.card.name,
        "model_files": model.card.files,
        "backend": model.backend,
        "data": data.fingerprint(),
        "split": split,
        "regions": split_fingerprint(table),
        "probabilities": probabilities,
        "compare": sha256_of(other.path / COUNTS) if other else None,
    }
    if labels:
        settings["labels"] = label_map.fingerprint()
    if patients:
        settings |= {"patients": sha256_of(Path(patients)), "by": list(by)}
    with own_folder(out, "evaluate", settings, may_differ=("compare",), remains=_REMAINS):
        without = left_out_note(data, left_out, len(chosen))
        for line in filter(None, (leak or known.note, without, *table_notes)):
            reporter.message(line)
        seen = SeenProbabilities(model, whose) if probabilities else None
        plain = Unbiased(model, bias_vector(bias, own)) if bias else None
        found = {
            region: _score_region(model, data, region, out / REGIONS / region, seen, plain)
            for region in reporter.each(regions, title="evaluate", unit="region")
        }
        pixels = {region: one.pixels for region, one in found.items()}
        known_wholes = presence_rows(found, data, names)
        figures = figures_of(found, data.regions, names)
        scores = Scores(
            model=model.card.name,
            data=data.fingerprint(),
            split=split,
            label_map=label_map,
            mpp=data.mpp,
            patients=tuple(sorted(set(whose.values()))),
            overall=figures.overall,
            pooled=figures.pooled,
            mean_per_region=figures.mean_per_region,
            intervals=figures.intervals,
            boundary=figures.boundary,
            hospitals=figures.hospitals,
            regions=figures.regions,
            dots=figures.dots,
            left_out=tuple(left_out),
            presence=presence_figures(known_wholes, names) if known_wholes else None,
            types=type_figures(model, data, table, split, out, reporter),
            probabilities=probability_figures(seen.by_patient, names) if seen else None,
            without_bias=plain.figures(bias, names) if plain else None,
            groups=groupings(found, data, names, columns, known_wholes),
            comparison=(comparison(pixels, other, list(whose.values()), names) if other else None),
            seen=known,
            leaky=leak or None,
            protocol="; ".join(filter(None, (leak or known.note, PROTOCOL, without))),
        )
        write_tables(scores, found, data.regions, out)
        if known_wholes:
            write_table(out / PRESENCE_TABLE, known_wholes)
        if HISTORY in model.card.files:
            write_text(out / TRAINING_TABLE, model.bundle.file(HISTORY).read_text(encoding="utf-8"))
        scores.write(out)
        reporter.message(_summary(scores))
        return scores


def _split_table(data: Dataset, split: str) -> pd.DataFrame:
    """Return the table of a split; one that has only "all" of a data set that was never split."""
    if split == "all" and not (data.path / "split.csv").is_file():
        return data.regions.assign(split="all")
    return load_split(data)


def _columns(
    patients: str | Path | None, by: Sequence[str], scored: Iterable[str], data: Dataset
) -> tuple[list[Column], tuple[str, ...]]:
    """Return the columns by which scores are grouped, and what should be said of their table."""
    if patients is None:
        if by:
            raise InputError(
                f"--by {by[0]}: a column of which table? give --patients TABLE; hospital, scanner"
                " and strength of stain are there without"
            )
        return [], ()
    if not by:
        raise InputError(
            f"--patients {patients}: grouped by which of its columns? give --by COLUMN"
        )
    everybody = list(map(str, data.regions["patient"].unique()))
    wanted = list(dict.fromkeys(by))
    found, notes = read_patients(Path(patients), wanted, sorted(set(scored)), everybody)
    check_columns(found)
    return found, notes


def _score_region(
    model: Model,
    data: Dataset,
    region: str,
    folder: Path,
    seen: SeenProbabilities | None,
    plain: Unbiased | None,
) -> RegionCounts:
    """Count a region's pixels, dots and borders; pixels count only where more than dots is known of
    it."""
    pixels = data.image(region)  # (H, W, 3)
    truth = np.asarray(data.labels(region))  # (H, W)
    classes = len(model.card.label_map.classes)
    # Between dots nothing is known: no pixel of such a region is right or wrong.
    pixel_truth = np.zeros_like(truth) if data.dotted([region]) else truth
    prediction, unbiased = _name(model, pixels, pixel_truth, data.mpp, region, seen, plain)
    if plain and unbiased is not None:
        plain.add(pixel_truth, data.places(region), unbiased)
    save_labels(prediction, model.card.label_map, folder / PICTURE_LABELS)
    save_comparison(pixels, truth, prediction, model.card.label_map, folder)
    # As PROTOCOL says, borders are compared at about 1 um/px.
    small, mpp = thinned(pixel_truth, data.mpp)
    return RegionCounts(
        confusion_counts(pixel_truth, prediction, classes),
        place_counts(data.places(region), prediction, classes),
        measure_surface(small, thinned(prediction, data.mpp)[0], classes, mpp=mpp),
        np.bincount(prediction.ravel(), minlength=classes + 1),
    )


def _name(
    model: Model,
    pixels: Pixels,
    truth: Labels,
    mpp: float,
    region: str,
    seen: SeenProbabilities | None,
    plain: Unbiased | None,
) -> tuple[Labels, Labels | None]:
    """Name tissue as Model.label does, and with `plain` without the bias too; with `seen`, count
    probabilities at the model's um/px."""
    if seen is None and plain is None:
        return model.label(pixels, mpp=mpp), None
    size = pixels.shape[1], pixels.shape[0]
    at_model = scaled_size(size, mpp, model.card.mpp)
    field, known = pixels, truth
    if at_model != size:
        field, known = resample_pixels(pixels, at_model), resample_labels(truth, at_model)
    labels = np.zeros(known.shape, np.uint8)  # (H, W) at the model's um/px, as `unbiased`
    unbiased = np.zeros(known.shape, np.uint8)
    for named in name_tissue(PixelField(field), model.runner, model.tiles, probabilities=True):
        box = named.box
        part = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        if seen:
            labels[part] = seen.add(region, named, known[part])
        else:
            labels[part] = grouped_labels(model, named.labels)
        if plain:
            unbiased[part] = plain.labels(np.asarray(named.probabilities))
    return resample_labels(labels, size), resample_labels(unbiased, size) if plain else None


def _summary(scores: Scores) -> str:
    without = f" ({len(scores.left_out)} more without truth left out)" if scores.left_out else ""
    parts = [
        f"{counted(len(scores.regions), 'region')}{without},"
        f" {counted(len(scores.patients), 'patient')}"
    ]
    overall = scores.overall
    if overall.support_px:
        by_class = ", ".join(
            f"{name} {s.dice:.3f}" for name, s in scores.pooled.items() if s.support_px
        )
        parts.append(
            f"Dice: {by_class}; mean {overall.mean_dice:.3f}, accuracy {overall.accuracy:.3f}"
        )
        parts.append(_interval(scores.intervals, "mean_dice", "mean Dice"))
    if scores.dots:
        by_class = ", ".join(
            f"{name} {s.accuracy:.3f}" for name, s in scores.dots.classes.items() if s.support_dots
        )
        dots = scores.dots.overall
        parts.append(
            f"{dots.support_dots} dots: {by_class}; balanced accuracy {dots.balanced_accuracy:.3f}"
        )
        parts.append(_interval(scores.dots.intervals, "balanced_accuracy", "it"))
    for name, found in scores.presence.classes.items() if scores.presence else ():
        shares = []
        if found.regions_with:
            shares.append(f"{found.share_with:.3f} where it is")
        if found.regions_without:
            shares.append(f"{found.share_without:.3f} where it is not")
        parts.append(f"share of {name} " + ", ".join(shares))
    return "; ".join([*parts, *_asked_for(scores)])


def _asked_for(scores: Scores) -> list[str]:
    """Return in words what only some evaluations have: AUC and calibration, and the difference from
    another model."""
    parts = []
    if scores.overall.support_px and scores.probabilities:
        found = scores.probabilities
        parts.append(f"mean AUC {found.mean_auc:.3f}, expected calibration error {found.ece:.3f}")
    if scores.types and "note" in scores.types:
        parts.append(str(scores.types["note"]))
    if scores.without_bias:
        parts.append(_unbiased(scores.without_bias))
    if scores.comparison:
        dice, folder = scores.comparison.overall["mean_dice"], scores.comparison.folder
        ends = dice.interval
        spread = f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else ""
        parts.append(f"mean Dice {dice.difference:+.3f}{spread} against {folder}")
    return parts


def _unbiased(found: WithoutBias) -> str:
    told = [f"mean Dice {found.overall.mean_dice:.3f}"] if found.overall.support_px else []
    if found.dots:
        told.append(f"balanced accuracy of dots {found.dots.overall.balanced_accuracy:.3f}")
    return f"without its bias {', '.join(told)}"


def _interval(drawn: Intervals, score: str, words: str) -> str:
    ends = (drawn.overall or {}).get(score)
    return f"95 % of {words} {ends[0]:.3f} to {ends[1]:.3f}" if ends else drawn.note
