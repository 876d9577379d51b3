"""Rows of crops -> the figures of a study, with intervals over patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.metrics.groups import mean_intervals
from breastseg.metrics.intervals import interval_of, weights_of_draws

SYSTEMS: Mapping[str, str] = {
    "rgu_net": "RGU-Net",
    "rgu_net_crf": "RGU-Net and CRF",
    "constant": "control: best constant mask",
    "otsu": "control: Otsu, component nearest to the middle",
}
"""What is scored, by name in columns `dice_NAME`."""
_DRAWS, _SEED = 1000, 0


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return Dice of each system, and by how much the network is above the constant mask.

    Args:
        rows: of held-out crops: `patient`, `fold` and `dice_NAME` of each system.

    Returns:
        `crops`, `patients_scored`, `systems` (mean, median and their 95 % intervals over patients,
        None with fewer than two), `above_constant`, and `by_fold`.
    """
    patients = [str(row["patient"]) for row in rows]
    systems = {}
    for name in SYSTEMS:
        values = _column(rows, name)
        systems[name] = {
            "dice_mean": round(float(values.mean()), 4),
            "dice_mean_interval": _rounded(_mean_interval(values, patients)),
            "dice_median": round(float(np.median(values)), 4),
            "dice_median_interval": _rounded(_median_interval(values, patients)),
        }
    # Crop by crop: both systems have the same hard crops, so the difference varies less.
    more = _column(rows, "rgu_net") - _column(rows, "constant")
    by_fold: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_fold.setdefault(int(row["fold"]), []).append(row)
    fold_rows = []
    for fold in sorted(by_fold):
        fold_rows.append(_fold_row(by_fold[fold]))
    return {
        "crops": len(rows),
        "patients_scored": len(set(patients)),
        "systems": systems,
        "above_constant": {
            "dice_mean": round(float(more.mean()), 4),
            "dice_mean_interval": _rounded(_mean_interval(more, patients)),
        },
        "by_fold": fold_rows,
    }


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> npt.NDArray[np.float64]:
    return np.array([row[f"dice_{name}"] for row in rows], np.float64)


def _fold_row(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return the row of a fold from the rows of its crops."""
    patients = {str(row["patient"]) for row in rows}
    fold_row: dict[str, object] = {
        "fold": rows[0]["fold"],
        "crops": len(rows),
        "patients": len(patients),
    }
    for name in SYSTEMS:
        mean = float(_column(rows, name).mean())
        fold_row[f"dice_{name}"] = round(mean, 4)
    return fold_row


def _mean_interval(values: npt.NDArray[np.float64], patients: Sequence[str]) -> list[float] | None:
    if len(set(patients)) < 2:
        return None
    return mean_intervals(values[:, None], patients)[0]


def _median_interval(
    values: npt.NDArray[np.float64], patients: Sequence[str]
) -> list[float] | None:
    """Return the interval of the median over crops when patients are drawn with all their crops."""
    names, whose = np.unique(np.array(patients), return_inverse=True)
    if len(names) < 2:
        return None
    medians = []
    for weights in weights_of_draws(len(names), _DRAWS, _SEED, values=len(values)):
        for drawn in weights:  # (patients,): how often each was drawn
            times = drawn[whose].astype(int)  # (crops,)
            medians.append(np.median(np.repeat(values, times)))
    return interval_of(np.array(medians))


def _rounded(interval: Sequence[float] | None) -> list[float] | None:
    if interval is None:
        return None
    low, high = interval
    return [round(low, 4), round(high, 4)]
