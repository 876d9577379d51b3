"""Boxes, sizes and the tile grid: what is kept covers a field once, whatever its size."""

import itertools
import re

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.errors import InputError, MppError
from breastseg.geometry import (
    Box,
    BoxUm,
    Tile,
    box_within,
    check_mpp,
    crossings,
    downward,
    middles_within,
    parse_box,
    parse_place,
    reach,
    scaled_size,
    tile_grid,
    tile_sides,
)

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


def test_the_slices_of_a_box_cut_it_out_of_an_array() -> None:
    numbers = np.arange(10 * 8).reshape(10, 8)
    part = numbers[Box(3, 4, 5, 6).slices]
    assert part.shape == (6, 5)
    assert part[0, 0] == numbers[4, 3]
    assert part[-1, -1] == numbers[9, 7]


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1,2,3,4", Box(1, 2, 3, 4)),
        (" 1, 2,3 ,4 ", Box(1, 2, 3, 4)),
        ("0.4,0.6,1.2,1", Box(0, 1, 2, 1)),  # from 0.4 to 1.6 across, from 0.6 to 1.6 down
        ("500,500,2000,1000um", BoxUm(500, 500, 2000, 1000)),
    ],
)
def test_a_box_is_read_in_pixels_or_microns(text: str, box: Box | BoxUm) -> None:
    assert parse_box(text) == box
    assert parse_box(box.text) == box


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,nan,4", "1,2,inf,4",
                                  "1,2,3,1e13", "1,2,3,4mm"])  # fmt: skip
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"box '{text}': wanted x,y,width,height")):
        parse_box(text)


def test_neighbouring_boxes_stay_neighbours() -> None:
    """Edges are rounded, not sizes: no pixel is left out or taken twice between two boxes."""
    for width in (0.375, 0.5, 1.25, 2.75):
        boxes = [parse_box(f"{place * width},0,{width},9") for place in range(40)]
        for left, right in itertools.pairwise(boxes):
            assert left.x + left.width == right.x


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "nan,1", "1,inf"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"place '{text}': wanted X,Y")):
        parse_place(text)


def test_a_place_is_read() -> None:
    assert parse_place("1200,840.5") == (1200, 840.5)


def test_a_box_in_microns_is_found_on_the_slide() -> None:
    box = box_within(BoxUm(10, 20, 30, 40), (200, 200), 0.5, "a.svs")
    assert box == Box(20, 40, 60, 80)


@pytest.mark.parametrize("box", [Box(-1, 0, 5, 5), Box(0, 0, 0, 5), Box(0, 0, 5, -1),
                                 Box(96, 0, 5, 5), Box(0, 46, 5, 5)])  # fmt: skip
def test_a_box_outside_of_the_slide_is_refused(box: Box) -> None:
    with pytest.raises(InputError, match=r"inside a\.svs, which has 100 x 50 px at 0\.5 um/px"):
        box_within(box, (100, 50), 0.5, "a.svs")


def test_the_whole_slide_is_a_box_of_it() -> None:
    assert box_within(Box(0, 0, 100, 50), (100, 50), 0.5, "x") == Box(0, 0, 100, 50)


@pytest.mark.parametrize("low", [-3.0, -0.5, 0.0, 0.5, 1.2, 2.5, 9.0])
@pytest.mark.parametrize("high", [-1.0, 0.5, 1.5, 2.6, 5.0, 20.0])
def test_middles_within_are_those_of_a_loop(low: float, high: float) -> None:
    length = 6
    inside = [pixel for pixel in range(length) if low <= pixel + 0.5 < high]
    start, end = middles_within(low, high, length)
    assert 0 <= start < end <= length
    if inside:
        assert list(range(start, end)) == inside
    else:
        assert end == start + 1, "at least one pixel: the nearest"
        distances = [abs(pixel + 0.5 - (low + high) / 2) for pixel in range(length)]
        assert distances[start] == min(distances)


def test_a_tile_reaches_into_its_neighbours_and_not_over_the_edge() -> None:
    tile = Tile(Box(0, 0, 320, 320), Box(0, 64, 96, 100))
    assert reach(tile, 32, (110, 400)) == Box(0, 32, 110, 164)
    assert reach(tile, 0, (110, 400)) == tile.inner


def columns_within(
    ring: list[tuple[float, float]], rows: int, columns: int
) -> npt.NDArray[np.int_]:
    """Return (rows, columns) how many edges lie left of each pixel's middle, or go through it."""
    counts = np.zeros((rows, columns), int)
    for (x, y), (to_x, to_y) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if y > to_y:
            x, y, to_x, to_y = to_x, to_y, x, y
        for row in range(rows):
            if y <= row + 0.5 < to_y:
                at = x + (row + 0.5 - y) * (to_x - x) / (to_y - y)
                for column in range(columns):
                    counts[row, column] += at <= column + 0.5
    return counts


@pytest.mark.parametrize("seed", range(8))
def test_crossings_are_those_of_a_slow_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ring = np.round(rng.uniform(-2, 14, (7, 2)), 1 if seed % 2 else 6)
    edges, _ = downward(ring, np.roll(ring, -1, axis=0))
    _, row, column = crossings(edges, (0, 12))
    assert ((row >= 0) & (row < 12)).all()
    counts = np.zeros((12, 12), int)
    for crossed, first in zip(row, column, strict=True):
        counts[crossed, max(0, first) :] += 1
    places = [(float(x), float(y)) for x, y in ring]
    assert (counts == columns_within(places, 12, 12)).all()


def test_of_two_areas_that_share_a_border_one_has_the_pixel() -> None:
    """The border goes through the middles of column 2: they are the right area's."""
    border = np.array([[2.5], [0.0], [2.5], [4.0]])
    edge, row, column = crossings(border, (0, 4))
    assert (edge.tolist(), row.tolist(), column.tolist()) == ([0] * 4, [0, 1, 2, 3], [2] * 4)


def test_edges_are_turned_to_go_down() -> None:
    places = np.array([[0.0, 0.0], [5.0, 9.0], [1.0, 2.0]])
    to = np.array([[5.0, 9.0], [0.0, 0.0], [7.0, 2.0]])
    edges, is_down = downward(places, to)
    assert is_down.tolist() == [True, False, False]
    assert edges.shape == (4, 3)
    assert (edges[1] <= edges[3]).all()
    assert edges[:, 0].tolist() == edges[:, 1].tolist() == [0, 0, 5, 9]
