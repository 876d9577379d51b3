"""Confusion counts of label images, and what follows from them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
"""(K, K + 1): truth class by row, predicted label by column; column 0 is "not analysed", a miss for its row."""


def confusion_counts(truth: npt.NDArray[np.uint8], prediction: npt.NDArray[np.uint8], classes: int) -> Counts:
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
    paired = truth.astype(np.int32) * (classes + 1) + prediction
    counts = np.bincount(paired.ravel(), minlength=(classes + 1) ** 2).reshape(classes + 1, classes + 1)
    return counts[1:].astype(np.int64)


def class_scores(counts: Counts, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the scores of each class from summed counts.

    Returns:
        {class: {dice, iou, precision, recall, f1, accuracy, support_px}}. Every score of a class without support is NaN, and so
        is the precision of a class that was never predicted. Accuracy is that of the class against the rest.
    """
    total = float(counts.sum())
    scores = {}
    for k, name in enumerate(names):
        hits, support, predicted = float(counts[k, k + 1]), float(counts[k].sum()), float(counts[:, k + 1].sum())
        misses, false = support - hits, predicted - hits
        dice = _ratio(2 * hits, 2 * hits + misses + false) if support else np.nan
        scores[name] = {
            "dice": dice,
            "iou": _ratio(hits, hits + misses + false) if support else np.nan,
            "precision": _ratio(hits, predicted) if support else np.nan,
            "recall": _ratio(hits, support),
            "f1": dice,  # on pixels F1 and Dice are the same number; both names are asked for
            "accuracy": _ratio(total - misses - false, total) if support else np.nan,
            "support_px": int(support),
        }
    return scores


def overall_scores(counts: Counts) -> dict[str, float]:
    """Return accuracy over all annotated pixels, and Dice and IoU averaged over the classes that occur."""
    scores = class_scores(counts, [str(k) for k in range(len(counts))]).values()
    present = [s for s in scores if s["support_px"]]
    return {
        "accuracy": _ratio(float(np.trace(counts[:, 1:])), float(counts.sum())),
        "mean_dice": float(np.mean([s["dice"] for s in present])) if present else np.nan,
        "mean_iou": float(np.mean([s["iou"] for s in present])) if present else np.nan,
        "classes_present": len(present),
        "support_px": int(counts.sum()),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
