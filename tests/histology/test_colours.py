"""The colours of an image, whatever their places."""

import numpy as np

from breastseg.histology.colours import BINS, colours_of


def test_colours_are_those_of_a_slow_count() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    counts = np.zeros((BINS, BINS, BINS))
    for red, green, blue in pixels.reshape(-1, 3) // (256 // BINS):
        counts[red, green, blue] += 1
    expected = np.sqrt(counts.ravel() / 600)
    assert colours_of(pixels).dtype == np.float32
    assert np.allclose(colours_of(pixels), expected, atol=1e-6)


def test_where_a_colour_is_says_nothing_and_a_picture_is_like_itself() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mixed = rng.permutation(pixels.reshape(-1, 3)).reshape(16, 16, 3)
    assert np.array_equal(colours_of(pixels), colours_of(mixed))
    assert np.isclose(colours_of(pixels) @ colours_of(mixed), 1)


def test_pictures_of_other_colours_have_nothing_in_common() -> None:
    dark = np.full((4, 4, 3), 10, np.uint8)
    light = np.full((4, 4, 3), 240, np.uint8)
    assert colours_of(dark) @ colours_of(light) == 0
