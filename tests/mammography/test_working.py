"""A film made small: its box, its grey values, its size."""

import numpy as np
import pytest

from breastseg.errors import ImageError, InputError
from breastseg.mammography.working import (
    check_mm_per_px,
    check_pixels,
    enlarged,
    film_box,
    working_of,
)


def film(height: int = 200, width: int = 160) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(1, 256, (height, width)).astype(np.uint8)


def test_the_box_is_what_is_not_padding() -> None:
    padded = np.zeros((300, 260), np.uint8)
    padded[20:220, 30:190] = film()
    assert film_box(padded) == (20, 220, 30, 190)
    padded[0, 0] = 255  # one pixel of 260 is no film
    assert film_box(padded) == (20, 220, 30, 190)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((100, 100), np.float32), "float32"),
        (np.zeros((100, 100, 3), np.uint8), "one grey channel"),
        (np.zeros((100, 63), np.uint8), "63 x 100 px"),
    ],
)
def test_what_is_no_film(pixels: np.ndarray, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        check_pixels(pixels)


def test_an_empty_a_dark_and_a_nearly_empty_film() -> None:
    with pytest.raises(ImageError, match="every pixel is 7"):
        film_box(np.full((100, 100), 7, np.uint8))
    nearly = np.zeros((100, 100), np.uint8)
    nearly[:10, :10] = 9
    with pytest.raises(ImageError, match="10 x 10 px"):
        film_box(nearly)
    with pytest.raises(ImageError, match="too dark"):
        working_of((film() // 64).astype(np.uint8), 0.2)


@pytest.mark.parametrize(
    ("mm", "is_taken"), [(0.01, True), (2.0, True), (0.009, False), (3, False)]
)
def test_sizes_of_pixels(mm: float, is_taken: bool) -> None:
    if is_taken:
        check_mm_per_px(mm)
        return
    with pytest.raises(InputError, match=r"0\.01 to 2 mm"):
        check_mm_per_px(mm)


def test_eight_and_sixteen_bits_give_the_same_grey() -> None:
    eight = film()
    first = working_of(eight, 0.2)
    second = working_of(eight.astype(np.uint16) * 257, 0.2)
    np.testing.assert_allclose(first.grey, second.grey, atol=1e-3)


def test_a_film_is_made_smaller_and_never_larger() -> None:
    fine, coarse = working_of(film(), 0.2), working_of(film(), 0.8)
    assert (fine.grey.shape, fine.mm_per_px) == ((100, 80), 0.4)
    assert (coarse.grey.shape, coarse.mm_per_px) == ((200, 160), 0.8)
    assert (fine.px(4.0), fine.px(0.01)) == (10, 1)
    # 205 mm for a long side of 200 px is more than 0.4 mm: the film stays as it is
    assert working_of(film(), None).mm_per_px == pytest.approx(205 / 200)


def test_a_mask_comes_back_to_its_place() -> None:
    padded = np.zeros((300, 260), np.uint8)
    padded[20:220, 30:190] = film()
    working = working_of(padded, 0.2)
    mask = np.zeros(working.grey.shape, bool)
    mask[:50] = True
    full = enlarged(mask, working)
    wanted = np.zeros((300, 260), bool)
    wanted[20:120, 30:190] = True
    assert full.shape == (300, 260)
    assert np.count_nonzero(full != wanted) <= 160
