"""Deep zoom levels made from bands of rows: those that the whole image has."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("fastapi")

from breastseg.serve.tiles.halvings import Halvings, halve
from breastseg.serve.tiles.pieces import halved, levels_of

SIZES = [(256, 256), (513, 511), (1000, 301), (1, 700), (2049, 1), (2048, 40)]


@pytest.mark.parametrize("size", SIZES)
def test_levels_made_from_bands_are_those_of_the_whole(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size)
    picture = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    put: list[list[np.ndarray]] = [[] for _ in range(levels_of(size))]
    halvings = Halvings(size, lambda times, tile: put[times].append(tile))
    top = 0
    while top < size[1]:
        rows = int(rng.integers(1, 400))
        halvings.add(picture[top : top + rows])
        top += rows
    levels = [picture]
    for _ in put[1:]:
        levels.append(halve(levels[-1]))
    for times, (level, tiles) in enumerate(zip(levels, put, strict=True)):
        assert level.shape[1::-1] == halved(size, times)
        places = product(range(0, level.shape[0], 256), range(0, level.shape[1], 256))
        for (y, x), tile in zip(places, tiles, strict=True):
            assert np.array_equal(tile, level[y : y + 256, x : x + 256])
    shown = next(level for level in levels if max(level.shape) <= 2048)
    assert np.array_equal(halvings.overview(), shown)


def test_a_level_is_the_mean_of_two_by_two_pixels() -> None:
    rng = np.random.default_rng(0)
    even = rng.integers(0, 256, (40, 62, 3), np.uint8)
    blocks = even.reshape(20, 2, 31, 2, 3).astype(int).sum(axis=(1, 3))
    assert np.array_equal(halve(even), (blocks + 2) // 4)


def test_a_last_odd_row_or_column_counts_double() -> None:
    odd = np.random.default_rng(0).integers(0, 256, (39, 61, 3), np.uint8)
    doubled = np.concatenate([odd, odd[-1:]])
    doubled = np.concatenate([doubled, doubled[:, -1:]], axis=1)
    assert np.array_equal(halve(odd), halve(doubled))


@pytest.mark.parametrize("size", SIZES)
def test_a_constant_stays_constant(size: tuple[int, int]) -> None:
    halvings = Halvings(size, lambda times, tile: np.testing.assert_array_equal(tile, 137))
    halvings.add(np.full((size[1], size[0], 3), 137, np.uint8))
