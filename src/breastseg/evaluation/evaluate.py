"""evaluate(): a model and a prepared data set -> counts, scores, images.

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
OUT/types.csv              probabilities of types, one row an image, where model and data have them
OUT/regions/ID/            labels.png, the map; shrunk, for looking at: image.jpg, and truth.png,
prediction.png, errors.png to lay over it
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.bundles.bias import bias_vector
from breastseg.bundles.bundle import HISTORY
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import load_split, regions_of, split_fingerprint
from breastseg.errors import InputError
from breastseg.evaluation.compare import Other, comparison, open_other
from breastseg.evaluation.figures import Comparison, Probabilities
from breastseg.evaluation.groups import check_columns, groupings
from breastseg.evaluation.in_words import in_words
from breastseg.evaluation.leaks import fitted, leak_of, left_out_note, seen_by, with_truth
from breastseg.evaluation.patients import Column, read_patients
from breastseg.evaluation.presence import PresenceRow, presence_figures, presence_rows
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
        DatasetError: nothing is annotated, or an image and its labels do not fit.
        InputError: the evaluation to compare with is missing or of other regions; the table of
            patients lacks a column or a patient, or has no use.
        ModelError: the network gives probabilities that are none.
    """
    data = open_dataset(dataset)
    table = _split_table(data, split)
    chosen = regions_of(table, split)
    leak = leak_of(model, data, table, chosen, split)
    # Both before `fitted`: the bias counts in the network's own classes, not in coarser ones.
    bias = model.card.bias
    own_map = model.card.label_map
    model, data = fitted(model, data, labels)
    regions, left_out = with_truth(data, chosen, split)
    label_map = model.card.label_map
    names = list(label_map.names)
    patient_of = {region: str(data.regions.loc[region, "patient"]) for region in regions}
    known_patients = seen_by(model, data, regions)
    # All that a person may have given wrong is read here: mapping the regions can take hours.
    columns, table_notes = _columns(patients, by, patient_of.values(), data)
    other = None
    if compare is not None:
        other = open_other(compare, data.fingerprint(), label_map, regions)
    out = Path(out)
    settings: dict[str, object] = {
        "model": model.card.name,
        "model_files": model.card.files,
        "backend": model.backend,
        "data": data.fingerprint(),
        "split": split,
        "regions": split_fingerprint(table),
        "probabilities": probabilities,
        # By what it counted, not by its path: the other evaluation may have been made again.
        "compare": sha256_of(other.path / COUNTS) if other else None,
    }
    # Only where given: folders of versions without these options stay the same work.
    if labels:
        settings["labels"] = label_map.fingerprint()
    if patients:
        settings |= {"patients": sha256_of(Path(patients)), "by": list(by)}
    with own_folder(out, "evaluate", settings, may_differ=("compare",), remains=_REMAINS):
        without = left_out_note(data, left_out, len(chosen))
        who_knows = leak or known_patients.note
        for line in filter(None, (who_knows, without, *table_notes)):
            reporter.message(line)
        probability_counts = SeenProbabilities(model, patient_of) if probabilities else None
        plain = Unbiased(model, bias_vector(bias, own_map)) if bias else None
        counts: dict[str, RegionCounts] = {}
        for region in reporter.each(regions, title="evaluate", unit="region"):
            counts[region] = _score_region(model, data, region, out, probability_counts, plain)
        whole_regions = presence_rows(counts, data, names)
        figures = figures_of(counts, data.regions, names)
        scores = Scores(
            model=model.card.name,
            data=data.fingerprint(),
            split=split,
            label_map=label_map,
            mpp=data.mpp,
            patients=tuple(sorted(set(patient_of.values()))),
            overall=figures.overall,
            pooled=figures.pooled,
            mean_per_region=figures.mean_per_region,
            intervals=figures.intervals,
            boundary=figures.boundary,
            hospitals=figures.hospitals,
            regions=figures.regions,
            dots=figures.dots,
            left_out=tuple(left_out),
            presence=presence_figures(whole_regions, names) if whole_regions else None,
            types=type_figures(model, data, table, split, out, reporter),
            probabilities=_probabilities(probability_counts, names),
            without_bias=plain.figures(bias, names) if plain else None,
            groups=groupings(counts, data, names, columns, whole_regions),
            comparison=_difference(counts, other, list(patient_of.values()), names),
            seen=known_patients,
            leaky=leak or None,
            protocol="; ".join(filter(None, (who_knows, PROTOCOL, without))),
        )
        write_tables(scores, counts, data.regions, out)
        _write_more(whole_regions, model, out)
        # Last: a folder with scores.json counts as finished.
        scores.write(out)
        reporter.message(in_words(scores))
        return scores


