"""Intervals by drawing patients again, with replacement: patients differ, pixels of one patient
hardly do.

A draw is a row of weights, how often each patient was drawn; weights @ sums by class are the sums
of the drawn patients, so ten thousand draws are one matrix product. Percentile intervals. A draw
without a class says nothing of that class and is left out of its interval; mean Dice is then over
the classes that the draw has.
"""

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np

from breastseg.metrics.confusion import Counts
from breastseg.metrics.rates import Floats, Sums, class_rates, overall_rates, ratio, sums_of

DRAWS = 10_000
SEED = 42
LEVEL = 0.95
_CHUNK_VALUES = 1_000_000
"""Weights and sums of a chunk of draws: 8 MB each."""

Interval = list[float] | None
Rates = dict[str, Floats]


class IntervalTable(TypedDict):
    """Intervals by score, over all classes and of each."""

    overall: dict[str, Interval]
    classes: dict[str, dict[str, Interval]]


def bootstrap(
    counts: Counts, names: Sequence[str], *, draws: int = DRAWS, seed: int = SEED
) -> IntervalTable:
    """Return 95 % percentile intervals of the pooled scores.

    Args:
        counts: (P, K, K + 1), one matrix a patient.
        names: of the K classes.
        draws: how many; memory grows with draws x classes only.
        seed: same seed, same intervals.

    Returns:
        {"overall": {score: [low, high]}, "classes": {name: {score: [low, high]}}}; None for a class
        that fewer than two patients have and for a score that no draw has.

    Raises:
        ValueError: fewer than two patients: there is nothing to draw among.
    """
    overall, classes = _scored(sums_of(counts), draws, seed)
    return _table(overall, classes, _often_enough(counts), names)


def bootstrap_difference(
    one: Counts, other: Counts, names: Sequence[str], *, draws: int = DRAWS, seed: int = SEED
) -> IntervalTable:
    """Return 95 % percentile intervals of one model's pooled scores minus the other's, from the
    same draws of the same patients.

    Args:
        one: (P, K, K + 1), one matrix a patient.
        other: the other model's, same patients in the same order.
        names: of the K classes.
        draws: how many.
        seed: same seed, same intervals.

    Returns:
        as `bootstrap`.

    Raises:
        ValueError: fewer than two patients, or the truth of the two is not the same.
    """
    # Rows are classes of the truth: their sums do not depend on the model.
    has_same_truth = np.array_equal(one.sum(axis=2), other.sum(axis=2))
    if one.shape != other.shape or not has_same_truth:
        raise ValueError(
            "counts of two models have other truth; wanted the same patients and the same pixels"
        )
    # The same seed draws the same patients for both.
    one_overall, one_classes = _scored(sums_of(one), draws, seed)
    other_overall, other_classes = _scored(sums_of(other), draws, seed)
    overall = {score: values - other_overall[score] for score, values in one_overall.items()}
    classes = {score: values - other_classes[score] for score, values in one_classes.items()}
    return _table(overall, classes, _often_enough(one), names)


def bootstrap_ratio(
    part: Floats,
    whole: Floats,
    needed: Floats | None = None,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Interval]:
    """Return 95 % percentile intervals of sum(part) / sum(whole), from the draws of `bootstrap`.

    Args:
        part: (P, N), one row a patient.
        whole: (P, N).
        needed: (P, N), of which a draw must have some to have a value; the whole where None.
        draws: how many.
        seed: same seed, same intervals.

    Returns:
        N intervals; None where fewer than two patients have what is needed.

    Raises:
        ValueError: fewer than two patients.
    """
    needed = whole if needed is None else needed
    chunks = []
    for weights in weights_of_draws(len(part), draws, seed, values=3 * part.shape[1]):
        ratios = ratio(weights @ part, weights @ whole)
        chunks.append(np.where(weights @ needed > 0, ratios, np.nan))
    values = np.concatenate(chunks)  # (draws, N)
    # One patient alone gives the same ratio in every draw that has it: an interval of width 0.
    has_enough = (needed > 0).sum(axis=0) >= 2  # (N,)
    ends: list[Interval] = []
    for i in range(part.shape[1]):
        ends.append(interval_of(values[:, i]) if has_enough[i] else None)
    return ends


def weights_of_draws(patients: int, draws: int, seed: int, *, values: int) -> Iterator[Floats]:
    """Yield how often each patient was drawn, (n, P), some draws at a time; how many at a time
    changes nothing.

    Args:
        patients: P.
        draws: how many in all.
        seed: of the draws.
        values: how many numbers the caller computes of a draw: what is held at a time is bounded.

    Raises:
        ValueError: fewer than two patients: there is nothing to draw among.
    """
    if patients < 2:
        raise ValueError(f"{patients} patients: wanted two or more to draw among")
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_VALUES // max(patients, values))
    # P patients drawn with replacement are P throws of a die with P sides.
    chances = np.full(patients, 1 / patients)
    for start in range(0, draws, chunk):
        weights = rng.multinomial(patients, chances, size=min(chunk, draws - start))
        yield weights.astype(np.float64)


def _scored(sums: Sums, draws: int, seed: int) -> tuple[Rates, Rates]:
    """Return each overall score, (draws,), and each score by class, (draws, K)."""
    overall = []
    classes = []
    for sums_of_draws in _drawn(sums, draws, seed):
        overall.append(overall_rates(sums_of_draws))
        classes.append(class_rates(sums_of_draws))
    return _joined(overall), _joined(classes)


def _joined(chunks: list[Rates]) -> Rates:
    """Return each score of all chunks of draws in one array."""
    rates = {}
    for score in chunks[0]:
        rates[score] = np.concatenate([chunk[score] for chunk in chunks])
    return rates


def _drawn(sums: Sums, draws: int, seed: int) -> Iterator[Sums]:
    """Yield the sums of drawn patients, some draws at a time."""
    columns = np.hstack([sums.hits, sums.support, sums.predicted])  # (P, 3 K)
    for weights in weights_of_draws(len(columns), draws, seed, values=columns.shape[1]):
        hits, support, predicted = np.split(weights @ columns, 3, axis=1)
        yield Sums(hits, support, predicted)


def _often_enough(counts: Counts) -> list[bool]:
    """Return whether two patients or more have each class: one alone cannot differ."""
    patients = (counts.sum(axis=2) > 0).sum(axis=0)  # (P, K, K + 1) -> (K,)
    return [bool(number >= 2) for number in patients]


def _table(
    overall: Rates, classes: Rates, has_enough: list[bool], names: Sequence[str]
) -> IntervalTable:
    """Return the intervals of (draws,) overall scores and (draws, K) scores by class; `has_enough`
    says of which classes."""
    rows: dict[str, dict[str, Interval]] = {}
    for k, name in enumerate(names):
        row: dict[str, Interval] = {}
        for score, values in classes.items():
            row[score] = interval_of(values[:, k]) if has_enough[k] else None
        rows[name] = row
    ends = {score: interval_of(values) for score, values in overall.items()}
    return {"overall": ends, "classes": rows}


def interval_of(values: Floats) -> Interval:
    """Return the 95 % percentile interval of the draws that have a value; None when none has."""
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return None
    tail = 50 * (1 - LEVEL)  # percent on each side
    low, high = np.percentile(values, [tail, 100 - tail])
    return [float(low), float(high)]
