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
# Less is a rounding error, no gain.
_LEAST = 1e-9
# Rounds over all classes; a handful is enough, the limit only ends a search that goes in a circle.
_SWEEPS = 20


def best_bias(sample: Sample, known: Classes) -> Floats:
    """Return the (K,) bias that scores best, to two decimals.

    A class moves one step at a time, by 0.25 and then by 0.1, up to 3 each way, until no step of
    any class gains. Only `known` classes move, and their mean stays 0, so that a class of which
    nothing is known is neither silenced nor favoured. Nothing is random: same sample, same bias.
    """
    steps = np.zeros(sample.classes)
    if len(known) < 2:
        return steps
    for is_fine in (False, True):
        for _ in range(_SWEEPS):
            before = steps.copy()
            for k in known.tolist():
                values = steps[k] + FINE if is_fine else COARSE
                values = values[np.abs(values) <= LARGEST + _LEAST]
                steps[k] = _best_step(sample, steps, k, values, known)
            if np.array_equal(before, steps):
                break
    bias = np.round(_centred(steps, known), 2)
    # Adding 0 makes 0.0 of -0.0, which would be written as "-0.0".
    return bias + 0.0


def _centred(steps: Floats, known: Classes) -> Floats:
    """Return (..., K) steps less their mean over known classes; all others are 0."""
    moved = steps[..., known]
    centred = np.zeros_like(steps)
    centred[..., known] = moved - moved.mean(axis=-1, keepdims=True)
    return centred


def _best_step(sample: Sample, steps: Floats, k: int, values: Floats, known: Classes) -> float:
    """Return the best of some values of class k; the present one unless another gains."""
    moves = values - steps[k]  # (G,)
    sums = sums_along(sample, _centred(steps, known), k, moves, known)
    by_group = sample.means(sample.scored(sums))
    worth = np.mean(list(by_group.values()), axis=0)  # (G,)
    tried = np.tile(steps, (len(values), 1))  # (G, K)
    tried[:, k] = values
    mean_size = np.abs(_centred(tried, known)[:, known]).mean(axis=1)  # (G,)
    worth -= PENALTY * mean_size
    present = int(np.abs(moves).argmin())
    best = int(worth.argmax())
    # A gain that is rounding could move a class to and fro for ever.
    if not worth[best] > worth[present] + _LEAST:
        best = present
    return float(values[best])


def sums_along(sample: Sample, bias: Floats, k: int, moves: Floats, known: Classes) -> Sums:
    """Count which class wins at each of G moves of class k, in one pass.

    A move of d lifts class k by d (1 - 1/n) and lowers the other n - 1 known classes by d / n. At a
    place, its best other known class therefore wins at small moves, then its best unknown class,
    then class k: two thresholds a place say everything.

    Args:
        sample: the places.
        bias: (K,) from where class k moves.
        k: the class.
        moves: (G,) in ascending order.
        known: the n classes that move, k among them.

    Returns:
        sums of shape (U, G, K).
    """
    scores = sample.log_probabilities + bias  # (S, K)
    number = len(known)
    own = scores[:, k]
    first, first_score = _highest(scores, known[known != k])
    # (S,) each: from move `wins` on class k wins; up to move `leaves` the first class does.
    # Of equals the class that comes first wins, as argmax() has it.
    wins = _reached(moves, first_score - own, k < first)
    leaves = wins
    second = first
    unknown = np.setdiff1d(np.arange(sample.classes), known)
    if len(unknown):
        second, second_score = _highest(scores, unknown)
        # An unknown class stands still: class k gains (1 - 1/n) d on it, known classes lose d / n.
        beats_second = (second_score - own) * (number / (number - 1))
        wins = np.maximum(wins, _reached(moves, beats_second, k < second))
        falls_below = (first_score - second_score) * number
        leaves = np.minimum(wins, _reached(moves, falls_below, second < first))
    # Who wins, from which move on, up to which.
    stretches = (
        (first, np.zeros_like(wins), leaves),
        (second, leaves, wins),
        (np.full_like(first, k), wins, np.full_like(wins, len(moves))),
    )
    # (U, G + 1, K): what begins at a move is added and what ends there is taken off, so that the
    # running sum over moves is what wins at each.
    shape = (len(sample.units), len(moves) + 1, sample.classes)
    hits = np.zeros(shape)
    predicted = np.zeros(shape)
    for winner, since, until in stretches:
        # Places where this stretch is empty would be added and taken off at the same move.
        lasting = np.flatnonzero(since < until)
        right = lasting[winner[lasting] == sample.truth[lasting]]
        for places, target in ((lasting, predicted), (right, hits)):
            for sign, when in ((1, since), (-1, until)):
                # Place of (unit, move, class) in the flat array: one bincount sums all.
                row = sample.unit[places] * shape[1] + when[places]
                index = row * shape[2] + winner[places]
                weights = np.bincount(index, sample.weight[places], target.size)
                target += sign * weights.reshape(shape)
    # The last column holds only what ended after the last move.
    hits = np.cumsum(hits, axis=1)[:, :-1]
    predicted = np.cumsum(predicted, axis=1)[:, :-1]
    support = np.broadcast_to(sample.support[:, None], hits.shape)
    return Sums(hits, support, predicted)


def _highest(scores: Floats, of: Classes) -> tuple[Classes, Floats]:
    """Return the first of the likeliest of some classes, and its score, (S,) each."""
    highest = of[scores[:, of].argmax(axis=1)]
    return highest, scores[np.arange(len(scores)), highest]


def _reached(moves: Floats, threshold: Floats, at_it: npt.NDArray[np.bool_]) -> Classes:
    """Return the first move above a threshold; `at_it` where a move equal to it is enough."""
    above = np.searchsorted(moves, threshold, "right")
    at_or_above = np.searchsorted(moves, threshold, "left")
    return np.where(at_it, at_or_above, above)
