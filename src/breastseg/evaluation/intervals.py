"""Intervals over patients of everything that is scored, or the reason why there are none."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
from breastseg.metrics.intervals import DRAWS, LEVEL, SEED
from breastseg.metrics.places import kinds_of, squared

NO_INTERVAL = "no interval: it is drawn over patients, and a single one says nothing about others"
_FEW_PATIENTS = 20
_DOT_SCORES = ("balanced_accuracy", "accuracy")


def intervals(
    by_patient: Mapping[str, Counts], names: list[str], what: str = "area"
) -> dict[str, Any]:
    """Return the intervals of pooled scores, or the reason why there are none.

    Args:
        by_patient: (K, K + 1) counts.
        names: of the K classes.
        what: was counted, in words.
    """
    known = [counts for counts in by_patient.values() if counts.any()]
    drawn = _drawn(len(known), what)
    return {**drawn, **bootstrap(np.array(known), names)} if "draws" in drawn else drawn


def region_intervals(
    counts: Counts, patients: Sequence[str], surfaces: Sequence[Surface], names: list[str]
) -> dict[str, Any]:
    """Return the intervals of means over regions and of borders; nothing for fewer than two
    patients.

    Args:
        counts: (R, K, K + 1) of the regions with annotated areas.
        patients: of the R regions.
        surfaces: borders of the R regions.
        names: of the K classes.

    Returns:
        {"mean_per_region": as `region_means`, "boundary": {name: {surface_dice,
        region_surface_dice, region_hd95_um}}}.
    """
    if len(set(patients)) < 2:
        return {}
    borders, hd95 = (
        np.array([one.counts for one in surfaces]),
        np.array([one.hd95_um for one in surfaces]),
    )
    true, near_true, found, near_found = np.moveaxis(
        np.array(list(summed_by(borders, patients).values()), float), 2, 0
    )
    rows = {
        "surface_dice": bootstrap_ratio(near_true + near_found, true + found, true),
        "region_surface_dice": mean_intervals(surface_dice(borders), patients),
        "region_hd95_um": mean_intervals(hd95, patients),
    }
    return {
        "mean_per_region": region_mean_intervals(counts, patients, names),
        "boundary": {
            name: {key: ends[k] for key, ends in rows.items()} for k, name in enumerate(names)
        },
    }


def dot_intervals(by_patient: Mapping[str, Counts], names: list[str]) -> dict[str, Any]:
    """Return the intervals of the shares of dots named right, and of their mean over classes; or
    the reason why there are none.

    Args:
        by_patient: (K, K + 1), or (2 K, K + 1) as `place_counts` has them.
        names: of the K classes.
    """
    kinds = kinds_of(names)
    if any(counts[len(names) :].any() for counts in by_patient.values()):
        found = intervals(
            {patient: squared(counts) for patient, counts in by_patient.items()}, kinds, "dot"
        )
    else:
        kinds, found = (
            names,
            intervals(
                {patient: counts[: len(names)] for patient, counts in by_patient.items()},
                names,
                "dot",
            ),
        )
    if "overall" not in found:
        return found
    return {
        **found,
        "overall": {score: found["overall"][score] for score in _DOT_SCORES},
        "classes": {kind: {"accuracy": found["classes"][kind]["recall"]} for kind in kinds},
    }


def probability_intervals(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> dict[str, Any]:
    """Return the intervals of AUC and of the expected calibration error, or the reason why there
    are none."""
    known = [counts for counts in by_patient.values() if counts.pixels]
    drawn = _drawn(len(known), "area")
    return {**drawn, **ProbabilityCounts.bootstrap(known, names)} if "draws" in drawn else drawn


def few(patients: int) -> str:
    """Return a warning about few patients, to be put behind a sentence; nothing where there are
    enough."""
    return (
        f"; {patients} patients are few, and intervals of few patients are too narrow"
        if patients < _FEW_PATIENTS
        else ""
    )


def _drawn(patients: int, what: str) -> dict[str, Any]:
    """Return how many patients are drawn, and how, in words; without "draws" where there is nothing
    to draw among."""
    if patients < 2:
        return {
            "patients": patients,
            "note": NO_INTERVAL if patients else f"no interval: no {what} is annotated",
        }
    note = (
        f"{100 * LEVEL:g} % of {DRAWS:,} draws of {patients} patients, with replacement, lie"
        f" between the two numbers; what one patient alone has gets none{few(patients)}"
    )
    return {"patients": patients, "draws": DRAWS, "seed": SEED, "note": note}
