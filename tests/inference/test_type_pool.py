"""Sums over cells add up over tiles: a field in tiles has the features of the field as a whole."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.types import Types
from breastseg.errors import ModelError
from breastseg.geometry import Box
from breastseg.inference.tiles import PixelField, TileConfig
from breastseg.inference.types import _EMPTY, heard, pool, type_row
from breastseg.networks.type_cells import EMPTY


def by_colour(shown: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Cells without a network: red and green as features, blue as tumour, all is tissue."""
    height, width = shown.shape[1:3]
    cells = shown[0].reshape(height // 32, 32, width // 32, 32, 3).mean(axis=(1, 3)) / 255
    red, green, blue = cells.transpose(2, 0, 1)
    return np.stack([red, green, blue, np.ones_like(red)]).astype(np.float32)


def field(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(256, 320), (250, 330), (40, 700)])
def test_tiles_change_nothing(size: tuple[int, int]) -> None:
    shown = PixelField(field(*size))
    whole = pool(shown, by_colour, TileConfig(1024, 0, 5))
    tiled = pool(shown, by_colour, TileConfig(128, 32, 5))
    assert tiled.tissue == whole.tissue
    assert tiled.features == pytest.approx(whole.features, rel=1e-6)


def test_means_are_over_tumour_and_over_tissue() -> None:
    shown = np.zeros((64, 64, 3), np.uint8)
    shown[:32, :32] = (255, 0, 255)  # one cell of four is tumour, and red
    found = pool(PixelField(shown), by_colour, TileConfig(64, 0, 5))
    assert (found.tumour, found.tissue) == (1.0, 4.0)
    assert found.features == pytest.approx([1, 0, 0.25, 0], abs=1e-3)


def test_what_is_not_analysed_does_not_count() -> None:
    shown = np.zeros((64, 64, 3), np.uint8)
    shown[:, :32] = (255, 0, 0)

    def left(box: Box) -> npt.NDArray[np.bool_]:
        columns = np.arange(box.x, box.x + box.width) < 32
        return np.broadcast_to(columns, (box.height, box.width))

    found = pool(PixelField(shown), by_colour, TileConfig(64, 0, 5), analysed=left)
    assert found.tissue == 2.0
    assert found.features[2] == pytest.approx(1, abs=1e-3)


def test_a_network_that_gives_nan_gives_no_type() -> None:
    with pytest.raises(ModelError, match="NaN"):
        pool(
            PixelField(field(64, 64)), lambda shown: by_colour(shown) * np.nan, TileConfig(64, 0, 5)
        )


def test_a_mean_over_nothing_is_the_same_in_training_and_here() -> None:
    assert EMPTY == _EMPTY


def test_a_model_without_a_head_keeps_silent_and_says_so_when_asked(tiny_bundle: Bundle) -> None:
    assert heard(tiny_bundle, always=False) is None
    with pytest.raises(ModelError, match="'tiny' tells no types"):
        heard(tiny_bundle, always=True)


def test_columns_are_probabilities() -> None:
    types = Types(("a", "b"), np.array([[1.0, 0.0]] * 4), np.zeros(2))
    found = pool(PixelField(field(64, 64)), by_colour, TileConfig(64, 0, 5))
    row = type_row(types, found)
    assert list(row) == ["type_a", "type_b"]
    assert sum(row.values()) == pytest.approx(1)
    assert replace(types, speaks=True).speaks
