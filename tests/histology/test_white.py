"""White places on real tissue: a painted fat cell is found, the gaps between fibres are left
alone."""

import numpy as np
import pytest

from breastseg.histology.white import SMOOTH_UM, smooth_white
from conftest import CROPS, crop

MPP = 0.30


def disc(
    radius_um: float, *, mpp: float = MPP, side: int = 256, middle: tuple[int, int] = (128, 128)
) -> np.ndarray:
    rows, columns = np.indices((side, side))
    return np.hypot(rows - middle[0], columns - middle[1]) * mpp <= radius_um


def with_white(pixels: np.ndarray, place: np.ndarray, grey: int = 240) -> np.ndarray:
    noise = np.random.default_rng(0).integers(-2, 3, pixels.shape)
    return np.where(place[..., None], grey + noise, pixels).astype(np.uint8)


@pytest.mark.parametrize("index", range(len(CROPS)))
def test_a_fat_cell_in_tissue_is_found_and_nothing_else(index: int) -> None:
    pixels, place = crop(index), disc(20.0)
    before, after = smooth_white(pixels, MPP), smooth_white(with_white(pixels, place), MPP)
    assert before.mean() < 0.01, "these crops are tissue throughout"
    assert after[disc(15.0)].all()
    assert np.array_equal(after[~disc(24.0)], before[~disc(24.0)])
    assert (after.shape, after.dtype) == (pixels.shape[:2], np.bool_)


def test_gaps_narrower_than_a_fat_cell_are_left_alone() -> None:
    place = np.zeros((256, 256), bool)
    for y in range(20, 250, 40):
        place[y : y + round(0.7 * SMOOTH_UM / MPP), 10:246] = True
    place |= disc(0.45 * SMOOTH_UM, middle=(240, 20))
    pixels = crop(0)
    assert np.array_equal(smooth_white(with_white(pixels, place), MPP), smooth_white(pixels, MPP))


def test_pale_but_rough_is_no_fat() -> None:
    rng = np.random.default_rng(0)
    pale = np.repeat(rng.integers(216, 256, (200, 200, 1)), 3, axis=2).astype(np.uint8)
    assert not smooth_white(pale, MPP).any()
    assert smooth_white(np.full((200, 200, 3), 235, np.uint8), MPP).all()


def test_pale_pink_is_no_fat() -> None:
    """White is judged by the darkest channel: eosin takes the green away, and a grey mean would not
    show it."""
    pink = np.full((200, 200, 3), (250, 205, 240), np.uint8)
    assert pink.mean() > 230
    assert not smooth_white(pink, MPP).any()


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0, 2.0])
def test_sizes_are_microns_at_every_resolution(mpp: float) -> None:
    tissue = np.full((256, 256, 3), (180, 100, 160), np.uint8)
    wide, narrow = disc(SMOOTH_UM, mpp=mpp), disc(0.4 * SMOOTH_UM, mpp=mpp)
    found = smooth_white(with_white(tissue, wide), mpp)
    assert found[128, 128]
    assert not found[~wide].any()
    assert not smooth_white(with_white(tissue, narrow), mpp).any()


def test_a_picture_smaller_than_a_fat_cell() -> None:
    assert smooth_white(np.full((3, 5, 3), 240, np.uint8), 0.5).all()
    assert not smooth_white(np.zeros((1, 1, 3), np.uint8), 0.05).any()


@pytest.mark.parametrize("mpp", [0.25, 0.3, 0.5, 1.0])
def test_a_turned_picture_has_turned_labels(mpp: float) -> None:
    """OpenCV's ellipse is not round: after a quarter turn 4 % of the white pixels were others."""
    pixels = with_white(
        crop(1), disc(14.0, mpp=mpp, middle=(90, 120)) | disc(9.0, mpp=mpp, middle=(140, 60))
    )
    found = smooth_white(pixels, mpp)
    assert found.any()
    for turns in (1, 2, 3):
        for flip in (slice(None), slice(None, None, -1)):
            turned = np.ascontiguousarray(np.rot90(pixels, turns)[flip])
            assert np.array_equal(smooth_white(turned, mpp), np.rot90(found, turns)[flip])
