"""Scores of types: a patient counts once; the regression finds what is there and nothing else."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from breastseg.metrics.logistic import balanced, fit
from breastseg.metrics.types import type_difference, type_scores

NAMES = ("benign", "malignant")


def test_a_patient_counts_once() -> None:
    sure = np.array([[0.9, 0.1]] * 8 + [[0.4, 0.6], [0.9, 0.1]])
    truth = np.array([0] * 8 + [1, 1])
    patients = ["a"] * 8 + ["b", "c"]
    found = type_scores(sure, truth, patients, NAMES, draws=0)
    assert found["recall"] == {"benign": 1.0, "malignant": 0.5}
    assert found["balanced_accuracy"] == 0.75
    assert found["cases"] == {"benign": 1, "malignant": 2}
    assert found["intervals"] == {"balanced_accuracy": None, "auc": None}


def test_scores_of_pictures_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 60)
    raw = rng.random((60, 3)) + np.eye(3)[truth] * 0.3
    told = raw / raw.sum(axis=1, keepdims=True)
    found = type_scores(told, truth, [f"p{i}" for i in range(60)], ("a", "b", "c"), draws=200)
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, told.argmax(axis=1))
    )
    assert found["auc"] == pytest.approx(roc_auc_score(truth, told, multi_class="ovr"))
    low, high = found["intervals"]["balanced_accuracy"]
    assert low < found["balanced_accuracy"] < high


def test_the_same_is_no_better_than_itself() -> None:
    rng = np.random.default_rng(1)
    told, truth = rng.random((20, 2)), np.arange(20) % 2
    patients = [f"p{i}" for i in range(20)]
    found = type_difference(told, told, truth, patients, draws=100)
    assert found["intervals"] == {"balanced_accuracy": [0.0, 0.0], "auc": [0.0, 0.0]}
    right = np.eye(2)[truth]
    assert type_difference(right, told, truth, patients, draws=100)["balanced_accuracy"] > 0


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
