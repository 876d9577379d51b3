"""Logistic regression: against scikit-learn, and what weights and constants do."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from breastseg.metrics.logistic import balanced, fit


def test_types_patients_and_pictures_weigh_alike() -> None:
    truth = np.array([0, 0, 0, 0, 1])
    weights = balanced(truth, np.array(["a", "a", "a", "b", "c"]))
    assert weights.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2, 1])


def test_the_regression_reaches_scikit_learns_loss() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 80)
    features = rng.normal(size=(80, 5)) * [1, 10, 0.1, 1, 1] + np.eye(3, 5)[truth] * 2
    weights = rng.random(80) + 0.1
    own = fit(features, truth, weights, 3, penalty=1e-2).probabilities(features)
    share = weights / weights.sum()
    spread = np.sqrt(share @ (features - share @ features) ** 2)
    rows = (features - share @ features) / (spread + spread.mean())
    rows /= np.sqrt(share @ (rows**2).sum(axis=1))
    other = LogisticRegression(C=1e2, tol=1e-8, max_iter=5000)
    other.fit(rows, truth, sample_weight=share)
    assert np.abs(own - other.predict_proba(rows)).max() < 5e-3


def test_a_constant_feature_says_nothing() -> None:
    truth = np.array([0, 1] * 10)
    told = fit(np.ones((20, 3)), truth, np.ones(20), 2).probabilities(np.ones((1, 3)))
    assert told[0].tolist() == pytest.approx([0.5, 0.5])
