import numpy as np
import pytest

from breastseg.histology.turns import contiguous, laid, laid_back, way_of

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 33, 3), np.uint8)


@pytest.mark.parametrize("way", range(8))
def test_what_was_laid_is_laid_back(way: int) -> None:
    mask = PIXELS[..., 0] > 100
    assert np.array_equal(laid_back(laid(mask, way), way), mask)


@pytest.mark.parametrize("way", range(8))
def test_a_turned_picture_becomes_the_same_one(way: int) -> None:
    turned = laid(PIXELS, way)
    assert np.array_equal(laid(turned, way_of(turned)), laid(PIXELS, way_of(PIXELS)))


@pytest.mark.parametrize("way", range(8))
def test_a_copy_in_order_has_the_same_pixels(way: int) -> None:
    turned = laid(PIXELS, way)
    copy = contiguous(turned)
    assert copy.flags.c_contiguous
    assert np.array_equal(copy, turned)
