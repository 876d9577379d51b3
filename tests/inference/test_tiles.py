"""The laws of the tiled run, with runners whose answer is known and with the tiny network."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.errors import InputError, ModelError
from breastseg.files import write_json
from breastseg.geometry import tile_grid
from breastseg.inference.model import Model, load_model
from breastseg.inference.tiles import TileConfig, label_pixels
from breastseg.runners.runner import likeliest
from conftest import crop

SIZES = [
    (1, 1),
    (1, 200),
    (200, 1),
    (33, 97),
    (64, 64),
    (65, 64),
    (128, 128),
    (129, 300),
    (31, 257),
]
"""(height, width) below, at and above the tile of 128 px whose core is 64."""


def one_hot(labels: npt.NDArray[np.integer], classes: int = 5) -> npt.NDArray[np.float32]:
    return (labels[:, None] == np.arange(classes)[:, None, None]).astype(np.float32)


@dataclass(frozen=True)
class Known:
    """A runner whose answer is known: a function from (N, H, W) red to (N, H, W) class."""

    look: Callable[[npt.NDArray[np.integer]], npt.NDArray[np.integer]]
    name: str = "known"
    package: str = "numpy"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return one_hot(self.look(tiles[..., 0].astype(int)))

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Nothing is held."""


by_red = Known(lambda red: red % 5)
"""Looks at one pixel alone."""


def random_pixels(shape: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(("tile", "halo"), [(128, 32), (64, 0), (96, 32)])
def test_a_pixelwise_runner_gives_the_pixelwise_answer(
    shape: tuple[int, int], tile: int, halo: int
) -> None:
    pixels = random_pixels(shape)
    labels = label_pixels(pixels, by_red, TileConfig(tile, halo, 5))
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, pixels[:, :, 0] % 5 + 1)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotate_the_picture_rotate_the_map(turns: int) -> None:
    pixels = random_pixels((70, 201))
    turned = label_pixels(
        np.ascontiguousarray(np.rot90(pixels, turns)), by_red, TileConfig(128, 32, 5)
    )
    assert np.array_equal(
        turned, np.rot90(label_pixels(pixels, by_red, TileConfig(128, 32, 5)), turns)
    )


def test_mirror_the_picture_mirror_the_map_at_the_edges_too() -> None:
    """A runner that looks one pixel left and right: what lies beyond the edge must be the mirrored
    field on both sides."""

    smooth = Known(lambda red: (np.roll(red, 1, axis=2) + red + np.roll(red, -1, axis=2)) % 5)

    pixels = random_pixels((40, 150))
    mirrored = label_pixels(np.ascontiguousarray(pixels[:, ::-1]), smooth, TileConfig(128, 32, 5))
    assert np.array_equal(mirrored[:, ::-1], label_pixels(pixels, smooth, TileConfig(128, 32, 5)))
    red = np.pad(pixels[:, :, 0].astype(int), ((0, 0), (1, 1)), mode="symmetric")
    assert np.array_equal(mirrored[:, ::-1], (red[:, :-2] + red[:, 1:-1] + red[:, 2:]) % 5 + 1)


