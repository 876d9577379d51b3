"""The bias that scores best on a sample: class by class along a grid, all steps in one pass."""

import numpy as np
import numpy.typing as npt

from breastseg.decision.sample import Classes, Sample
from breastseg.metrics.rates import Floats, Sums

COARSE = np.arange(-12, 13) * 0.25
FINE = np.arange(-2, 3) * 0.1
LARGEST = 3.0
PENALTY = 0.002
"""What a mean size of 1 must gain at least: ties, and gains that are none, stay at 0."""
_LEAST, _SWEEPS = 1e-9, 20


def best_bias(sample: Sample, known: Classes) -> Floats:
    """Return the (K,) bias that scores best, to two decimals.

    A class moves one step at a time, by 0.25 and then by 0.1, up to 3 each way, until no step of
    any class gains. Only `known` classes move, and their mean stays 0: a class of which nothing is
    known can so neither be silenced nor favoured. No draws: the same sample, the same bias.
    """
    steps = np.zeros(sample.classes)
    if len(known) < 2:
        return steps
    for fine in (False, True):
        for _ in range(_SWEEPS):
            before = steps.copy()
            for k in known.tolist():
                values = steps[k] + FINE if fine else COARSE
                values = values[np.abs(values) <= LARGEST + _LEAST]
                steps[k] = _best_step(sample, steps, k, values, known)
            if np.array_equal(before, steps):
                break
    return np.round(_centred(steps, known), 2) + 0.0  # no negative zeros


def _centred(steps: Floats, known: Classes) -> Floats:
    found = np.zeros_like(steps)
    found[..., known] = steps[..., known] - steps[..., known].mean(axis=-1, keepdims=True)
    return found


def _best_step(sample: Sample, steps: Floats, k: int, values: Floats, known: Classes) -> float:
    """Return the best of some values of class k; the present one unless another gains."""
    moves = values - steps[k]
    sums = sums_along(sample, _centred(steps, known), k, moves, known)
    found = np.mean(list(sample.means(sample.scored(sums)).values()), axis=0)
    tried = np.tile(steps, (len(values), 1))
    tried[:, k] = values
    found -= PENALTY * np.abs(_centred(tried, known)[:, known]).mean(axis=1)
    now, best = int(np.abs(moves).argmin()), int(found.argmax())
    return float(values[best if found[best] > found[now] + _LEAST else now])


def sums_along(sample: Sample, bias: Floats, k: int, moves: Floats, known: Classes) -> Sums:
    """Count what is named at each of G moves of class k, in one pass.

    A move of d lifts class k by d (1 - 1/n) and lowers the other n - 1 known classes by d / n. Of a
    place's best other known class, its best unknown class and class k, the first so wins at small
    moves, then the second, then the third: two thresholds a place say all.

    Args:
        sample: the places.
        bias: (K,) from where class k moves.
        k: the class.
        moves: (G,) in ascending order.
        known: the n classes that move, k among them.

    Returns:
        sums of shape (U, G, K).
    """
    scores = sample.log_probabilities + bias
    number = len(known)
    own = scores[:, k]
    first, best = _highest(scores, known[known != k])
    wins = _reached(moves, best - own, k < first)
    leaves, second = wins, first
    rest = np.setdiff1d(np.arange(sample.classes), known)
    if len(rest):
        second, unknown = _highest(scores, rest)
        over = _reached(moves, (unknown - own) * (number / (number - 1)), k < second)
        wins = np.maximum(wins, over)
        leaves = np.minimum(wins, _reached(moves, (best - unknown) * number, second < first))
    shape = (len(sample.units), len(moves) + 1, sample.classes)
    stretches = (
        (first, np.zeros_like(wins), leaves),
        (second, leaves, wins),
        (np.full_like(first, k), wins, np.full_like(wins, len(moves))),
    )
    hits, predicted = np.zeros(shape), np.zeros(shape)
    for named, since, until in stretches:
        here = np.flatnonzero(since < until)
        right = here[named[here] == sample.truth[here]]
        for places, target in ((here, predicted), (right, hits)):
            for sign, when in ((1, since), (-1, until)):
                index = (sample.unit[places] * shape[1] + when[places]) * shape[2] + named[places]
                found = np.bincount(index, sample.weight[places], target.size)
                target += sign * found.reshape(shape)
    hits, predicted = (np.cumsum(found, axis=1)[:, :-1] for found in (hits, predicted))
    return Sums(hits, np.broadcast_to(sample.support[:, None], hits.shape), predicted)


def _highest(scores: Floats, of: Classes) -> tuple[Classes, Floats]:
    """Return the first of the likeliest of some classes, and its score."""
    place = scores[:, of].argmax(axis=1)
    return of[place], scores[np.arange(len(scores)), of[place]]


def _reached(moves: Floats, threshold: Floats, at_it: npt.NDArray[np.bool_]) -> Classes:
    """Return the first move above a threshold; `at_it` where a move equal to it is enough."""
    above = np.searchsorted(moves, threshold, "right")
    return np.where(at_it, np.searchsorted(moves, threshold, "left"), above)
