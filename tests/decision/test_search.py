"""The search for a bias: all moves of a class in one pass, against each alone."""

import numpy as np
import pytest

from breastseg.decision.sample import AREAS, DOTS, Sample, joined
from breastseg.decision.search import COARSE, LARGEST, best_bias, sums_along
from sampled_places import NAMES, over_called, places


@pytest.mark.parametrize("known", [(0, 1, 2, 3, 4), (0, 1, 2), (1, 3)])
def test_all_moves_in_one_pass_are_what_each_alone_is(known: tuple[int, ...]) -> None:
    """The two thresholds of a place against naming it anew at every move."""
    sample = joined([places("A", AREAS), places("B"), places("B", AREAS, classes=known)])
    bias = np.array([0.3, -0.2, 0.4, 0.0, 0.0])
    for k in known:
        found = sums_along(sample, bias, k, COARSE, np.array(known))
        for step, move in enumerate(COARSE):
            moved = bias.copy()
            moved[list(known)] -= move / len(known)
            moved[k] += move
            named = (sample.log_probabilities + moved).argmax(axis=1)
            for unit in range(len(sample.units)):
                here = sample.unit == unit
                right = here & (named == sample.truth)
                for target, rows, values in (
                    (found.predicted, here, named),
                    (found.hits, right, named),
                    (found.support, here, sample.truth),
                ):
                    wanted = np.bincount(values[rows], minlength=len(NAMES))
                    assert np.array_equal(target[unit, step], wanted), (k, move, unit)


def test_of_equals_the_first_class_wins_at_every_move() -> None:
    logs = np.log(np.array([[0.5, 0.5], [0.25, 0.75]], np.float64)).astype(np.float32)
    logs[1] = [-1.0, 0.0]
    truth = np.array([0, 1])
    sample = Sample(logs, truth, np.ones(2), np.zeros(2, np.intp), ((DOTS, "A"),))
    moves = np.array([-1.0, 0.0, 1.0])
    for k in (0, 1):
        found = sums_along(sample, np.zeros(2), k, moves, np.array([0, 1]))
        for step, move in enumerate(moves):
            bias = np.array([move, 0.0]) if k == 0 else np.array([0.0, move])
            wanted = np.bincount((sample.log_probabilities + bias).argmax(axis=1), minlength=2)
            assert found.predicted[0, step].tolist() == wanted.tolist()


def test_two_classes_are_needed() -> None:
    sample = over_called()
    assert not best_bias(sample, np.array([0])).any()
    assert not best_bias(sample, np.array([], np.intp)).any()


def test_a_bias_is_small_and_on_the_grid() -> None:
    bias = best_bias(over_called(3), np.array([0, 1, 2]))
    assert np.array_equal(bias, np.round(bias, 2))
    assert bias[3:].tolist() == [0, 0]
    assert abs(bias.sum()) < 0.02
    assert not np.signbit(bias[bias == 0]).any()


def test_no_class_moves_beyond_3() -> None:
    """Of class 0 one more place is right for each tenth that it gains on class 1, up to 9."""
    gaps = np.arange(0.05, 9, 0.1)
    logs = np.zeros((len(gaps) + 1, 2), np.float32)
    logs[:-1, 1] = gaps
    logs[-1] = (-40, 0)
    truth = np.array([0] * len(gaps) + [1])
    weight = np.ones(len(truth))
    sample = joined([((DOTS, patient), logs, truth, weight) for patient in ("A", "B")])
    assert best_bias(sample, np.array([0, 1])).tolist() == [LARGEST, -LARGEST]
