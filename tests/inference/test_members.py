"""The mean of several models and how far they are apart, with runners whose answer is known."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.errors import ModelError
from breastseg.inference.members import (
    count_members,
    mean_and_disagreement,
    mean_probabilities,
)
from breastseg.inference.tiles import PixelField, TileConfig, name_tissue
from breastseg.runners.mean import MeanRunner
from breastseg.runners.runner import likeliest

Scores = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Known:
    """A runner that is a function from (N, H, W, 3) pixels to (N, K, H, W) probabilities."""

    look: Callable[[Pixels], npt.NDArray[np.float64]]
    name: str = "known"
    package: str = "numpy"

    def probabilities(self, tiles: Pixels) -> Scores:
        return self.look(tiles).astype(np.float32)

    def labels(self, tiles: Pixels) -> npt.NDArray[np.uint8]:
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Nothing is held."""


def always(*shares: float) -> Known:
    """Return a runner with these probabilities everywhere."""
    column = np.array(shares)[None, :, None, None]
    return Known(
        lambda tiles: np.broadcast_to(column, (len(tiles), len(shares), *tiles.shape[1:3]))
    )


def soft(seed: int, classes: int = 5) -> Known:
    """Return a runner by colour and place that no mirroring leaves as it is."""
    weights = np.random.default_rng(seed).normal(0, 2, (5, classes))

    def look(tiles: Pixels) -> npt.NDArray[np.float64]:
        rows, columns = np.meshgrid(*map(np.arange, tiles.shape[1:3]), indexing="ij")
        places = np.stack([rows, columns], -1) / 40
        seen = np.concatenate(
            [tiles / 255, np.broadcast_to(places, (len(tiles), *places.shape))], axis=-1
        )
        raised = np.exp(seen @ weights)
        return np.moveaxis(raised / raised.sum(-1, keepdims=True), -1, 1)

    return Known(look)


def mean_of(*runners: Known) -> MeanRunner:
    return MeanRunner(runners, [f"m{number}" for number in range(len(runners))])


