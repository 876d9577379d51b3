"""ranking(): areas and rates worked out by hand, and intervals over patients."""

import numpy as np
import pytest

from breastseg.metrics.ranking import ranking


def test_scores_are_those_worked_out_by_hand() -> None:
    truth = np.array([0, 0, 1, 1])
    scores = ranking(truth, np.array([0.1, 0.6, 0.4, 0.9]), ["a", "b", "c", "d"])
    # of 4 pairs 3 are in order; at 0.5 one of two is right in each class
    assert scores["auc"] == 0.75
    assert scores["balanced_accuracy"] == 0.5
    # no class 0 may be called: only 0.9 lies above 0.6
    assert scores["sensitivity_at_90_specificity"] == 0.5
    tied = ranking(truth, np.full(4, 0.7), ["a", "b", "c", "d"])
    assert tied["auc"] == 0.5
    assert tied["sensitivity_at_90_specificity"] == 0
    missing = ranking(np.zeros(3, int), np.array([0.1, 0.2, 0.3]), ["a", "b", "c"])
    assert np.isnan(missing["auc"])
    assert missing["auc_interval"] is None


def test_it_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    values = np.round(np.clip(0.3 * truth + 0.7 * rng.random(200), 0, 1), 2)  # some are equal
    scores = ranking(truth, values, [f"p{place // 4}" for place in range(200)])
    assert scores["auc"] == pytest.approx(metrics.roc_auc_score(truth, values))
    called = (values >= 0.5).astype(int)
    expected = metrics.balanced_accuracy_score(truth, called)
    assert scores["balanced_accuracy"] == pytest.approx(expected)
    wrong, right, _ = metrics.roc_curve(truth, values, drop_intermediate=False)
    reached = right[wrong <= 0.1].max()
    assert scores["sensitivity_at_90_specificity"] == pytest.approx(reached)
    low, high = scores["auc_interval"]
    assert low < scores["auc"] < high


def test_copies_of_a_patient_do_not_narrow_an_interval() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(40) % 2
    values = np.clip(0.3 * truth + 0.7 * rng.random(40), 0, 1)
    patients = [f"p{place}" for place in range(40)]
    alone = ranking(truth, values, patients)
    often = ranking(np.repeat(truth, 9), np.repeat(values, 9), list(np.repeat(patients, 9)))
    assert often["auc"] == pytest.approx(alone["auc"])
    assert often["auc_interval"] == pytest.approx(alone["auc_interval"])
