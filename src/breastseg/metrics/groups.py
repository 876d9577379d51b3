"""Counts of many regions: summed by patient or hospital, averaged over regions, and how many stand
behind each class."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from breastseg.metrics.confusion import Counts
from breastseg.metrics.intervals import Interval, IntervalTable, bootstrap_ratio
from breastseg.metrics.rates import Floats, class_rates, known_mean, overall_rates, sums_of


def summed_by(counts: Counts, groups: Sequence[str]) -> dict[str, Counts]:
    """Sum (R, K, K + 1) counts over the regions of each group; groups in order of their names."""
    names = np.asarray(groups)
    return {str(name): counts[names == name].sum(axis=0) for name in sorted(set(groups))}


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
    overall = {
        score: float(known_mean(values, axis=0)) for score, values in overall_rates(sums).items()
    }
    means = {score: known_mean(values, axis=0) for score, values in class_rates(sums).items()}
    classes = {
        name: {score: float(values[k]) for score, values in means.items()}
        for k, name in enumerate(names)
    }
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
    overall, classes = overall_rates(sums), class_rates(sums)
    ends = iter(
        mean_intervals(
            np.hstack([np.stack(list(overall.values()), axis=1), *classes.values()]), patients
        )
    )
    found = {score: next(ends) for score in overall}
    by_score = {score: dict(zip(names, islice(ends, len(names)), strict=True)) for score in classes}
    return {
        "overall": found,
        "classes": {name: {score: row[name] for score, row in by_score.items()} for name in names},
    }


def mean_intervals(values: Floats, patients: Sequence[str]) -> list[Interval]:
    """Return the interval of each column's mean over regions; each drawn patient brings all of its
    regions.

    Args:
        values: (R, N), NaN where a region has none.
        patients: of the R regions, two or more.

    Returns:
        N intervals; None where fewer than two patients have a value.
    """
    whose, known = np.asarray(patients), ~np.isnan(values)
    rows = [whose == name for name in sorted(set(patients))]
    sums, number = (
        np.array([part[row].sum(axis=0) for row in rows], float)
        for part in (np.where(known, values, 0), known)
    )
    return bootstrap_ratio(sums, number)


def supports(
    counts: Counts, patients: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return in how many regions, and of how many patients, each class has truth: (K,) both, from
    (R, K, K + 1) counts."""
    by_patient = np.array(list(summed_by(counts, patients).values()))
    regions, people = ((stack.sum(axis=2) > 0).sum(axis=0) for stack in (counts, by_patient))
    return regions, people
