import numpy as np
import pytest

from breastseg.histology.planes import deviation, disc, extremes, mean_of, square


@pytest.mark.parametrize("um", [8, 40, 72, 100, 167])
def test_a_disc_is_the_same_after_a_quarter_turn(um: float) -> None:
    shape = disc(um, 8.0)
    assert np.array_equal(shape, np.rot90(shape))
    assert shape[len(shape) // 2].all()


def test_a_square_has_odd_sides() -> None:
    assert square(40.0, 8.0) == (5, 5)
    assert square(48.0, 8.0) == (7, 7)
    assert square(1.0, 8.0) == (1, 1)


def test_a_slope_is_smooth_and_noise_is_not() -> None:
    slope = np.add.outer(np.arange(60), 2 * np.arange(60)).astype(np.float32) / 100
    noise = np.random.default_rng(0).normal(0, 0.1, (60, 60)).astype(np.float32)
    inside = (slice(10, -10), slice(10, -10))
    assert deviation(slope, 8.0)[inside].max() < 0.01
    assert deviation(slope + noise, 8.0)[inside].mean() > 0.08


def test_channels_are_compared_pixel_by_pixel() -> None:
    red, green, blue = (np.full((2, 2), value, np.float32) for value in (1, 5, 3))
    most, least = extremes(red, green, blue)
    assert (most[0, 0], least[0, 0], mean_of([red, green, blue])[0, 0]) == (5, 1, 3)
