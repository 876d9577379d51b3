"""Counts of many regions: summed by patient or hospital, averaged over regions, and how many stand behind each class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from breastseg.metrics.confusion import Counts
from breastseg.metrics.rates import class_rates, known_mean, overall_rates, sums_of


def summed_by(counts: Counts, groups: Sequence[str]) -> dict[str, Counts]:
    """Sum (R, K, K + 1) counts over the regions of each group; groups in order of their names."""
    names = np.asarray(groups)
    return {str(name): counts[names == name].sum(axis=0) for name in sorted(set(groups))}


def region_means(counts: Counts, names: Sequence[str]) -> dict[str, dict[str, float] | dict[str, dict[str, float]]]:
    """Return every score as its mean over regions: of each class over the regions that have it.

    Args:
        counts: (R, K, K + 1).
        names: of the K classes.

    Returns:
        {"overall": {score: mean}, "classes": {name: {score: mean}}}; NaN where no region has a value.
    """
    sums = sums_of(counts)
    overall = {score: float(known_mean(values, axis=0)) for score, values in overall_rates(sums).items()}
    means = {score: known_mean(values, axis=0) for score, values in class_rates(sums).items()}
    classes = {name: {score: float(values[k]) for score, values in means.items()} for k, name in enumerate(names)}
    return {"overall": overall, "classes": classes}


def supports(counts: Counts, patients: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return in how many regions, and of how many patients, each class has truth: (K,) both, from (R, K, K + 1) counts."""
    by_patient = np.array(list(summed_by(counts, patients).values()))
    regions, people = ((stack.sum(axis=2) > 0).sum(axis=0) for stack in (counts, by_patient))
    return regions, people
