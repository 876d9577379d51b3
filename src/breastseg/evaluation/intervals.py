"""Intervals over patients of everything that is scored, or the reason why there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from breastseg.evaluation.figures import Ends, Intervals, MeanEnds, ProbabilityIntervals, ScoreEnds
from breastseg.metrics import (
    ProbabilityCounts,
    Surface,
    bootstrap,
    bootstrap_ratio,
    mean_intervals,
    region_mean_intervals,
    summed_by,
    surface_dice,
)
from breastseg.metrics.confusion import Counts
from breastseg.metrics.intervals import DRAWS, LEVEL, SEED, Interval
from breastseg.metrics.places import kinds_of, squared

NO_INTERVAL = "no interval: it is drawn over patients, and a single one says nothing about others"
_FEW_PATIENTS = 20
_LEAST = 2
"""Patients to draw among."""
_DOT_SCORES = ("balanced_accuracy", "accuracy")


def intervals(by_patient: Mapping[str, Counts], names: list[str], what: str = "area") -> Intervals:
    """Return the intervals of pooled scores, or the reason why there are none.

    Args:
        by_patient: (K, K + 1) counts.
        names: of the K classes.
        what: was counted, in words.
    """
    known = [counts for counts in by_patient.values() if counts.any()]
    note = _note(len(known), what)
    if len(known) < _LEAST:
        return Intervals(patients=len(known), note=note)
    # Patients of whom nothing is annotated would only make a draw smaller.
    ends = bootstrap(np.array(known), names)  # of (P, K, K + 1)
    return Intervals(
        patients=len(known),
        draws=DRAWS,
        seed=SEED,
        note=note,
        overall=_ends(ends["overall"]),
        classes=_by_class(ends["classes"]),
    )


def region_intervals(
    counts: Counts, patients: Sequence[str], surfaces: Sequence[Surface], names: list[str]
) -> tuple[MeanEnds, dict[str, ScoreEnds]] | None:
    """Return the intervals of means over regions and of borders; None for fewer than two
    patients.

    Args:
        counts: (R, K, K + 1) of the regions with annotated areas.
        patients: of the R regions.
        surfaces: borders of the R regions.
        names: of the K classes.

    Returns:
        those of `region_means`, and by class {surface_dice, region_surface_dice, region_hd95_um}.
    """
    if len(set(patients)) < _LEAST:
        return None
    borders = np.array([surface.counts for surface in surfaces])  # (R, K, 4)
    hd95 = np.array([surface.hd95_um for surface in surfaces])  # (R, K)
    by_patient = np.array(list(summed_by(borders, patients).values()), float)  # (P, K, 4)
    # Pixels of both borders, and of them those that lie near the other: (P, K) each.
    true, near_true, predicted, near_predicted = np.moveaxis(by_patient, 2, 0)
    rows = {
        "surface_dice": bootstrap_ratio(near_true + near_predicted, true + predicted, true),
        "region_surface_dice": mean_intervals(surface_dice(borders), patients),
        "region_hd95_um": mean_intervals(hd95, patients),
    }
    means = region_mean_intervals(counts, patients, names)
    boundary: dict[str, ScoreEnds] = {}
    for k, name in enumerate(names):
        boundary[name] = {score: _pair(by_class[k]) for score, by_class in rows.items()}
    classes = _by_class(means["classes"])
    return MeanEnds(overall=_ends(means["overall"]), classes=classes), boundary


def dot_intervals(by_patient: Mapping[str, Counts], names: list[str]) -> Intervals:
    """Return the intervals of the shares of dots named right, and of their mean over classes; or
    the reason why there are none.

    Args:
        by_patient: (K, K + 1), or (2 K, K + 1) as `place_counts` has them.
        names: of the K classes.
    """
    # Rows K on: dots that say what something is not.
    has_negative_dots = any(counts[len(names) :].any() for counts in by_patient.values())
    kinds = kinds_of(names) if has_negative_dots else names
    counts_of = {}
    for patient, counts in by_patient.items():
        counts_of[patient] = squared(counts) if has_negative_dots else counts[: len(names)]
    of_all_scores = intervals(counts_of, kinds, "dot")
    if of_all_scores.overall is None or of_all_scores.classes is None:
        return of_all_scores
    # Dots are no areas: of them the share named right has a meaning, Dice has none.
    overall = {}
    for score in _DOT_SCORES:
        overall[score] = of_all_scores.overall[score]
    classes = {}
    for kind in kinds:
        classes[kind] = {"accuracy": of_all_scores.classes[kind]["recall"]}
    return replace(of_all_scores, overall=overall, classes=classes)


def probability_intervals(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> ProbabilityIntervals:
    """Return the intervals of AUC and of the expected calibration error, or the reason why there
    are none."""
    known = [counts for counts in by_patient.values() if counts.pixels]
    note = _note(len(known), "area")
    if len(known) < _LEAST:
        return ProbabilityIntervals(patients=len(known), note=note)
    ends = ProbabilityCounts.bootstrap(known, names)
    return ProbabilityIntervals(
        patients=len(known),
        draws=DRAWS,
        seed=SEED,
        note=note,
        mean_auc=_pair(ends["mean_auc"]),
        ece=_pair(ends["ece"]),
        classes=_by_class(ends["classes"]),
    )


def few(patients: int) -> str:
    """Return a warning about few patients, to be put behind a sentence; nothing where there are
    enough."""
    if patients >= _FEW_PATIENTS:
        return ""
    return f"; {patients} patients are few, and intervals of few patients are too narrow"


def _by_class(rows: Mapping[str, Mapping[str, Interval]]) -> dict[str, ScoreEnds]:
    return {name: _ends(row) for name, row in rows.items()}


def _ends(row: Mapping[str, Interval]) -> ScoreEnds:
    return {score: _pair(ends) for score, ends in row.items()}


def _pair(ends: Interval) -> Ends:
    return None if ends is None else (ends[0], ends[1])


def _note(patients: int, what: str) -> str:
    """Return in words how patients are drawn, or why they are not."""
    if not patients:
        return f"no interval: no {what} is annotated"
    if patients < _LEAST:
        return NO_INTERVAL
    return (
        f"{100 * LEVEL:g} % of {DRAWS:,} draws of {patients} patients, with replacement, lie"
        f" between the two numbers; what one patient alone has gets none{few(patients)}"
    )