def _write_more(whole_regions: list[PresenceRow], model: Model, out: Path) -> None:
    """Write the tables that only some evaluations have: presence, and the training's history."""
    if whole_regions:
        write_table(out / PRESENCE_TABLE, whole_regions)
    if HISTORY in model.card.files:
        history = model.bundle.file(HISTORY).read_text(encoding="utf-8")
        write_text(out / TRAINING_TABLE, history)


def _split_table(data: Dataset, split: str) -> pd.DataFrame:
    """Return the table of a split; one that has only "all" of a data set that was never split."""
    if split == "all" and not (data.path / "split.csv").is_file():
        return data.regions.assign(split="all")
    return load_split(data)


def _columns(
    patients: str | Path | None, by: Sequence[str], scored: Iterable[str], data: Dataset
) -> tuple[list[Column], tuple[str, ...]]:
    """Return the columns by which scores are grouped, and notes on their table."""
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
    wanted = list(dict.fromkeys(by))  # each once, in the order given
    columns, notes = read_patients(Path(patients), wanted, sorted(set(scored)), everybody)
    check_columns(columns)
    return columns, notes


def _probabilities(counts: SeenProbabilities | None, names: list[str]) -> Probabilities | None:
    """Return what probabilities are worth, where they were asked for."""
    if counts is None:
        return None
    return probability_figures(counts.by_patient, names)


def _difference(
    counts: Mapping[str, RegionCounts], other: Other | None, patients: list[str], names: list[str]
) -> Comparison | None:
    """Return how much better the model is than the other, where one was given."""
    if other is None:
        return None
    pixels = {region: counted.pixels for region, counted in counts.items()}
    return comparison(pixels, other, patients, names)


def _score_region(
    model: Model,
    data: Dataset,
    region: str,
    out: Path,
    probability_counts: SeenProbabilities | None,
    plain: Unbiased | None,
) -> RegionCounts:
    """Count a region's pixels, dots and borders; pixels count only where more than dots is known of
    it."""
    pixels = data.image(region)  # (H, W, 3)
    truth = np.asarray(data.labels(region))  # (H, W)
    classes = len(model.card.label_map.classes)
    # Between dots nothing is known: no pixel of such a region is right or wrong.
    pixel_truth = np.zeros_like(truth) if data.dotted([region]) else truth
    prediction, unbiased = _name(
        model, pixels, pixel_truth, data.mpp, region, probability_counts, plain
    )
    if plain and unbiased is not None:
        plain.add(pixel_truth, data.places(region), unbiased)
    folder = out / REGIONS / region
    save_labels(prediction, model.card.label_map, folder / PICTURE_LABELS)
    save_comparison(pixels, truth, prediction, model.card.label_map, folder)
    # As PROTOCOL says, borders are compared at about 1 um/px.
    small_truth, small_mpp = thinned(pixel_truth, data.mpp)
    small_prediction, _ = thinned(prediction, data.mpp)
    return RegionCounts(
        pixels=confusion_counts(pixel_truth, prediction, classes),  # (K, K + 1)
        dots=place_counts(data.places(region), prediction, classes),  # (2 K, K + 1)
        surface=measure_surface(small_truth, small_prediction, classes, mpp=small_mpp),
        named=np.bincount(prediction.ravel(), minlength=classes + 1),  # (K + 1,)
    )


def _name(
    model: Model,
    pixels: Pixels,
    truth: Labels,
    mpp: float,
    region: str,
    probability_counts: SeenProbabilities | None,
    plain: Unbiased | None,
) -> tuple[Labels, Labels | None]:
    """Name tissue as Model.label does, and with `plain` without the bias too; with `seen`, count
    probabilities at the model's um/px."""
    if probability_counts is None and plain is None:
        return model.label(pixels, mpp=mpp), None
    size = pixels.shape[1], pixels.shape[0]
    size_at_model = scaled_size(size, mpp, model.card.mpp)
    if size_at_model != size:
        pixels = resample_pixels(pixels, size_at_model)
        truth = resample_labels(truth, size_at_model)
    labels = np.zeros(truth.shape, np.uint8)  # (H, W) at the model's um/px, as `unbiased`
    unbiased = np.zeros(truth.shape, np.uint8)
    field = PixelField(pixels)
    for tile in name_tissue(field, model.runner, model.tiles, probabilities=True):
        part = tile.box.slices
        if probability_counts:
            labels[part] = probability_counts.add(region, tile, truth[part])
        else:
            labels[part] = grouped_labels(model, tile.labels)
        if plain:
            unbiased[part] = plain.labels(np.asarray(tile.probabilities))
    labels = resample_labels(labels, size)
    if plain is None:
        return labels, None
    return labels, resample_labels(unbiased, size)
