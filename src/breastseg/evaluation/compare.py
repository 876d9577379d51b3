"""Two models on the same regions: the difference of their scores, with intervals from the same
draws of patients."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.errors import InputError
from breastseg.evaluation.figures import ClassDifference, Comparison, Difference
from breastseg.evaluation.intervals import NO_INTERVAL, few
from breastseg.evaluation.scores import COUNTS, Scores
from breastseg.json_files import shown
from breastseg.labels import LabelMap
from breastseg.metrics import bootstrap_difference, class_scores, overall_scores, summed_by
from breastseg.metrics.confusion import Counts
from breastseg.metrics.intervals import DRAWS, SEED, Interval
from breastseg.wording import counted, in_short

NOT_ANALYSED = "not analysed"
_MOST_PX = 2**40
"""Pixels of one region that can be: sums over all regions still fit."""
_CASES = 20
"""What an interval of 95 % promises: wrong in one case of so many."""
_OVERALL = ("accuracy", "balanced_accuracy", "kappa", "mean_dice", "mean_iou")


@dataclass(frozen=True)
class Other:
    """Another model's finished evaluation: its folder, the model's name, and counts by region."""

    path: Path
    model: str
    counts: Mapping[str, Counts]


def open_other(folder: str | Path, data: str, label_map: LabelMap, regions: list[str]) -> Other:
    """Read an evaluation to compare with.

    Args:
        folder: what `evaluate` wrote.
        data: fingerprint of the data set that both must have been scored on.
        label_map: that both must have.
        regions: that both must have been scored on.

    Raises:
        InputError: no finished evaluation with counted pixels, or one of other data, labels or
            regions.
    """
    path = Path(folder)
    scores = Scores.read(path)
    if scores.data != data or scores.label_map != label_map:
        raise InputError(
            f"{path}: scores on other data or labels; evaluate both models on the same prepared"
            " data set"
        )
    if set(scores.regions) != set(regions):
        raise InputError(
            f"{path}: scores of {counted(len(scores.regions), 'region')}, wanted the same"
            f" {len(regions)}; evaluate both on one --split"
        )
    if not (path / COUNTS).is_file():
        raise InputError(
            f"{path / COUNTS}: not found; only evaluations with annotated areas can be compared"
        )
    counts = _read_counts(path / COUNTS, list(label_map.names), regions)
    return Other(path, scores.model, counts)


def comparison(
    counts: Mapping[str, Counts], other: Other, patients: list[str], names: list[str]
) -> Comparison:
    """Return how much better this model is than the other, with intervals.

    Args:
        counts: this model's, by region.
        other: from `open_other`.
        patients: of the regions, in the order of `counts`.
        names: of the classes.

    Returns:
        the differences by score, and of Dice by class; intervals are None where there is none.

    Raises:
        InputError: the two saw other truth.
    """
    # (R, K, K + 1) each, regions in one order: the bootstrap draws the same patients for both.
    mine = np.array(list(counts.values()))
    theirs = np.array([other.counts[region] for region in counts])
    # Rows are classes of the truth: their sums do not depend on the model.
    if not np.array_equal(mine.sum(axis=2), theirs.sum(axis=2)):
        raise InputError(
            f"{other.path}: its counts are of other annotation; evaluate that model again"
        )
    my_patients = np.array(list(summed_by(mine, patients).values()))  # (P, K, K + 1)
    their_patients = np.array(list(summed_by(theirs, patients).values()))
    has_truth = my_patients.any(axis=(1, 2))
    my_patients = my_patients[has_truth]
    their_patients = their_patients[has_truth]
    number = len(my_patients)
    note = NO_INTERVAL
    ends = None
    if number >= 2:
        ends = bootstrap_difference(my_patients, their_patients, names)
        note = (
            f"{DRAWS:,} draws of {number} patients, the same for both (seed {SEED}); where an"
            f" interval holds 0, no difference was shown{few(number)}{_by_chance(number)}"
        )
    my_pooled = my_patients.sum(axis=0)  # (K, K + 1)
    their_pooled = their_patients.sum(axis=0)
    my_overall = overall_scores(my_pooled)
    their_overall = overall_scores(their_pooled)
    overall = {}
    for score in _OVERALL:
        interval = ends["overall"][score] if ends else None
        overall[score] = _difference(my_overall[score], their_overall[score], interval)
    my_classes = class_scores(my_pooled, names)
    their_classes = class_scores(their_pooled, names)
    classes = {}
    for name in names:
        interval = ends["classes"][name]["dice"] if ends else None
        dice = _difference(my_classes[name]["dice"], their_classes[name]["dice"], interval)
        classes[name] = ClassDifference(dice=dice)
    return Comparison(
        with_=other.model,
        folder=str(other.path),
        note=note,
        overall=overall,
        classes=classes,
    )


def _difference(mine: float, theirs: float, ends: Interval) -> Difference:
    return Difference(difference=mine - theirs, interval=(ends[0], ends[1]) if ends else None)


def _by_chance(patients: int) -> str:
    """Return how often two equal models seem to differ; nothing where it is less than one time in
    20.

    All patients favour one of two equal models in 1 of 2 ** (patients - 1) cases, and so does every
    draw of them.
    """
    cases = 2 ** (patients - 1)
    if cases >= _CASES:
        return ""
    return f", equal models seem to differ in about 1 of {cases} such comparisons"


def _read_counts(path: Path, names: list[str], regions: list[str]) -> dict[str, Counts]:
    """Return (K, K + 1) counts by region from rows of region, truth, prediction, px."""
    try:
        table = pd.read_csv(
            path,
            dtype={"region": str, "truth": str, "prediction": str, "px": np.int64},
            keep_default_na=False,  # a region or class may be called "NA"
        )
        counts: dict[str, Counts] = {}
        for region in regions:
            counts[region] = np.zeros((len(names), len(names) + 1), np.int64)
        columns = [NOT_ANALYSED, *names]
        rows = zip(table["region"], table["truth"], table["prediction"], table["px"], strict=True)
        for region, truth, prediction, px in rows:
            if not 0 <= px <= _MOST_PX:
                raise ValueError(f"{shown(int(px))} pixels of {region}")
            counts[region][names.index(truth), columns.index(prediction)] += px
    except (ValueError, KeyError, OverflowError) as cause:
        raise InputError(
            f"{path}: not the counts of this evaluation ({in_short(cause)}); evaluate that model"
            " again"
        ) from None
    return counts
