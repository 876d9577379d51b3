"""Confusion counts of label images, and what follows from them."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from breastseg.labels import NOT
from breastseg.metrics.rates import class_rates, overall_rates, sums_of

Counts = npt.NDArray[np.int64]
"""(K, K + 1): truth class by row, predicted label by column; column 0 is "not analysed", a miss for
its row."""
# A block of pairs in intp is 512 KB, which stays in a core's cache.
_BLOCK_PX = 1 << 16


class DotTable(TypedDict):
    """Scores of dots: over all, of each class, and the counts they follow from."""

    overall: dict[str, float]
    classes: dict[str, dict[str, float]]
    counts: list[list[int]]


def confusion_counts(
    truth: npt.NDArray[np.uint8], prediction: npt.NDArray[np.uint8], classes: int
) -> Counts:
    """Count pixels by truth and prediction; pixels whose truth is 0 (not annotated) are left out.

    Args:
        truth: (H, W) uint8 labels.
        prediction: (H, W) uint8 labels of the same size.
        classes: number of classes K.

    Returns:
        (K, K + 1) counts.

    Raises:
        ValueError: sizes differ, or a label is above K.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {prediction.shape}, wanted the same")
    if max(int(truth.max(initial=0)), int(prediction.max(initial=0))) > classes:
        raise ValueError(f"labels go beyond {classes} classes")
    counts = np.zeros((classes + 1) ** 2, np.int64)
    true = truth.reshape(-1)
    predicted = prediction.reshape(-1)
    for start in range(0, true.size, _BLOCK_PX):
        block = slice(start, start + _BLOCK_PX)
        # One number for each pair of labels, so that a single bincount counts them all.
        pairs = true[block].astype(np.intp) * (classes + 1) + predicted[block]
        counts += np.bincount(pairs, minlength=len(counts))
    # Row 0 is what is not annotated.
    return counts.reshape(classes + 1, classes + 1)[1:]


def class_scores(counts: Counts, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the scores of each class from summed counts.

    Returns:
        {class: {dice, iou, precision, recall, f1, specificity, accuracy, support_px}}, as
        `class_rates` has them. Every score of a class without support is NaN, and so is the
        precision of a class that was never predicted.
    """
    sums = sums_of(counts)
    rates = class_rates(sums)
    scores: dict[str, dict[str, float]] = {}
    for k, name in enumerate(names):
        row = {score: float(values[k]) for score, values in rates.items()}
        row["support_px"] = int(sums.support[k])
        scores[name] = row
    return scores


def overall_scores(counts: Counts) -> dict[str, float]:
    """Return accuracy over all annotated pixels, balanced accuracy, kappa, and Dice and IoU
    averaged over the classes that occur."""
    sums = sums_of(counts)
    scores = {score: float(value) for score, value in overall_rates(sums).items()}
    scores["classes_present"] = int((sums.support > 0).sum())
    scores["support_px"] = int(counts.sum())
    return scores


def dot_counts(
    dots: npt.NDArray[np.int32], prediction: npt.NDArray[np.uint8], classes: int
) -> Counts:
    """Count dots by their class and the label the map has at their place.

    Args:
        dots: (N, 3) rows of (label, y, x).
        prediction: (H, W) uint8 labels.
        classes: number of classes K.

    Returns:
        (K, K + 1) counts.
    """
    label, y, x = dots.T
    # (N,) -> (1, N): dots are counted like an image of one row.
    truth = label.astype(np.uint8)[None]
    return confusion_counts(truth, prediction[y, x][None], classes)


def dot_scores(counts: Counts, names: Sequence[str]) -> DotTable:
    """Return the share of each class's dots with the right label, and the mean of these shares
    over the classes that occur.

    Args:
        counts: (K, K + 1), or (2 K, K + 1) as `place_counts` has them; each "not CLASS" that occurs
            then counts like a class.
        names: of the K classes.

    Returns:
        {"overall": {balanced_accuracy, accuracy, support_dots}, "classes": {name: {accuracy,
        support_dots}}, "counts": rows of truth}; NaN without support. With a "not CLASS" that
        occurs "classes" has it too, and "counts" all 2 K rows.
    """
    classes = len(names)
    support = counts.sum(axis=1)  # (K,) or (2 K,), as `right` and `kinds`
    if not support[classes:].any():
        # No "not CLASS" occurs: the table is that of the classes alone.
        counts = counts[:classes]
        support = support[:classes]
    right = np.diagonal(counts[:, 1:]).astype(float)
    kinds = list(names)
    if len(counts) > classes:
        # "Not CLASS" is right where the map says another class; "not analysed" is no answer.
        others = counts[classes:, 1:]
        right = np.concatenate([right, others.sum(axis=1) - np.diagonal(others)])
        kinds += [f"{NOT}{name}" for name in names]
    rows: dict[str, dict[str, float]] = {}
    shares = []
    for k, kind in enumerate(kinds):
        share = _ratio(float(right[k]), float(support[k]))
        if not np.isnan(share):
            shares.append(share)
        # Every class has a row, a "not CLASS" only where it occurs.
        if k < classes or support[k]:
            rows[kind] = {"accuracy": share, "support_dots": int(support[k])}
    all_dots = support.sum()
    overall = {
        "balanced_accuracy": float(np.mean(shares)) if shares else np.nan,
        "accuracy": _ratio(float(right.sum()), float(all_dots)),
        "support_dots": int(all_dots),
    }
    return {"overall": overall, "classes": rows, "counts": counts.tolist()}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
