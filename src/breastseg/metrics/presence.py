"""Regions that are known to have a class, or to have none of it: its share of the map in both, and
whether the share tells them apart.

Such knowledge is of a whole image, as a diagnosis is: nobody says where. Shares are averaged over
the regions of a patient first, then over patients, so that a patient with many regions counts once.
A patient may have regions of both kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from breastseg.metrics.intervals import DRAWS, SEED, Interval, interval_of, weights_of_draws
from breastseg.metrics.rates import Floats, known_mean, ratio

Bools = npt.NDArray[np.bool_]
_LEAST = 2
"""Patients of a kind, to draw among."""


class PresenceTable(TypedDict):
    """What `presence` says of a class."""

    share_with: float
    share_without: float
    auc: float
    auc_regions: float
    regions_with: int
    patients_with: int
    regions_without: int
    patients_without: int
    intervals: dict[str, Interval]


@dataclass(frozen=True, eq=False)
class Cases:
    """Means over the regions of a patient that have a class, and over those that have not.

    Attributes:
        shares: (C, ...) the class's share of the map; NaN where the map has no label.
        has: (C,) whether the class is there.
        patients: of the cases; one that has both kinds is there twice.
    """

    shares: Floats
    has: Bools
    patients: tuple[str, ...]


def cases_of(shares: Floats, has: Bools, patients: Sequence[str]) -> Cases:
    """Average over regions.

    Args:
        shares: (R, ...) of each region; NaN where the map has no label.
        has: (R,).
        patients: of the R regions.
    """
    patient_of_region = np.asarray(patients)
    means = []
    kinds = []
    people = []
    for patient, kind in sorted(set(zip(patients, has.tolist(), strict=True))):
        own = (patient_of_region == patient) & (has == kind)
        means.append(known_mean(shares[own], axis=0))
        kinds.append(kind)
        people.append(patient)
    return Cases(np.array(means), np.array(kinds, bool), tuple(people))


def share_where(cases: Cases, kind: bool, weights: Floats) -> Floats:
    """Return the mean share over the cases that have the class, or have it not: (D, ...) of (D, C)
    weights; NaN for no case.
    """
    of_kind = cases.has == kind
    shares = cases.shares[of_kind]
    known = ~np.isnan(shares)
    weights = weights[:, of_kind]
    # (D, C) x (C, ...) -> (D, ...): a matrix product for any number of axes
    sums = np.tensordot(weights, np.where(known, shares, 0), 1)
    numbers = np.tensordot(weights, known, 1)
    return ratio(sums, numbers)


def area_of(shares: Floats, has: Bools, weights: Floats) -> Floats:
    """Return the area under the ROC curve of telling cases apart by their share: (D,) of (C,)
    shares and (D, C) weights.

    It is the part of pairs, one with the class and one without, in which the one with it has the
    larger share; equal shares are half a pair. NaN without a case of either kind. Cases without a
    share are left out.
    """
    known = ~np.isnan(shares)
    has_class = known & has
    lacks_class = known & ~has
    shares_with = shares[has_class][:, None]
    shares_without = shares[lacks_class]
    # (M, N): 1 for a pair in the right order, a half for equal shares
    won = (shares_with > shares_without) + 0.5 * (shares_with == shares_without)
    weights_with = weights[:, has_class]
    weights_without = weights[:, lacks_class]
    pairs = weights_with.sum(axis=1) * weights_without.sum(axis=1)
    return ratio(((weights_with @ won) * weights_without).sum(axis=1), pairs)


def presence(
    shares: Floats, has: Bools, patients: Sequence[str], *, draws: int = DRAWS, seed: int = SEED
) -> PresenceTable:
    """Return a class's share of the map where it is and where it is not, and how well the share
    tells one from the other.

    Args:
        shares: (R,) of each region; NaN where the map has no label.
        has: (R,).
        patients: of the R regions.
        draws: of patients, for the intervals.
        seed: same seed, same intervals.

    Returns:
        {"share_with", "share_without", "auc" (over cases), "auc_regions", "regions_with",
        "regions_without", "patients_with", "patients_without", "intervals": {share_with,
        share_without, auc}}; NaN where there is nothing of a kind. An interval is None for fewer
        than two patients of a kind that it needs.
    """
    cases = cases_of(shares, has, patients)
    figures = _figures(cases, _once(cases.has))
    return {
        "share_with": float(figures["share_with"][0]),
        "share_without": float(figures["share_without"][0]),
        "auc": float(figures["auc"][0]),
        "auc_regions": float(area_of(shares, has, _once(has))[0]),
        "regions_with": int(np.sum(has)),
        "patients_with": int(np.sum(cases.has)),
        "regions_without": int(np.sum(~has)),
        "patients_without": int(np.sum(~cases.has)),
        "intervals": _intervals(cases, draws, seed),
    }


def _intervals(cases: Cases, draws: int, seed: int) -> dict[str, Interval]:
    """Return the interval of each figure; None where fewer than two patients have what it needs."""
    people = sorted(set(cases.patients))
    # (C,): which patient each case is of
    patient_of_case = np.array([people.index(patient) for patient in cases.patients])
    enough_with = int(np.sum(cases.has)) >= _LEAST
    enough_without = int(np.sum(~cases.has)) >= _LEAST
    needed = {
        "share_with": enough_with,
        "share_without": enough_without,
        "auc": enough_with and enough_without,
    }
    if not any(needed.values()):
        return dict.fromkeys(needed)
    # Patients are drawn, not cases: one with both kinds brings both each time.
    draws_of_people = weights_of_draws(len(people), draws, seed, values=2 * len(patient_of_case))
    chunks = []
    for weights in draws_of_people:
        chunks.append(_figures(cases, weights[:, patient_of_case]))
    ends: dict[str, Interval] = {}
    for name, is_enough in needed.items():
        values = np.concatenate([chunk[name] for chunk in chunks])
        ends[name] = interval_of(values) if is_enough else None
    return ends


def _once(flags: Bools) -> Floats:
    """Return weights of everything once, (1, N)."""
    return np.ones((1, len(flags)))


def _figures(cases: Cases, weights: Floats) -> dict[str, Floats]:
    return {
        "share_with": share_where(cases, True, weights),
        "share_without": share_where(cases, False, weights),
        "auc": area_of(cases.shares, cases.has, weights),
    }
