"""Boxes, sizes and the tile grid: what is kept covers a field once, whatever its size."""

import re

import numpy as np
import pytest

from breastseg.errors import InputError, MppError
from breastseg.geometry import Box, check_mpp, scaled_size, tile_grid, tile_sides

SIZES = [
    (1, 1),
    (31, 33),
    (32, 32),
    (64, 65),
    (96, 128),
    (127, 1),
    (1, 300),
    (333, 257),
    (500, 200),
    (1921, 832),
    (5000, 1793),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("tile", "halo"), [(64, 0), (96, 32), (160, 32), (256, 64), (512, 64), (2048, 128)]
)
def test_tile_grid_laws(size: tuple[int, int], tile: int, halo: int) -> None:
    seen, shown, edge = np.zeros(size[::-1], int), set(), min(halo, 64)
    for step in tile_grid(size, tile, halo):
        inner, outer = step.inner, step.outer
        seen[inner.y : inner.y + inner.height, inner.x : inner.x + inner.width] += 1
        assert inner.x + inner.width <= size[0]
        assert inner.y + inner.height <= size[1]
        assert inner.x % 32 == inner.y % 32 == outer.width % 32 == outer.height % 32 == 0
        assert {outer.width, outer.height} <= set(tile_sides(tile))
        shown.add((outer.width, outer.height))
        for start, length, first, last, end in (
            (inner.x, inner.width, outer.x, outer.x + outer.width, -(-size[0] // 32) * 32 + edge),
            (inner.y, inner.height, outer.y, outer.y + outer.height, -(-size[1] // 32) * 32 + edge),
        ):
            assert first % 32 == 0
            if (
                last - first >= end + edge
            ):  # the whole field in one tile, and as much mirrored on both sides
                assert first <= -edge
                assert last >= end
                assert 0 <= (last - end) - (-edge - first) <= 32
                continue
            assert -edge <= first
            assert last <= end
            assert start - first >= halo or first == -edge
            assert last - start - length >= halo or last == end
    assert (seen == 1).all()
    assert len(shown) == 1, "a network compiled for many sizes holds memory for each"


def test_tile_grid_shares_a_field_evenly() -> None:
    """Cut greedily, 400 px in steps of 384 would leave a second tile of 16 px; shared, it is 224
    and 176."""
    assert [(t.inner.x, t.inner.width) for t in tile_grid((400, 32), 512, 64)] == [
        (0, 224),
        (224, 176),
    ]


def test_tiles_show_little_more_than_they_must() -> None:
    """A field of 2035 x 1451 px (a BCSS region) is shown in 2 tiles of 1280 x 1664; in whole tiles
    of 2048 it would be twice as much."""
    assert {(t.outer.width, t.outer.height) for t in tile_grid((2035, 1451), 2048, 128)} == {
        (1280, 1664)
    }
    for length in range(2000, 60_000, 333):
        tiles = list(tile_grid((length, 1), 2048, 128))
        assert sum(t.outer.width for t in tiles) <= 1.45 * (length + 128)


def test_a_tile_overlaps_no_more_than_its_neighbours() -> None:
    """Blending adds up what a tile shares with the next one alone."""
    for length in range(1, 4000, 31):
        widths = [t.inner.width for t in tile_grid((length, 1), 2048, 128)]
        assert all(width >= 128 for width in widths[:-1])


def test_tile_grid_goes_row_by_row() -> None:
    assert [(t.inner.x, t.inner.y) for t in tile_grid((128, 128), 64, 0)] == [
        (0, 0),
        (64, 0),
        (0, 64),
        (64, 64),
    ]


@pytest.mark.parametrize(
    ("tile", "halo"), [(100, 0), (64, 10), (64, 32), (64, 64), (0, 0), (96, -32)]
)
def test_tile_grid_refuses_what_leaves_nothing(tile: int, halo: int) -> None:
    with pytest.raises(
        InputError,
        match=f"tile of {tile} px with a halo of {halo} px: .*32",
    ):
        list(tile_grid((64, 64), tile, halo))


@pytest.mark.parametrize(
    ("size", "mpp", "new_mpp", "wanted"),
    [
        ((96, 48), 0.25, 0.5, (48, 24)),
        ((100, 200), 0.30, 0.5, (60, 120)),
        ((96, 97), 0.30, 0.5, (58, 58)),  # 57.6 and 58.2
        ((10, 10), 0.5, 0.25, (20, 20)),
        ((3, 500), 0.1, 10.0, (1, 5)),  # 0.03 of a pixel is still one
        ((7, 9), 0.3, 0.3, (7, 9)),
    ],
)
def test_scaled_size(
    size: tuple[int, int], mpp: float, new_mpp: float, wanted: tuple[int, int]
) -> None:
    assert scaled_size(size, mpp, new_mpp) == wanted


@pytest.mark.parametrize("mpp", [0.05, 0.25, 20.0])
def test_plausible_mpp_passes(mpp: float) -> None:
    assert check_mpp(mpp, "x") == mpp


@pytest.mark.parametrize(
    ("mpp", "shown"),
    [
        (0.0, "0"),
        (-0.25, "-0.25"),
        (0.049, "0.049"),
        (20.1, "20.1"),
        (250.0, "250"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_implausible_mpp_is_refused(mpp: float, shown: str) -> None:
    with pytest.raises(
        MppError,
        match=re.escape(f"slide.png: {shown} um/px, wanted 0.05 to 20; give the right value"),
    ):
        check_mpp(mpp, "slide.png")


def test_box_area() -> None:
    assert Box(3, 4, 5, 6).area == 30
