"""Formulas of scores: stacks of matrices at once, and what has no value."""

import math

import numpy as np
import pytest

from breastseg.metrics.rates import class_rates, known_mean, overall_rates, ratio, sums_of

COUNTS = np.array([[1, 6, 3, 0], [0, 2, 7, 1], [0, 0, 0, 0]])
"""Rows of truth a, b, c; columns: not analysed, a, b, c. The third class has no truth."""


def test_sums_by_hand() -> None:
    sums = sums_of(COUNTS)
    assert sums.hits.tolist() == [6, 7, 0]
    assert sums.support.tolist() == [10, 10, 0]
    assert sums.predicted.tolist() == [8, 10, 1]


def test_rates_by_hand() -> None:
    rates = class_rates(sums_of(COUNTS))
    assert rates["dice"][:2].tolist() == pytest.approx([12 / 18, 14 / 20])
    assert rates["iou"][:2].tolist() == pytest.approx([6 / 12, 7 / 13])
    assert rates["precision"][:2].tolist() == pytest.approx([6 / 8, 7 / 10])
    assert rates["recall"][:2].tolist() == pytest.approx([0.6, 0.7])
    assert rates["specificity"][:2].tolist() == pytest.approx([8 / 10, 7 / 10])
    assert rates["accuracy"][:2].tolist() == pytest.approx([14 / 20, 14 / 20])


def test_a_class_without_support_has_no_score_at_all() -> None:
    for name, values in class_rates(sums_of(COUNTS)).items():
        assert math.isnan(values[2]), name


def test_dice_follows_from_iou_and_is_f1() -> None:
    counts = np.random.default_rng(0).integers(1, 90, (40, 4, 5))
    rates = class_rates(sums_of(counts))
    iou = rates["iou"]
    assert rates["dice"] == pytest.approx(2 * iou / (1 + iou))
    assert np.array_equal(rates["dice"], rates["f1"])


def test_a_stack_of_matrices_has_the_rates_of_each_alone() -> None:
    counts = np.random.default_rng(1).integers(0, 50, (3, 2, 4, 5))
    counts[0, 0, 1] = 0
    together = {**class_rates(sums_of(counts)), **overall_rates(sums_of(counts))}
    for place in np.ndindex(3, 2):
        sums = sums_of(counts[place])
        for name, alone in {**class_rates(sums), **overall_rates(sums)}.items():
            assert np.array_equal(together[name][place], alone, equal_nan=True), name


def test_kappa_is_0_by_chance_and_1_where_all_agrees() -> None:
    by_chance = np.array([[0, 25, 75], [0, 25, 75]])
    assert overall_rates(sums_of(by_chance))["kappa"] == pytest.approx(0)
    perfect = np.array([[0, 30, 0], [0, 0, 70]])
    assert overall_rates(sums_of(perfect))["kappa"] == pytest.approx(1)


def test_a_ratio_to_nothing_is_nan_and_warns_of_nothing() -> None:
    with np.errstate(all="raise"):
        found = ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0]))
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()


def test_a_mean_leaves_out_what_is_not_known() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan]])
    assert known_mean(values, axis=0)[0] == 2
    assert math.isnan(known_mean(values, axis=0)[1])
    assert known_mean(values, axis=1).tolist() == [1, 3]
