"""How well numbers tell two classes apart, with intervals over patients.

Area under the ROC curve, balanced accuracy at 0.5, and sensitivity at 90 % specificity. Equal
numbers count as half in the area.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.json_files import JsonObject
from breastseg.metrics.intervals import interval_of, weights_of_draws
from breastseg.metrics.rates import Floats

SCORES = ("auc", "balanced_accuracy", "sensitivity_at_90_specificity")
DRAWS, SEED = 1000, 0
_SPECIFICITY = 0.9
_THRESHOLD = 0.5


def ranking(
    truth: npt.NDArray[np.integer[Any]], probability: Floats, patients: Sequence[str]
) -> JsonObject:
    """Return each score and `NAME_interval`, 95 % over draws of patients.

    Args:
        truth: (N,) 0 or 1.
        probability: (N,) of class 1.
        patients: of the N items.

    Returns:
        NaN where a class is missing; an interval is None with fewer than two patients.
    """
    names, patient_of_item = np.unique(np.asarray(patients), return_inverse=True)
    values, place = np.unique(np.asarray(probability, float), return_inverse=True)
    # (2, patients, values): how many items of class 0, of class 1 a patient has at each value
    counts = np.zeros((2, len(names), len(values)))
    np.add.at(counts, (np.asarray(truth, int), patient_of_item, place), 1)
    whole = counts.sum(axis=1, keepdims=True)
    of_everybody = _scores(whole[0], whole[1], values)
    result: JsonObject = {name: float(of_everybody[name][0]) for name in SCORES}
    draws: dict[str, list[Floats]] = {name: [] for name in SCORES}
    if len(names) > 1:
        for weights in weights_of_draws(len(names), DRAWS, SEED, values=4 * len(values)):
            scores = _scores(weights @ counts[0], weights @ counts[1], values)
            for name in SCORES:
                draws[name].append(scores[name])
    for name in SCORES:
        values_drawn = np.concatenate(draws[name]) if draws[name] else np.array([])
        result[f"{name}_interval"] = interval_of(values_drawn)
    return result


def _scores(negative: Floats, positive: Floats, values: Floats) -> dict[str, Floats]:
    """Return the scores of each draw.

    Args:
        negative: (draws, V) items of class 0 at each value.
        positive: (draws, V) items of class 1.
        values: (V,) rising.
    """
    all_negative = negative.sum(axis=1)
    all_positive = positive.sum(axis=1)
    below = np.cumsum(negative, axis=1) - negative
    # A draw may lack a class; what is divided by 0 then is NaN, and interval_of() leaves it out.
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (positive * (below + negative / 2)).sum(axis=1) / (all_negative * all_positive)
        called = values >= _THRESHOLD
        sensitivity = positive[:, called].sum(axis=1) / all_positive
        specificity = negative[:, ~called].sum(axis=1) / all_negative
        # At each value as the threshold: class 0 below it is right, class 1 from it on.
        right = below / all_negative[:, None]
        rest = all_positive[:, None] - np.cumsum(positive, axis=1) + positive
        reached = np.where(right >= _SPECIFICITY - 1e-12, rest, 0).max(axis=1) / all_positive
    has_both = (all_negative > 0) & (all_positive > 0)
    return {
        "auc": area,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity_at_90_specificity": np.where(has_both, reached, np.nan),
    }