def pixels(shape: tuple[int, int] = (64, 96), seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


TILES = pixels()[None]


@pytest.mark.parametrize("shares", [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("flips", [False, True])
def test_who_say_the_same_do_not_disagree_however_unsure(
    shares: tuple[float, ...], flips: bool
) -> None:
    runner = mean_of(always(*shares), always(*shares), always(*shares))
    mean, apart = mean_and_disagreement(TILES, runner, flips=flips)
    assert np.allclose(mean[0].max(axis=(1, 2)), shares)
    assert apart.shape == (1, 64, 96)
    assert apart.max() < 1e-6


def test_two_who_are_sure_of_two_classes_disagree_as_much_as_two_can() -> None:
    runner = mean_of(always(1.0, 0.0, 0.0), always(0.0, 1.0, 0.0))
    mean, apart = mean_and_disagreement(TILES, runner, flips=False)
    assert np.allclose(mean[0, :, 0, 0], [0.5, 0.5, 0.0])
    assert np.allclose(apart, 1.0)


def test_a_map_of_one_class_has_nothing_to_disagree_on() -> None:
    _, apart = mean_and_disagreement(TILES, mean_of(always(1.0), always(1.0)), flips=False)
    assert not apart.any()


def test_it_is_the_jensen_shannon_divergence() -> None:
    one, two = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.6, 0.3])
    middle = (one + two) / 2
    by_hand = ((one * np.log(one / middle)).sum() + (two * np.log(two / middle)).sum()) / 2
    _, apart = mean_and_disagreement(TILES, mean_of(always(*one), always(*two)), flips=False)
    assert np.allclose(apart, by_hand / np.log(2), atol=1e-6)


def test_the_order_of_the_models_does_not_matter() -> None:
    forth = mean_and_disagreement(TILES, mean_of(soft(0), soft(1), soft(2)), flips=False)
    back = mean_and_disagreement(TILES, mean_of(soft(2), soft(0), soft(1)), flips=False)
    assert np.allclose(forth[0], back[0], atol=1e-6)
    assert np.allclose(forth[1], back[1], atol=1e-5)
    assert forth[1].std() > 0.01


@pytest.mark.parametrize("flips", [False, True])
def test_the_mean_is_the_same_to_the_bit_when_nobody_asks_how_far_they_are_apart(
    flips: bool,
) -> None:
    runner = mean_of(soft(0), soft(1))
    mean, _ = mean_and_disagreement(TILES, runner, flips=flips)
    assert np.array_equal(mean, mean_probabilities(TILES, runner, flips=flips))
    one = soft(0)
    alone, _ = mean_and_disagreement(TILES, one, flips=True)
    assert np.array_equal(alone, mean_probabilities(TILES, one, flips=True))


@pytest.mark.parametrize(
    "mirror",
    [np.s_[:, ::-1], np.s_[:, :, ::-1], np.s_[:, ::-1, ::-1]],
    ids=["upside down", "left to right", "both"],
)
def test_a_mirrored_tile_has_the_mirrored_disagreement_of_its_flips(
    mirror: tuple[slice, ...],
) -> None:
    _, apart = mean_and_disagreement(TILES, soft(3), flips=True)
    turned = np.ascontiguousarray(TILES[mirror])
    _, seen = mean_and_disagreement(turned, soft(3), flips=True)
    assert apart.std() > 0.01
    assert np.array_equal(seen, apart[mirror])


def test_turn_the_field_and_the_disagreement_turns() -> None:
    """Models that look at colours alone, tile by tile, by a quarter turn."""

    def by_colour(seed: int) -> Known:
        weights = np.random.default_rng(seed).normal(0, 3, (3, 5))

        def look(tiles: Pixels) -> npt.NDArray[np.float64]:
            raised = np.exp(tiles / 255 @ weights)
            return np.moveaxis(raised / raised.sum(-1, keepdims=True), -1, 1)

        return Known(look)

    runner, config = mean_of(by_colour(0), by_colour(1)), TileConfig(128, 32, 5)

    def mapped(field: Pixels) -> Scores:
        found = np.full(field.shape[:2], np.nan, np.float32)
        for named in name_tissue(PixelField(field), runner, config, disagreement=True):
            box = named.box
            assert named.disagreement is not None
            found[box.y : box.y + box.height, box.x : box.x + box.width] = named.disagreement
        return found

    field = pixels((150, 210))
    straight = mapped(field)
    assert straight.std() > 0.01
    assert np.allclose(mapped(np.ascontiguousarray(np.rot90(field))), np.rot90(straight))


@pytest.mark.parametrize("blend", [False, True])
def test_tiled_is_untiled(blend: bool) -> None:
    """What depends on colours alone does not know of tiles; blended, it is the weighted mean of
    equal values."""

    def look(tiles: Pixels) -> npt.NDArray[np.float64]:
        share = tiles[..., 0] / 255
        return np.stack([share, 1 - share], axis=1)

    def opposite(tiles: Pixels) -> npt.NDArray[np.float64]:
        return look(tiles)[:, ::-1]

    runner, field = mean_of(Known(look), Known(opposite)), pixels((150, 210))
    config = TileConfig(128, 32, 2, blend=blend)
    _, expected = mean_and_disagreement(field[None], runner, flips=False)
    for named in name_tissue(PixelField(field), runner, config, disagreement=True):
        box = named.box
        there = expected[0, box.y : box.y + box.height, box.x : box.x + box.width]
        assert named.disagreement is not None
        assert np.allclose(named.disagreement, there, atol=1e-5)
        assert named.probabilities is None


def test_the_model_that_gives_nan_is_named() -> None:
    runner = mean_of(always(0.5, 0.5), always(float("nan"), 0.5))
    with pytest.raises(ModelError, match=r"'m1'.*gives NaN"):
        runner.probabilities(TILES)
    with pytest.raises(ModelError, match=r"'m1'.*gives NaN"):
        mean_and_disagreement(TILES, runner, flips=False)


def test_members_are_models_or_of_one_its_mirror_images() -> None:
    assert count_members(soft(0), flips=False) == 1
    assert count_members(soft(0), flips=True) == 4
    assert count_members(mean_of(soft(0), soft(1)), flips=True) == 2


def test_more_models_hold_no_more_answers() -> None:
    """Six models take no more memory than two: one answer and the sums are held."""
    tiles = pixels((512, 512))[None]
    peaks = []
    for count in (2, 6):
        runner = mean_of(*[always(0.1, 0.2, 0.3, 0.2, 0.2)] * count)
        tracemalloc.start()
        mean_and_disagreement(tiles, runner, flips=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
