"""Laws of the blend: every pixel is given back once, and constant in is constant out."""

import numpy as np
import pytest

from breastseg.errors import InputError
from breastseg.geometry import reach, tile_grid
from breastseg.inference.blend import Blend, _ramp

SIZE, TILE, HALO = (300, 220), 128, 32


def blended(values: list[float] | None, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Blend tiles of one value each, as given in turn; without values each tile is the same."""
    width, height = size
    blend = Blend(size, TILE, HALO, classes=2)
    image = np.full((2, height, width), np.nan, np.float32)
    for number, tile in enumerate(tile_grid(size, TILE, HALO)):
        side = tile.outer.height, tile.outer.width
        value = 0.25 if values is None else values[number % len(values)]
        scores = np.stack([np.full(side, value), np.full(side, 1 - value)]).astype(np.float32)
        box, means = blend.add(tile, scores)
        part = image[:, box.y : box.y + box.height, box.x : box.x + box.width]
        assert np.isnan(part).all(), "a pixel is given back twice"
        part[:] = means
    return image


@pytest.mark.parametrize("size", [SIZE, (128, 128), (80, 400), (33, 20)])
def test_constant_in_constant_out(size: tuple[int, int]) -> None:
    image = blended(None, size)
    np.testing.assert_allclose(image[0], 0.25, atol=1e-6)
    np.testing.assert_allclose(image[1], 0.75, atol=1e-6)


def test_a_mean_lies_between_what_went_in_and_adds_up_to_one() -> None:
    image = blended([0.0, 1.0])
    assert image.min() >= 0
    assert image.max() <= 1
    np.testing.assert_allclose(image.sum(axis=0), 1, atol=1e-6)
    assert ((image[0] > 0.01) & (image[0] < 0.99)).any()


def test_it_is_the_weighted_mean_of_a_slow_loop() -> None:
    """Against sums over the whole image, which a slide would not leave room for."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    tiles = list(tile_grid(SIZE, TILE, HALO))
    blend = Blend(SIZE, TILE, HALO, classes=1)
    sums = np.zeros((2, height, width))
    image = np.zeros((height, width))
    for tile in tiles:
        scores = rng.random((1, tile.outer.height, tile.outer.width)).astype(np.float32)
        box = reach(tile, HALO, SIZE)
        weights = np.outer(_ramp(tile.inner.height, HALO), _ramp(tile.inner.width, HALO))
        for y in range(box.y, box.y + box.height):
            weight = weights[y - tile.inner.y + HALO, box.x - tile.inner.x + HALO :][: box.width]
            score = scores[0, y - tile.outer.y, box.x - tile.outer.x :][: box.width]
            sums[:, y, box.x : box.x + box.width] += weight, weight * score
        done, means = blend.add(tile, scores)
        image[done.y : done.y + done.height, done.x : done.x + done.width] = means[0]
    np.testing.assert_allclose(image, sums[1] / sums[0], rtol=1e-4)


def test_where_no_tile_was_looked_at_it_is_zero() -> None:
    tile = next(tile_grid((32, 32), TILE, HALO))
    _, means = Blend((32, 32), TILE, HALO, classes=3).add(tile, None)
    assert means.shape == (3, 32, 32)
    assert not means.any()


@pytest.mark.parametrize(("tile", "halo"), [(128, 0), (96, 32)])
def test_a_tile_is_four_halos_at_least(tile: int, halo: int) -> None:
    with pytest.raises(InputError, match=f"{tile} px.*{halo} px"):
        Blend(SIZE, tile, halo, classes=1)
