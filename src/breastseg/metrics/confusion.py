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
    counts, true, named = (
        np.zeros((classes + 1) ** 2, np.int64),
        truth.reshape(-1),
        prediction.reshape(-1),
    )
    for start in range(0, true.size, _BLOCK_PX):
        block = slice(start, start + _BLOCK_PX)
        counts += np.bincount(
            true[block].astype(np.intp) * (classes + 1) + named[block], minlength=len(counts)
        )
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
    return {
        name: {
            **{score: float(values[k]) for score, values in rates.items()},
            "support_px": int(sums.support[k]),
        }
        for k, name in enumerate(names)
    }


def overall_scores(counts: Counts) -> dict[str, float]:
    """Return accuracy over all annotated pixels, balanced accuracy, kappa, and Dice and IoU
    averaged over the classes that occur."""
    sums = sums_of(counts)
    return {
        **{score: float(value) for score, value in overall_rates(sums).items()},
        "classes_present": int((sums.support > 0).sum()),
        "support_px": int(counts.sum()),
    }


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
    return confusion_counts(label.astype(np.uint8)[None], prediction[y, x][None], classes)


def dot_scores(counts: Counts, names: Sequence[str]) -> DotTable:
    """Return how many dots of each class were named right, and the mean of these shares over the
    classes that occur.

    Args:
        counts: (K, K + 1), or (2 K, K + 1) as `place_counts` has them; each "not CLASS" that occurs
            then counts like a class.
        names: of the K classes.

    Returns:
        {"overall": {balanced_accuracy, accuracy, support_dots}, "classes": {name: {accuracy,
        support_dots}}, "counts": rows of truth}; NaN without support. With a "not CLASS" that
        occurs "classes" has it too, and "counts" all 2 K rows.
    """
    classes, support = len(names), counts.sum(axis=1)
    if not support[classes:].any():
        counts, support = counts[:classes], support[:classes]
    right = np.diagonal(counts[:, 1:]).astype(float)
    if len(counts) > classes:  # not analysed is no answer, the class itself the wrong one
        right = np.concatenate(
            [right, counts[classes:, 1:].sum(axis=1) - np.diagonal(counts[classes:, 1:])]
        )
    kinds = [*names, *(f"{NOT}{name}" for name in names)][: len(counts)]
    shares = {kind: _ratio(float(right[k]), float(support[k])) for k, kind in enumerate(kinds)}
    known = [share for share in shares.values() if not np.isnan(share)]
    return {
        "overall": {
            "balanced_accuracy": float(np.mean(known)) if known else np.nan,
            "accuracy": _ratio(float(right.sum()), float(support.sum())),
            "support_dots": int(support.sum()),
        },
        "classes": {
            kind: {"accuracy": share, "support_dots": int(support[k])}
            for k, (kind, share) in enumerate(shares.items()) if k < classes or support[k]
        },
        "counts": counts.tolist(),
    }  # fmt: skip


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
