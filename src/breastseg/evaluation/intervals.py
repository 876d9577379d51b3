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
    found = bootstrap(np.array(known), names)
    return Intervals(
        patients=len(known),
        draws=DRAWS,
        seed=SEED,
        note=note,
        overall=_ends(found["overall"]),
        classes={name: _ends(row) for name, row in found["classes"].items()},
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
    borders = np.array([one.counts for one in surfaces])  # (R, K, 4)
    hd95 = np.array([one.hd95_um for one in surfaces])  # (R, K)
    by_patient = np.array(list(summed_by(borders, patients).values()), float)  # (P, K, 4)
    true, near_true, found, near_found = np.moveaxis(by_patient, 2, 0)  # (P, K) each
    rows = {
        "surface_dice": bootstrap_ratio(near_true + near_found, true + found, true),
        "region_surface_dice": mean_intervals(surface_dice(borders), patients),
        "region_hd95_um": mean_intervals(hd95, patients),
    }
    means = region_mean_intervals(counts, patients, names)
    boundary = {}
    for k, name in enumerate(names):
        boundary[name] = _ends({key: ends[k] for key, ends in rows.items()})
    classes = {name: _ends(row) for name, row in means["classes"].items()}
    return MeanEnds(overall=_ends(means["overall"]), classes=classes), boundary


def dot_intervals(by_patient: Mapping[str, Counts], names: list[str]) -> Intervals:
    """Return the intervals of the shares of dots named right, and of their mean over classes; or
    the reason why there are none.

    Args:
        by_patient: (K, K + 1), or (2 K, K + 1) as `place_counts` has them.
        names: of the K classes.
    """
    kinds = kinds_of(names)
    if any(counts[len(names) :].any() for counts in by_patient.values()):
        counted = {patient: squared(counts) for patient, counts in by_patient.items()}
    else:
        # No dot says what something is not: the second half is empty, and is left out.
        kinds = names
        counted = {patient: counts[: len(names)] for patient, counts in by_patient.items()}
    found = intervals(counted, kinds, "dot")
    if found.overall is None or found.classes is None:
        return found
    overall, classes = found.overall, found.classes
    return replace(
        found,
        overall={score: overall[score] for score in _DOT_SCORES},
        classes={kind: {"accuracy": classes[kind]["recall"]} for kind in kinds},
    )


def probability_intervals(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> ProbabilityIntervals:
    """Return the intervals of AUC and of the expected calibration error, or the reason why there
    are none."""
    known = [counts for counts in by_patient.values() if counts.pixels]
    note = _note(len(known), "area")
    if len(known) < _LEAST:
        return ProbabilityIntervals(patients=len(known), note=note)
    found = ProbabilityCounts.bootstrap(known, names)
    return ProbabilityIntervals(
        patients=len(known),
        draws=DRAWS,
        seed=SEED,
        note=note,
        mean_auc=_pair(found["mean_auc"]),
        ece=_pair(found["ece"]),
        classes={name: _ends(row) for name, row in found["classes"].items()},
    )


def few(patients: int) -> str:
    """Return a warning about few patients, to be put behind a sentence; nothing where there are
    enough."""
    return (
        f"; {patients} patients are few, and intervals of few patients are too narrow"
        if patients < _FEW_PATIENTS
        else ""
    )


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
