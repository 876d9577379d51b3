"""Logistic regression with several classes: what a colour baseline and a head on finished features
are fitted by. Deterministic, NumPy alone."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.intp]

PENALTY = 1e-3
"""Of half the squared weights, beside a mean loss; features have a mean square length near 1."""
_STEPS = 400
_STILL = 1e-5
"""Largest slope at which a fit has ended."""


@dataclass(frozen=True, eq=False)
class Logistic:
    """A fitted regression.

    Attributes:
        weights: (D, T) of features as they come.
        bias: (T,).
    """

    weights: Floats
    bias: Floats

    def probabilities(self, features: npt.NDArray[np.floating]) -> Floats:
        """Return (N, T) of (N, D) features."""
        return _softmax(features @ self.weights + self.bias)


def fit(
    features: npt.NDArray[np.floating],
    truth: Ints,
    weights: Floats,
    types: int,
    *,
    penalty: float = PENALTY,
) -> Logistic:
    """Fit by accelerated gradient descent: the loss has one minimum.

    Args:
        features: (N, D).
        truth: (N,) 0 to T - 1.
        weights: (N,) of the images, with a sum above 0.
        types: T.
        penalty: as `PENALTY`.
    """
    share = weights / weights.sum()
    mean = share @ features
    spread = np.sqrt(share @ (features - mean) ** 2)
    # The mean spread is added so that a feature that hardly varies is not blown up.
    scale = spread + spread.mean() + 1e-12
    rows = (features - mean) / scale
    # A mean length of 1 lets one penalty mean the same for few features and for many.
    length = float(np.sqrt(share @ (rows**2).sum(axis=1))) or 1.0
    rows = np.hstack([rows / length, np.ones((len(rows), 1))])
    fitted = _descend(rows, np.eye(types)[truth], share, penalty)  # (D + 1, T)
    # Back to features as they come: scale and mean go into the weights and the bias.
    inner = fitted[:-1] / (scale[:, None] * length)
    return Logistic(inner, fitted[-1] - mean @ inner)


def _descend(rows: Floats, truth: Floats, share: Floats, penalty: float) -> Floats:
    """Return (D + 1, T) weights, the last row the bias, which is not penalised."""
    penalties = np.full((rows.shape[1], 1), penalty)
    penalties[-1] = 0.0
    # A bound on the curvature of the loss (Boehning 1992: half the squared length); one step of its
    # inverse never overshoots.
    steepest = 0.5 * float(share @ (rows**2).sum(axis=1)) + penalty
    weights = np.zeros((rows.shape[1], truth.shape[1]))
    ahead = weights
    pace = 1.0
    for _ in range(_STEPS):
        errors = _softmax(rows @ ahead) - truth  # (N, T)
        slope = rows.T @ (share[:, None] * errors) + penalties * ahead
        if np.abs(slope).max() < _STILL:
            break
        next_weights = ahead - slope / steepest
        # Nesterov's sequence: each step goes on a little in the direction of the last.
        next_pace = 0.5 * (1 + np.sqrt(1 + 4 * pace**2))
        ahead = next_weights + (pace - 1) / next_pace * (next_weights - weights)
        weights = next_weights
        pace = next_pace
    return weights


def balanced(truth: Ints, patients: npt.NDArray[np.str_]) -> Floats:
    """Return (N,) weights in which types count equally, patients of a type, and images of a
    patient."""
    weights = np.zeros(len(truth))
    for kind in np.unique(truth):
        of_kind = truth == kind
        people = np.unique(patients[of_kind])
        for person in people:
            rows = of_kind & (patients == person)
            weights[rows] = 1 / (len(people) * rows.sum())
    return weights


def _softmax(logits: Floats) -> Floats:
    # The largest logit is taken off, so that exp() cannot overflow.
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares
