"""Shares of a class where it is and where it is not: means by hand, AUC, intervals."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from breastseg.metrics import presence
from breastseg.metrics.presence import area_of

SHARES = np.array([0.25, 0.5, 0.875, 0.125, 0.375, 0.0])
HAS = np.array([True, True, True, False, False, False])
PATIENTS = ["p", "p", "q", "q", "r", "s"]


def test_means_are_over_patients_not_over_regions() -> None:
    found = presence(SHARES, HAS, PATIENTS)
    assert found["share_with"] == pytest.approx((0.375 + 0.875) / 2)
    assert found["share_without"] == pytest.approx((0.125 + 0.375 + 0.0) / 3)
    counts = {"regions_with": 3, "regions_without": 3, "patients_with": 2, "patients_without": 3}
    assert {name: found[name] for name in counts} == counts


def test_equal_shares_are_half_a_pair() -> None:
    """By case 0.375 and 0.875 against 0.125, 0.375 and 0: five pairs of six won, one equal."""
    found = presence(SHARES, HAS, PATIENTS)
    assert found["auc"] == pytest.approx(5.5 / 6)
    assert found["auc_regions"] == pytest.approx(roc_auc_score(HAS, SHARES))


def test_auc_equals_scikit_learn() -> None:
    rng = np.random.default_rng(7)
    shares, has = rng.integers(0, 6, 80) / 6, rng.random(80) < 0.4
    assert area_of(shares, has, np.ones((1, 80)))[0] == pytest.approx(roc_auc_score(has, shares))
    weights = rng.integers(0, 3, (5, 80)).astype(float)
    repeated = [roc_auc_score(np.repeat(has, w), np.repeat(shares, w)) for w in weights.astype(int)]
    assert area_of(shares, has, weights) == pytest.approx(repeated)


def test_intervals_equal_a_plain_loop_over_draws() -> None:
    found = presence(SHARES, HAS, PATIENTS, draws=150, seed=9)["intervals"]
    cases = [
        ("p", True, 0.375),
        ("q", True, 0.875),
        ("q", False, 0.125),
        ("r", False, 0.375),
        ("s", False, 0.0),
    ]
    shares, areas = {True: [], False: []}, []
    for draw in np.random.default_rng(9).multinomial(4, [0.25] * 4, size=150):
        drawn = [case for case in cases for _ in range(draw["pqrs".index(case[0])])]
        for kind in (True, False):
            if own := [share for _, has, share in drawn if has == kind]:
                shares[kind].append(np.mean(own))
        if len({has for _, has, _ in drawn}) == 2:
            areas.append(
                roc_auc_score([has for _, has, _ in drawn], [share for *_, share in drawn])
            )
    for name, values in (
        ("share_with", shares[True]),
        ("share_without", shares[False]),
        ("auc", areas),
    ):
        assert found[name] == pytest.approx(np.percentile(values, [2.5, 97.5])), name


def test_one_kind_has_no_auc_and_one_patient_no_interval() -> None:
    found = presence(np.array([0.5, 0.7, 0.1]), np.array([False, False, True]), ["p", "q", "r"])
    assert found["intervals"]["share_without"] is not None
    assert (found["intervals"]["share_with"], found["intervals"]["auc"]) == (None, None)
    alone = presence(np.array([0.5]), np.array([False]), ["p"])
    assert (alone["share_without"], math.isnan(alone["share_with"]), math.isnan(alone["auc"])) == (
        0.5,
        True,
        True,
    )
    assert set(alone["intervals"].values()) == {None}


def test_regions_in_which_nothing_was_named_say_nothing() -> None:
    found = presence(
        np.array([0.5, math.nan, 0.1, math.nan]),
        np.array([True, True, False, False]),
        ["p", "p", "q", "r"],
    )
    assert (found["share_with"], found["share_without"], found["auc"], found["auc_regions"]) == (
        0.5,
        0.1,
        1.0,
        1.0,
    )
