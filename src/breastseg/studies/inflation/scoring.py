"""The study's counts -> the rows of its table: the same predictions, scored in the ways that are
found in the literature."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from breastseg.metrics import class_scores, overall_scores
from breastseg.metrics.confusion import Counts
from breastseg.metrics.rates import known_mean
from breastseg.studies.inflation.tiles import HONEST, PROTOCOLS

ZERO = "label 0"
"""Name of the class that not annotated pixels become where they are counted as one."""


class Scoring(NamedTuple):
    """One way to score.

    Attributes:
        name: in the table.
        zero: whether label 0 is a class, in training and in the score.
        merged: whether classes after the second are one, merged after the network has chosen; label
            0 joins them.
    """

    name: str
    zero: bool
    merged: bool


SCORINGS = (
    Scoring("all classes, label 0 left out", zero=False, merged=False),
    Scoring("all classes, label 0 one of them", zero=True, merged=False),
    Scoring("classes merged, label 0 left out", zero=False, merged=True),
    Scoring("classes merged, label 0 among them", zero=True, merged=True),
)
COMPARED = ("accuracy", "mean_dice", "dice")
NOBODY = "no model, all called"
"""Beginning of the name of the rows that say what a way to score gives for nothing."""


def merge(counts: Counts, groups: Sequence[int]) -> Counts:
    """Add up the classes of each group in a (K, K + 1) table; group g becomes class g."""
    number = max(groups) + 1
    merged = np.zeros((number, number + 1), np.int64)
    rows = np.array(groups)  # (K,)
    # column 0, "not analysed", stays: it belongs to no group
    columns = np.concatenate([[0], rows + 1])  # (K + 1,)
    # add.at, not +=: several rows go to one, and += would keep the last of them alone
    np.add.at(merged, (rows[:, None], columns[None]), counts)
    return merged


def scored(counts: Counts, names: Sequence[str], scoring: Scoring) -> tuple[Counts, list[str]]:
    """Return (K, K + 1) counts and class names as one way to score has them."""
    if not scoring.merged:
        return counts, list(names)
    groups = [0, 1] + [2] * (len(names) - 2)
    return merge(counts, groups), [*names[:2], "rest"]


def study_rows(
    counts: Mapping[tuple[str, bool], Mapping[str, Counts]], names: Sequence[str]
) -> list[dict[str, str | float]]:
    """Return one row for each protocol and scoring, and for each scoring one in which every pixel
    is called the first class.

    Args:
        counts: by protocol and whether label 0 is a class: (K, K + 1) pixels of each patient, K
            counting label 0 there.
        names: of the classes, without label 0.

    Returns:
        rows of protocol, scoring, the figures of `_figures`, and `*_more`: by how much a figure
        lies above the honest row.
    """
    ways = list(SCORINGS)
    if len(names) <= 2:  # nothing to merge: the rows would be the same again
        ways = [way for way in SCORINGS if not way.merged]
    blind = f"{NOBODY} {names[0]}"
    tables = dict(counts)
    for zero in (False, True):
        by_patient = counts[HONEST, zero]
        # on the same pixels as the honest protocol, so that both rows can be compared
        called = {patient: _all_first(table) for patient, table in by_patient.items()}
        tables[blind, zero] = called
    rows: list[dict[str, str | float]] = []
    honest: dict[str, float] = {}
    for protocol in (*PROTOCOLS, blind):
        for way in ways:
            classes = [*names, ZERO] if way.zero else names
            figures = _figures(tables[protocol, way.zero], classes, way)
            if protocol == HONEST and way == SCORINGS[0]:
                honest = figures
            row: dict[str, str | float] = {"protocol": protocol, "scoring": way.name}
            row.update(figures)
            rows.append(row)
    for row in rows:
        for name in COMPARED:
            more = float(row[name]) - honest[name]
            row[f"{name}_more"] = more
    return rows


def _all_first(counts: Counts) -> Counts:
    """Return the same pixels, all of them called the first class."""
    called = np.zeros_like(counts)
    called[:, 1] = counts.sum(axis=1)
    return called


def _figures(
    by_patient: Mapping[str, Counts], names: Sequence[str], way: Scoring
) -> dict[str, float]:
    """Score pooled pixels: over all classes, over those of two patients or more, and the first
    class by itself."""
    tables: list[Counts] = []  # (K, K + 1) of each patient
    called: list[str] = []
    for own_counts in by_patient.values():
        table, called = scored(own_counts, names, way)  # names are the same for all patients
        tables.append(table)
    stack = np.stack(tables)  # (patients, K, K + 1)
    pooled = stack.sum(axis=0)
    overall = overall_scores(pooled)
    classes = class_scores(pooled, called)
    # a class that one patient alone has is left out: its Dice would be of that patient
    patients_with = stack.any(axis=2).sum(axis=0)  # (K,): rows are the truth
    dice_shared = []
    for name, patients in zip(called, patients_with, strict=True):
        if patients > 1:
            dice_shared.append(classes[name]["dice"])
    first = classes[called[0]]
    return {
        "support_px": overall["support_px"],
        "accuracy": overall["accuracy"],
        "accuracy_one_vs_rest": one_vs_rest(overall["accuracy"], len(called)),
        "mean_dice": overall["mean_dice"],
        "mean_dice_shared": float(known_mean(np.array(dice_shared), axis=0)),
        "dice": first["dice"],
        "precision": first["precision"],
        "recall": first["recall"],
    }


def one_vs_rest(accuracy: float, classes: int) -> float:
    """Return the accuracy in which every class votes on every pixel: true negatives count, a wrong
    pixel is two errors among K votes."""
    return 1 - 2 * (1 - accuracy) / classes


def patient_rows(
    counts: Mapping[tuple[str, bool], Mapping[str, Counts]], names: Sequence[str]
) -> list[dict[str, str | float]]:
    """Return one row a patient: accuracy and the first class's Dice under each protocol, label 0
    left out."""
    rows: list[dict[str, str | float]] = []
    for patient in counts[HONEST, False]:
        row: dict[str, str | float] = {"patient": patient}
        # all accuracies, then all Dice: the order of the columns in the table
        for protocol in PROTOCOLS:
            overall = overall_scores(counts[protocol, False][patient])
            row[f"{protocol}, accuracy"] = overall["accuracy"]
        for protocol in PROTOCOLS:
            classes = class_scores(counts[protocol, False][patient], names)
            row[f"{protocol}, dice"] = classes[names[0]]["dice"]
        rows.append(row)
    return rows
