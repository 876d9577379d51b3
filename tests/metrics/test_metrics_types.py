"""Scores of types: a patient counts once; the regression finds what is there and nothing else."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

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