@pytest.mark.parametrize("shape", SIZES)
def test_constant_in_constant_out_though_the_network_is_wrong_at_its_borders(
    shape: tuple[int, int],
) -> None:
    """Networks pad with zeros; what they say within the halo of a tile's border must never reach
    the map."""

    def wrong_at_borders(red: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        inside = np.full(red.shape, 4)
        inside[:, 32:-32, 32:-32] = red[:, 32:-32, 32:-32] % 5
        return inside

    pixels = np.full((*shape, 3), 12, np.uint8)
    assert np.unique(
        label_pixels(pixels, Known(wrong_at_borders), TileConfig(128, 32, 5))
    ).tolist() == [3]


@pytest.mark.parametrize("grey", [0, 128, 240])
def test_constant_in_constant_out_with_a_network(lively_bundle: Bundle, grey: int) -> None:
    model = load_model(lively_bundle.path)
    pixels = np.full((150, 200, 3), grey, np.uint8)
    assert len(np.unique(label_pixels(pixels, model.runner, TileConfig(192, 64, 5)))) == 1


@pytest.mark.parametrize("index", range(3))
def test_tiled_equals_untiled_on_a_real_crop(lively_bundle: Bundle, index: int) -> None:
    model, pixels = load_model(lively_bundle.path, precision="fp32"), crop(index)
    untiled = label_pixels(pixels, model.runner, TileConfig(384, 64, 5))
    tiled = label_pixels(pixels, model.runner, TileConfig(224, 64, 5))
    assert len(np.unique(untiled)) >= 3  # one class everywhere would prove nothing
    assert (tiled == untiled).mean() >= 0.999


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(("tile", "halo"), [(128, 32), (64, 0)])
def test_every_pixel_is_written_exactly_once(shape: tuple[int, int], tile: int, halo: int) -> None:
    written, steps = np.zeros(shape, int), []
    for cut in tile_grid((shape[1], shape[0]), tile, halo):
        box = cut.inner
        assert (box.x + box.width, box.y + box.height) <= (shape[1], box.y + box.height)
        assert box.y + box.height <= shape[0]
        written[box.y : box.y + box.height, box.x : box.x + box.width] += 1
    label_pixels(random_pixels(shape), by_red, TileConfig(tile, halo, 5), on_progress=steps.append)
    assert (written == 1).all()
    assert sum(steps) == shape[0] * shape[1]


@dataclass(frozen=True)
class Watched(Known):
    """Keeps the shapes it was shown."""

    seen: list[tuple[int, ...]] = field(default_factory=list)

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        self.seen.append(tiles.shape)
        assert tiles.dtype == np.uint8
        assert tiles.flags.c_contiguous
        return super().probabilities(tiles)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("flips", [False, True])
def test_the_runner_never_sees_more_than_a_tile(shape: tuple[int, int], flips: bool) -> None:
    runner = Watched(lambda red: red % 5)
    label_pixels(random_pixels(shape), runner, TileConfig(128, 32, 5, flips=flips))
    assert len(runner.seen) == (4 if flips else 1) * sum(1 for _ in tile_grid(shape[::-1], 128, 32))
    for count, height, width, channels in runner.seen:
        assert (count, channels) == (1, 3)
        assert height % 32 == width % 32 == 0
        assert 0 < height <= 128
        assert 0 < width <= 128


@pytest.mark.parametrize("shape", SIZES)
def test_flips_of_a_pixelwise_runner_change_nothing(shape: tuple[int, int]) -> None:
    """A tile that is not turned back before the mean is taken shows at once."""
    pixels = random_pixels(shape)
    assert np.array_equal(
        label_pixels(pixels, by_red, TileConfig(128, 32, 5, flips=True)), pixels[:, :, 0] % 5 + 1
    )


@pytest.mark.parametrize(("index", "axis"), [(0, 0), (1, 1), (2, 0)])
def test_with_flips_a_mirrored_picture_has_the_mirrored_map(
    lively_bundle: Bundle, index: int, axis: int
) -> None:
    """In one tile, to the last pixel; without flips the two maps differ."""
    pixels, runner = crop(index), load_model(lively_bundle.path, precision="fp32", threads=1).runner

    def mapped(picture: npt.NDArray[np.uint8], flips: bool) -> npt.NDArray[np.uint8]:
        return label_pixels(
            np.ascontiguousarray(picture), runner, TileConfig(384, 64, 5, flips=flips)
        )

    for flips in (True, False):
        same = np.array_equal(
            np.flip(mapped(np.flip(pixels, axis), flips), axis), mapped(pixels, flips)
        )
        assert same is flips
    assert len(np.unique(mapped(pixels, True))) >= 3


def test_nothing_the_size_of_the_picture_is_held_beside_the_labels() -> None:
    """An image of 48 MB that lies nowhere in memory: the labels are 16 MB, a tile's probabilities
    0.5 MB."""
    pixels = np.broadcast_to(np.array([2, 0, 0], np.uint8), (4000, 4000, 3))
    tracemalloc.start()
    try:
        labels = label_pixels(pixels, by_red, TileConfig(160, 32, 5))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (labels == 3).all()
    assert 16e6 <= peak < 16e6 + 4e6


@pytest.mark.parametrize(("tile", "halo"), [(100, 32), (128, 20), (128, 64), (128, -32), (0, 0)])
def test_tiles_that_cannot_be_run_are_refused(tile: int, halo: int) -> None:
    with pytest.raises(
        InputError,
        match=rf"{tile} px with a halo of {halo} px: both .* multiples of 32",
    ):
        label_pixels(random_pixels((10, 10)), by_red, TileConfig(tile, halo, 5))


@pytest.mark.parametrize("mpp", [0.1, 0.25, 0.3, 0.5, 0.7, 2.0])
@pytest.mark.parametrize("shape", [(1, 1), (33, 97), (150, 61)])
def test_labels_come_back_in_the_pictures_size(
    tiny_bundle: Bundle, mpp: float, shape: tuple[int, int]
) -> None:
    labels = Model(tiny_bundle, by_red).label(np.full((*shape, 3), 12, np.uint8), mpp=mpp)
    assert labels.shape == shape
    assert (labels == 3).all()


@pytest.mark.parametrize("mpp", [0.25, 0.3, 1.0])
def test_labels_lie_where_the_tissue_lies_when_mpp_differs(tiny_bundle: Bundle, mpp: float) -> None:
    """Left red, right black, at an odd place: resampling there and back must not shift the border
    by more than a model pixel."""
    pixels = np.zeros((60, 200, 3), np.uint8)
    pixels[:, 101:, 0] = 240
    labels = Model(tiny_bundle, Known(lambda red: (red > 120).astype(int))).label(pixels, mpp=mpp)
    borders = (labels == 1).sum(axis=1)
    assert np.abs(borders - 101).max() <= np.ceil(0.5 / mpp) / 2
    assert (np.diff(labels.astype(int), axis=1) >= 0).all()


def test_the_runner_is_shown_the_models_mpp(tiny_bundle: Bundle) -> None:
    areas: list[int] = []
    Model(tiny_bundle, by_red).label(random_pixels((120, 200)), mpp=0.25, on_progress=areas.append)
    assert sum(areas) == 60 * 100


def test_at_the_models_own_mpp_nothing_is_resampled(tiny_bundle: Bundle) -> None:
    pixels = random_pixels((77, 140))
    assert np.array_equal(
        Model(tiny_bundle, by_red).label(pixels, mpp=0.5), pixels[:, :, 0] % 5 + 1
    )


def test_a_card_with_impossible_tiles_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    write_json(
        tmp_path / "card.json",
        replace(tiny_bundle.card, tile_px=64, halo_px=32, files={}).to_dict(),
    )
    with pytest.raises(ModelError, match="tile of 64 px with a halo of 32 px"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "openvino fp32"),
        ({"flips": True}, "openvino fp32, flips"),
        ({"backend": "onnx"}, "onnx fp32"),
    ],
)
def test_a_model_says_what_computes(
    tiny_bundle: Bundle, options: dict[str, Any], name: str
) -> None:
    assert load_model(tiny_bundle.path, precision="fp32", threads=1, **options).backend == name
