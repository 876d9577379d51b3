"""Every score as a formula on three sums by class, for one confusion matrix or for ten thousand at
once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """What all scores follow from, (..., K) each: pixels with the right label, pixels of truth,
    pixels predicted."""

    hits: Floats
    support: Floats
    predicted: Floats


def sums_of(counts: npt.NDArray[Any]) -> Sums:
    """Return the sums of (..., K, K + 1) counts."""
    predicted = counts[..., 1:]  # column 0, "not analysed", is no class
    hits = np.diagonal(predicted, axis1=-2, axis2=-1)
    return Sums(
        hits.astype(np.float64),
        counts.sum(axis=-1).astype(np.float64),
        predicted.sum(axis=-2).astype(np.float64),
    )


def class_rates(sums: Sums) -> dict[str, Floats]:
    """Return the scores of each class, (..., K); NaN without support.

    Returns:
        dice, iou, precision (NaN too when never predicted), recall, f1, specificity (NaN too where
        no other class is) and accuracy, the last two of the class against the rest.
    """
    hits = sums.hits
    support = sums.support
    predicted = sums.predicted
    total = support.sum(axis=-1, keepdims=True)  # (..., 1)
    false = predicted - hits
    others = total - support
    right_others = others - false
    dice = ratio(2 * hits, support + predicted)
    rates = {
        "dice": dice,
        "iou": ratio(hits, support + false),
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, support),
        # On pixels F1 and Dice are the same number; both names are asked for.
        "f1": dice,
        "specificity": ratio(right_others, others),
        "accuracy": ratio(right_others + hits, np.broadcast_to(total, hits.shape)),
    }
    # Without support a class's scores are of nothing, whatever the formula gives.
    has_support = support > 0
    return {name: np.where(has_support, rate, np.nan) for name, rate in rates.items()}


def overall_rates(sums: Sums) -> dict[str, Floats]:
    """Return accuracy, balanced accuracy (mean recall), Cohen's kappa, mean Dice and mean IoU,
    (...) each; means over classes that occur.

    Kappa is NaN where truth and prediction hold one and the same class alone: then chance agrees
    fully.
    """
    rates = class_rates(sums)
    total = sums.support.sum(axis=-1)
    accuracy = ratio(sums.hits.sum(axis=-1), total)
    # How often two who know only the shares of the classes would agree.
    chance = ratio((sums.support * sums.predicted).sum(axis=-1), total**2)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": known_mean(rates["recall"], axis=-1),
        "kappa": ratio(accuracy - chance, 1 - chance),
        "mean_dice": known_mean(rates["dice"], axis=-1),
        "mean_iou": known_mean(rates["iou"], axis=-1),
    }


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Return part / whole, NaN where the whole is 0."""
    shares: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=shares, where=np.asarray(whole) != 0)
    return shares


def known_mean(values: Floats, axis: int) -> Floats:
    """Return the mean over an axis of what is not NaN; NaN where all is."""
    # np.nanmean would warn where all is NaN.
    is_known = ~np.isnan(values)
    sums = np.where(is_known, values, 0).sum(axis=axis)
    return ratio(sums, is_known.sum(axis=axis))
