"""refine(): laws of the conditional random field."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.errors import InputError
from breastseg.mammography.crf import CrfConfig, refine

SMALL = CrfConfig(window_px=3, rounds=2)


def noise(seed: int, height: int = 17, width: int = 12) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).random((height, width))


def by_definition(
    probability: npt.NDArray[np.float64], grey: npt.NDArray[np.float64], config: CrfConfig
) -> npt.NDArray[np.float64]:
    """The mean field with loops over pixels and both classes."""
    unary = -np.log(np.stack([1 - probability, probability]))
    held = np.exp(-unary)
    height, width = grey.shape
    for _ in range(config.rounds):
        energy = unary.copy()
        for y in range(height):
            for x in range(width):
                sums = np.zeros((2, 2))  # kernel, class
                weights = np.zeros(2)
                for v in range(max(0, y - config.window_px), min(height, y + config.window_px + 1)):
                    for u in range(
                        max(0, x - config.window_px), min(width, x + config.window_px + 1)
                    ):
                        if (v, u) == (y, x):
                            continue
                        square = (v - y) ** 2 + (u - x) ** 2
                        step = (grey[v, u] - grey[y, x]) ** 2
                        kernels = np.array(
                            [
                                np.exp(
                                    -square / (2 * config.alike_px**2)
                                    - step / (2 * config.alike_grey**2)
                                ),
                                np.exp(-square / (2 * config.near_px**2)),
                            ]
                        )
                        sums += kernels[:, None] * held[None, :, v, u]
                        weights += kernels
                means = sums / weights[:, None]
                pull = np.array([config.alike_weight, config.near_weight]) @ means
                energy[:, y, x] += pull[::-1]  # Potts: the other class costs
        held = np.exp(-energy)
        held /= held.sum(axis=0)
    return np.asarray(held[1])


def test_it_is_the_mean_field_by_its_definition() -> None:
    probability, grey = 0.05 + 0.9 * noise(0, 9, 7), 3 * noise(1, 9, 7)
    found = refine(probability, grey, SMALL)
    np.testing.assert_allclose(found, by_definition(probability, grey, SMALL), atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_a_constant_answer_stays_constant(value: float) -> None:
    found = refine(np.full((20, 15), value), noise(2, 20, 15))
    assert np.ptp(found) < 1e-6
    assert (found[0, 0] > 0.5) == (value > 0.5)


def test_a_mirrored_or_turned_picture_has_a_mirrored_or_turned_answer() -> None:
    probability, grey = noise(3), noise(4)
    found = refine(probability, grey, SMALL)
    np.testing.assert_allclose(
        refine(probability[:, ::-1], grey[:, ::-1], SMALL), found[:, ::-1], atol=1e-6
    )
    np.testing.assert_allclose(
        refine(np.rot90(probability), np.rot90(grey), SMALL), np.rot90(found), atol=1e-6
    )
    np.testing.assert_allclose(refine(1 - probability, grey, SMALL), 1 - found, atol=1e-6)


def test_a_single_pixel_is_talked_round_and_an_edge_in_the_picture_holds() -> None:
    probability = np.full((21, 21), 0.2)
    probability[10, 10] = 0.7
    assert refine(probability, np.zeros((21, 21)))[10, 10] < 0.5
    grey = np.zeros((21, 21))
    grey[:, 11:] = 4
    split = np.where(grey > 0, 0.7, 0.3)
    found = refine(split, grey, CrfConfig(near_weight=0))
    np.testing.assert_array_equal(found > 0.5, grey > 0)
    assert found[:, :11].max() < 0.3
    assert found[:, 11:].min() > 0.7


def test_no_round_and_no_weight_change_nothing() -> None:
    probability, grey = 0.1 + 0.8 * noise(5), noise(6)
    for config in (CrfConfig(rounds=0), CrfConfig(alike_weight=0, near_weight=0)):
        np.testing.assert_allclose(refine(probability, grey, config), probability, atol=1e-6)
    np.testing.assert_allclose(refine(np.array([[0.3]]), np.array([[1.0]])), [[0.3]], atol=1e-6)


def test_what_is_no_field_is_refused() -> None:
    with pytest.raises(InputError, match=r"wanted one \(H, W\)"):
        refine(noise(0), noise(0)[1:])
    with pytest.raises(InputError, match="no probabilities"):
        refine(noise(0) + 1, noise(0))
    with pytest.raises(InputError, match="not finite"):
        refine(noise(0), noise(0) * np.nan)
    with pytest.raises(InputError, match="a window of 0 px"):
        CrfConfig(window_px=0)
    with pytest.raises(InputError, match="wanted more than 0"):
        CrfConfig(alike_grey=0)
    with pytest.raises(InputError, match="wanted 0 or more"):
        CrfConfig(near_weight=-1)
