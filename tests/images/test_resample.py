"""Images and label images at another size: area weights for pixels, nearest for codes."""

import numpy as np
import pytest

from breastseg.images import resample_labels, resample_pixels


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_pixels_shrink_by_the_mean_of_blocks(factor: int) -> None:
    pixels = noise(12 * factor, 20 * factor)
    mean = pixels.reshape(12, factor, 20, factor, 3).astype(float).mean(axis=(1, 3))
    got = resample_pixels(pixels, (20, 12))
    assert got.dtype == np.uint8
    assert got.shape == (12, 20, 3)
    assert np.abs(got - mean).max() <= 0.5 + 1e-6


def test_pixels_shrink_by_area_between_whole_factors() -> None:
    """5 px -> 3: the first new pixel is all of one old pixel and two thirds of the next."""
    row = np.array([0, 30, 90, 150, 210], np.uint8)
    pixels = np.repeat(np.repeat(row[None, :, None], 5, axis=0), 3, axis=2)
    got = resample_pixels(pixels, (3, 5))[0, :, 0]
    first, middle, last = (
        (0 + 30 * 2 / 3) / (5 / 3),
        (30 / 3 + 90 + 150 / 3) / (5 / 3),
        (150 * 2 / 3 + 210) / (5 / 3),
    )
    assert got.tolist() == [round(first), round(middle), round(last)] == [12, 90, 186]


def test_the_mean_of_a_picture_survives() -> None:
    pixels = noise(90, 120)
    assert resample_pixels(pixels, (54, 54))[..., 0].mean() == pytest.approx(
        pixels[..., 0].mean(), abs=0.6
    )


@pytest.mark.parametrize("size", [(7, 5), (30, 40), (13, 40)])
def test_a_constant_stays_constant(size: tuple[int, int]) -> None:
    assert (resample_pixels(np.full((20, 20, 3), 137, np.uint8), size) == 137).all()


def test_the_same_size_is_left_alone() -> None:
    pixels, labels = noise(8, 9), np.arange(72, dtype=np.uint8).reshape(8, 9)
    assert np.array_equal(resample_pixels(pixels, (9, 8)), pixels)
    assert np.array_equal(resample_labels(labels, (9, 8)), labels)


@pytest.mark.parametrize(
    ("old", "new"),
    [((90, 60), (30, 20)), ((96, 97), (58, 58)), ((50, 40), (31, 17)), ((20, 30), (32, 46))],
)
def test_labels_are_those_under_the_new_centres(old: tuple[int, int], new: tuple[int, int]) -> None:
    """INTER_NEAREST takes corners for centres: it moves labels by half a new pixel against the
    pixels."""
    labels = np.random.default_rng(1).integers(0, 22, old[::-1], dtype=np.uint8)
    rows = np.floor((np.arange(new[1]) + 0.5) * old[1] / new[1] + 1e-9).astype(int)
    columns = np.floor((np.arange(new[0]) + 0.5) * old[0] / new[0] + 1e-9).astype(int)
    got = resample_labels(labels, new)
    assert got.dtype == np.uint8
    assert np.array_equal(got, labels[rows][:, columns])


@pytest.mark.parametrize("factor", [3, 5])
def test_odd_factors_take_the_middle(factor: int) -> None:
    labels = np.random.default_rng(2).integers(0, 22, (10 * factor, 8 * factor), dtype=np.uint8)
    assert np.array_equal(
        resample_labels(labels, (8, 10)), labels[factor // 2 :: factor, factor // 2 :: factor]
    )


def test_no_code_is_invented() -> None:
    labels = np.where(np.arange(99)[:, None] < 50, 1, 20).astype(np.uint8).repeat(99, axis=1)
    assert set(np.unique(resample_labels(labels, (41, 41)))) == {1, 20}
