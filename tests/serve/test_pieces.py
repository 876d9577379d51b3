"""Deep zoom: levels, tiles, and how they are sent."""

import io

import numpy as np
import pytest
from PIL import Image

from breastseg.serve.refusals import Absent
from breastseg.serve.tiles.pieces import (
    PIECE_PX,
    grey_png,
    grid_of,
    halved,
    jpeg,
    levels_of,
    piece_box,
    thumbnail_size,
)


@pytest.mark.parametrize(
    ("size", "levels"), [((1, 1), 1), ((256, 256), 1), ((257, 1), 2), ((513, 40), 3)]
)
def test_the_last_level_fits_in_a_tile(size: tuple[int, int], levels: int) -> None:
    assert levels_of(size) == levels
    assert max(halved(size, levels - 1)) <= PIECE_PX


def test_tiles_cover_every_level_once() -> None:
    size = (1300, 700)
    for level in range(levels_of(size)):
        width, height = halved(size, levels_of(size) - 1 - level)
        covered = np.zeros((height, width), np.uint8)
        columns, rows = grid_of((width, height))
        for column in range(columns):
            for row in range(rows):
                box = piece_box(size, level, column, row)
                covered[box.y : box.y + box.height, box.x : box.x + box.width] += 1
        assert (covered == 1).all()


@pytest.mark.parametrize("place", [(3, 0, 0), (-1, 0, 0), (2, 3, 0), (2, 0, 2), (2, -1, 0)])
def test_what_is_no_tile_is_refused(place: tuple[int, int, int]) -> None:
    piece_box((600, 300), 2, 2, 1)
    with pytest.raises(Absent, match="600 x 300 px has 3 levels"):
        piece_box((600, 300), *place)


def test_a_thumbnail_is_never_larger_than_the_picture() -> None:
    assert thumbnail_size((100, 50)) == (100, 50)
    assert thumbnail_size((3200, 1600)) == (320, 160)
    assert thumbnail_size((1, 100_000)) == (1, 320)


def test_labels_come_back_to_the_last_bit() -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 300), np.uint8)
    with Image.open(io.BytesIO(grey_png(values))) as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), values)


def test_pixels_come_back_nearly() -> None:
    pixels = np.full((16, 24, 3), (200, 120, 160), np.uint8)
    with Image.open(io.BytesIO(jpeg(pixels))) as picture:
        assert np.abs(np.asarray(picture).astype(int) - pixels).max() <= 4
