"""Areas of one block as polygons: areas in pixels, shared vertices, holes, corners."""

import numpy as np
import pytest
import shapely

from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.maps.polygons.components import Components
from breastseg.maps.polygons.outlines import Polygons, outlines


def framed(values: Labels) -> Labels:
    """Return an image in a frame of 0, as if the raster ended there."""
    return np.pad(values, 1)


def polygons_of(values: Labels, tolerance_px: float = 0, at: tuple[int, int] = (0, 0)) -> Polygons:
    height, width = values.shape
    box = Box(*at, width, height)
    return outlines(framed(values), Components(values), box, tolerance_px)


def noise(height: int, width: int, seed: int) -> Labels:
    return np.random.default_rng(seed).integers(0, 3, (height, width)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_each_polygon_holds_the_middles_of_its_areas_pixels_and_no_others(seed: int) -> None:
    values = noise(12, 15, seed)
    found = Components(values)
    area = found.at(np.arange(values.size)).reshape(values.shape)
    rows, columns = np.indices(values.shape) + 0.5
    for number, polygon in enumerate(polygons_of(values)):
        assert shapely.is_valid(polygon)
        assert polygon.area == found.sizes[number]
        assert np.array_equal(shapely.contains_xy(polygon, columns, rows), area == number)


def test_an_outline_goes_clockwise_and_its_hole_the_other_way() -> None:
    values = np.ones((3, 3), np.uint8)
    values[1, 1] = 2
    ring, hole = polygons_of(values)
    # shapely calls it counter-clockwise with y up: with y down that is clockwise.
    assert ring.exterior.is_ccw
    assert not ring.interiors[0].is_ccw
    assert (ring.area, hole.area) == (8, 1)


def test_only_corners_are_vertices() -> None:
    [polygon] = polygons_of(np.ones((5, 7), np.uint8))
    places = {tuple(place) for place in shapely.get_coordinates(polygon).tolist()}
    assert places == {(0, 0), (7, 0), (7, 5), (0, 5)}


def test_a_block_lies_at_its_place_in_the_raster() -> None:
    [polygon] = polygons_of(np.ones((2, 3), np.uint8), at=(10, 20))
    assert polygon.bounds == (10, 20, 13, 22)


def test_areas_that_touch_at_a_corner_stay_apart() -> None:
    polygons = polygons_of(np.array([[1, 2], [2, 1]], np.uint8))
    assert [polygon.area for polygon in polygons] == [1, 1, 1, 1]


def test_an_area_that_touches_itself_at_a_corner_has_a_hole() -> None:
    values = np.ones((4, 4), np.uint8)
    values[1, 1] = values[2, 2] = 2
    around = polygons_of(values)[0]
    assert shapely.is_valid(around)
    assert (around.area, len(around.interiors)) == (14, 2)


def test_what_is_around_a_block_fixes_vertices_at_its_border() -> None:
    values = np.ones((4, 4), np.uint8)
    frame = np.full((6, 6), 1, np.uint8)
    frame[0, 3:] = 2  # two labels meet above the block, at its third column
    box = Box(0, 0, 4, 4)
    [polygon] = outlines(frame, Components(values), box, 0)
    assert [2.0, 0.0] in shapely.get_coordinates(polygon).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_simplified_polygons_cover_the_block_once(seed: int) -> None:
    values = np.kron(noise(6, 7, seed), np.ones((4, 4), np.uint8))
    polygons = polygons_of(values, tolerance_px=1)
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() == pytest.approx(values.size)
    assert shapely.coverage_is_valid(polygons)


def test_a_staircase_becomes_a_straight_line() -> None:
    values = np.tril(np.ones((12, 12), np.uint8)) + 1
    stairs = polygons_of(values)[0]
    line = polygons_of(values, tolerance_px=0.5)[0]
    assert stairs.area == 78  # 12 * 13 / 2 pixels
    assert line.area == pytest.approx(78, abs=0.5)
    assert shapely.get_num_coordinates(stairs) > 24
    assert shapely.get_num_coordinates(line) <= 8
