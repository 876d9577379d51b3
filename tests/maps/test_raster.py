"""A raster on disk is the array that was written, whatever the order."""

import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.geometry import Box
from breastseg.maps.raster import TILE_PX, Raster

SIZES = [(1, 1), (1, 300), (256, 256), (257, 255), (700, 513), (1024, 40)]


def values(size: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    """Large plain areas and some noise, (H, W)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 6, (size[1] // 150 + 1, size[0] // 150 + 1), dtype=np.uint8)
    array = np.kron(coarse, np.ones((150, 150), np.uint8))[: size[1], : size[0]].copy()
    array[: size[1] // 3] = rng.integers(0, 6, array[: size[1] // 3].shape, dtype=np.uint8)
    return array


def pieces(size: tuple[int, int], seed: int) -> list[Box]:
    """The field cut at odd places, in no order."""
    rng = np.random.default_rng(seed)
    columns, rows = (np.unique([0, *rng.integers(0, n + 1, 5), n]) for n in size)
    boxes = [
        Box(int(x), int(y), int(r - x), int(b - y))
        for y, b in pairwise(rows)
        for x, r in pairwise(columns)
    ]
    return [boxes[i] for i in rng.permutation(len(boxes))]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_read_in_any_order_and_any_box(
    scratch: Path, size: tuple[int, int], seed: int
) -> None:
    array = values(size, seed)
    with Raster(scratch, size) as raster:
        for box in pieces(size, seed):
            raster.write(box, array[box.y : box.y + box.height, box.x : box.x + box.width])
        for finished in (False, True):
            if finished:
                raster.finish()
            assert np.array_equal(raster.read(Box(0, 0, *size)), array)
            for box in pieces(size, seed + 9):
                assert np.array_equal(
                    raster.read(box), array[box.y : box.y + box.height, box.x : box.x + box.width]
                )


def test_outside_and_where_nothing_was_written_is_0(scratch: Path) -> None:
    with Raster(scratch, (600, 600)) as raster:
        raster.write(Box(100, 100, 50, 50), np.full((50, 50), 3, np.uint8))
        raster.finish()
        expected = np.zeros((900, 900), np.uint8)
        expected[200:250, 200:250] = 3
        assert np.array_equal(raster.read(Box(-100, -100, 900, 900)), expected)


@pytest.mark.parametrize("size", SIZES)
def test_compressed_tiles_are_the_raster_row_by_row(scratch: Path, size: tuple[int, int]) -> None:
    array = values(size)
    with Raster(scratch, size) as raster:
        raster.write(Box(0, 0, *size), array)
        raster.finish()
        columns, rows = raster.grid
        tiles = [
            np.frombuffer(zlib.decompress(tile), np.uint8).reshape(TILE_PX, TILE_PX)
            for tile in raster.compressed_tiles()
        ]
        whole = np.block([tiles[row * columns : (row + 1) * columns] for row in range(rows)])
    assert np.array_equal(whole[: size[1], : size[0]], array)
    assert not whole[size[1] :].any()
    assert not whole[:, size[0] :].any()


@pytest.mark.parametrize("size", SIZES)
def test_half_the_size_is_every_other_pixel(tmp_path: Path, size: tuple[int, int]) -> None:
    array = values(size)
    with Raster(tmp_path / "a", size) as raster:
        raster.write(Box(0, 0, *size), array)
        raster.finish()
        with raster.halved(tmp_path / "b") as half:
            assert half.size_px == (-(-size[0] // 2), -(-size[1] // 2))
            assert np.array_equal(half.read(Box(0, 0, *half.size_px)), array[::2, ::2])


@pytest.mark.parametrize("new", [(1, 1), (7, 5), (350, 257), (700, 513)])
def test_a_sample_is_the_value_under_each_new_pixels_centre(
    scratch: Path, new: tuple[int, int]
) -> None:
    size = (700, 513)
    array = values(size)
    with Raster(scratch, size) as raster:
        raster.write(Box(0, 0, *size), array)
        got = raster.sampled(new)
    columns, rows = (
        ((np.arange(n) + 0.5) * old / n).astype(int) for n, old in zip(new, size, strict=True)
    )
    assert np.array_equal(got, array[np.ix_(rows, columns)])


def test_plain_areas_take_no_room_and_memory_is_let_go(scratch: Path) -> None:
    """A slide of 40,000 px square in one class: 1.6 gigapixels, no byte."""
    with Raster(scratch, (40_000, 40_000)) as raster:
        row = np.full((TILE_PX, 40_000), 2, np.uint8)
        for top in range(0, 40_000, TILE_PX):
            height = min(TILE_PX, 40_000 - top)
            raster.write(Box(0, top, 40_000, height), row[:height])
        assert (
            raster.stored_bytes < 200_000
        )  # the 313 tiles of the right and lower edge, filled up with 0
        assert (raster.read(Box(20_000, 39_900, 300, 100)) == 2).all()
