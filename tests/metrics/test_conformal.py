"""Margins by patient: places by hand, and coverage of patients that gave nothing, by known laws."""

import math

import numpy as np
import pytest

from breastseg.metrics.conformal import (
    log_odds,
    margin_of,
    needed,
    share_ends,
    share_errors,
)

DRAWS = 4000


def test_nine_patients_are_needed_for_nine_of_ten() -> None:
    assert [needed(level) for level in (0.5, 0.8, 0.9, 0.95)] == [1, 4, 9, 19]
    assert margin_of(range(8)) == math.inf
    assert margin_of(range(9)) == 8
    assert margin_of(range(18)) == 17
    assert margin_of(range(19)) == 17
    assert margin_of([]) == math.inf


def test_one_endless_error_in_ten_is_borne_and_two_are_not() -> None:
    assert margin_of([*range(18), math.inf]) == 17
    assert margin_of([*range(17), math.inf, math.inf]) == math.inf


@pytest.mark.parametrize("share", [0.0, 1e-6, 0.003, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("margin", [0.0, 0.2, 3.0, 900.0])
def test_ends_are_where_the_error_is_the_margin(share: float, margin: float) -> None:
    low, high = share_ends(share, margin)
    assert 0 <= low <= share <= high <= 1
    for end, edge in ((low, 0.0), (high, 1.0)):
        error = float(share_errors(np.array(end), np.array(share)))
        assert error == pytest.approx(margin, abs=1e-6) or (end == edge and error < margin)
    assert log_odds(1 - share) == pytest.approx(-log_odds(share))


def patients(rng: np.random.Generator, law: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of truth and map of patients drawn by a law: (DRAWS, number) each."""
    truth = rng.beta(0.8, 1.5, (DRAWS, number))
    if law == "over":
        return truth, np.clip(truth * rng.lognormal(0.3, 0.4, truth.shape), 0, 1)
    if law == "heavy":
        odds = log_odds(truth) + np.clip(rng.standard_t(1.5, truth.shape), -30, 30)
        return truth, 1 / (1 + np.exp(-odds))
    absent = rng.random(truth.shape) < 0.3
    named = np.clip(truth + rng.normal(0, 0.05, truth.shape), 0, 1)
    return np.where(absent, 0, truth), np.where(absent, rng.beta(0.2, 9, truth.shape), named)


@pytest.mark.parametrize("law", ["over", "heavy", "absent in some"])
@pytest.mark.parametrize("number", [9, 20, 50])
def test_patients_who_gave_nothing_are_covered_as_often_as_is_said(law: str, number: int) -> None:
    """As many as ceil(0.9 (n + 1)) / (n + 1) of them, to what chance leaves in so many draws."""
    truth, named = patients(np.random.default_rng([number, len(law)]), law, number + 1)
    errors = share_errors(truth[:, :-1], named[:, :-1])
    within = 0
    for row, true, said in zip(errors, truth[:, -1], named[:, -1], strict=True):
        low, high = share_ends(float(said), margin_of(row))
        within += low - 1e-9 <= true <= high + 1e-9
    expected = math.ceil(0.9 * (number + 1) - 1e-9) / (number + 1)
    chance = 3.5 * math.sqrt(expected * (1 - expected) / DRAWS)
    assert abs(within / DRAWS - expected) < chance
    assert within / DRAWS > 0.9 - chance
