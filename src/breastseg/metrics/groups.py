"""Counts of many regions: summed by patient or hospital, averaged over regions, and how many stand
behind each class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from breastseg.metrics.confusion import Counts
from breastseg.metrics.intervals import Interval, IntervalTable, bootstrap_ratio
from breastseg.metrics.rates import Floats, class_rates, known_mean, overall_rates, sums_of


def summed_by(counts: Counts, groups: Sequence[str]) -> dict[str, Counts]:
    """Sum (R, K, K + 1) counts over the regions of each group; groups in order of their names."""
    names = np.asarray(groups)  # (R,)
    sums = {}
    for name in sorted(set(groups)):
        sums[str(name)] = counts[names == name].sum(axis=0)
    return sums


def region_means(
    counts: Counts, names: Sequence[str]
) -> dict[str, dict[str, float] | dict[str, dict[str, float]]]:
    """Return every score as its mean over regions: of each class over the regions that have it.

    Args:
        counts: (R, K, K + 1).
        names: of the K classes.

    Returns:
        {"overall": {score: mean}, "classes": {name: {score: mean}}}; NaN where no region has a
        value.
    """
    sums = sums_of(counts)
    overall: dict[str, float] = {}
    for score, values in overall_rates(sums).items():
        overall[score] = float(known_mean(values, axis=0))
    classes: dict[str, dict[str, float]] = {name: {} for name in names}
    for score, values in class_rates(sums).items():
        means = known_mean(values, axis=0)  # (R, K) -> (K,)
        for k, name in enumerate(names):
            classes[name][score] = float(means[k])
    return {"overall": overall, "classes": classes}


def region_mean_intervals(
    counts: Counts, patients: Sequence[str], names: Sequence[str]
) -> IntervalTable:
    """Return the intervals of `region_means`, in its form.

    Args:
        counts: (R, K, K + 1).
        patients: of the R regions, two or more.
        names: of the K classes.
    """
    sums = sums_of(counts)
    overall_values = overall_rates(sums)
    class_values = class_rates(sums)
    # (R, scores + scores x K): all scores side by side, so that the patients are drawn once.
    overall_columns = np.stack(list(overall_values.values()), axis=1)
    columns = np.hstack([overall_columns, *class_values.values()])
    # Taken in the order of the columns: overall scores, then each score class by class.
    ends = iter(mean_intervals(columns, patients))
    overall = {score: next(ends) for score in overall_values}
    classes: dict[str, dict[str, Interval]] = {name: {} for name in names}
    for score in class_values:
        for name in names:
            classes[name][score] = next(ends)
    return {"overall": overall, "classes": classes}


def mean_intervals(values: Floats, patients: Sequence[str]) -> list[Interval]:
    """Return the interval of each column's mean over regions; each drawn patient brings all of its
    regions.

    Args:
        values: (R, N), NaN where a region has none.
        patients: of the R regions, two or more.

    Returns:
        N intervals; None where fewer than two patients have a value.
    """
    has_value = ~np.isnan(values)
    filled = np.where(has_value, values, 0)
    patient_of_region = np.asarray(patients)
    sums = []
    numbers = []
    for name in sorted(set(patients)):
        own = patient_of_region == name
        sums.append(filled[own].sum(axis=0))
        numbers.append(has_value[own].sum(axis=0))
    # (P, N) each: a mean over regions is a ratio of two sums over patients
    return bootstrap_ratio(np.array(sums, float), np.array(numbers, float))


def supports(
    counts: Counts, patients: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return in how many regions, and of how many patients, each class has truth: (K,) both, from
    (R, K, K + 1) counts."""
    by_patient = np.array(list(summed_by(counts, patients).values()))  # (P, K, K + 1)
    region_has = counts.sum(axis=2) > 0  # (R, K)
    patient_has = by_patient.sum(axis=2) > 0  # (P, K)
    return region_has.sum(axis=0), patient_has.sum(axis=0)
