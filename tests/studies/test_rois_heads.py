"""What learns on frozen features."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from breastseg.studies.rois.config import LOGISTIC
from breastseg.studies.rois.heads import fit_head, one_layer, probabilities


def numbers(features: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = (np.arange(60) % 3 == 0).astype(int)
    values = rng.normal(size=(60, features)) * 5 + 7
    values[:, 0] += 10 * truth
    return values, truth


def test_one_layer_is_the_head_on_numbers_as_they_are() -> None:
    values, truth = numbers()
    head = fit_head(LOGISTIC, values, truth, 0)
    weights, bias = one_layer(head)
    by_hand = 1 / (1 + np.exp(-(values @ weights + bias)))
    np.testing.assert_allclose(probabilities(head, values), by_hand, atol=1e-9)


@pytest.mark.parametrize("name", [LOGISTIC, "mlp"])
def test_a_head_learns_and_is_the_same_again(name: str) -> None:
    values, truth = numbers()
    first = probabilities(fit_head(name, values, truth, 1), values)
    second = probabilities(fit_head(name, values, truth, 1), values)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (60,)
    assert first[truth == 1].mean() > first[truth == 0].mean() + 0.3


def test_both_classes_weigh_alike() -> None:
    """A class that is there twice as often moves nothing: numbers that tell nothing give 0.5."""
    truth = (np.arange(60) % 3 == 0).astype(int)
    head = fit_head(LOGISTIC, np.ones((60, 2)), truth, 0)
    np.testing.assert_allclose(probabilities(head, np.ones((1, 2))), 0.5, atol=1e-3)


def test_many_numbers_are_penalised() -> None:
    few, truth = numbers(3)
    many, _ = numbers(40)
    steep = np.abs(one_layer(fit_head(LOGISTIC, few, truth, 0))[0]).max()
    flat = np.abs(one_layer(fit_head(LOGISTIC, many, truth, 0))[0]).max()
    assert flat < steep / 5
