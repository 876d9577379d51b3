"""Small areas merged block by block: the same as in one block, whatever its side."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.maps.polygons.components import Spans
from breastseg.maps.polygons.islands import Cleaned, cleaned
from breastseg.maps.raster import Raster


def raster(values: Labels, folder: Path) -> Raster:
    height, width = values.shape
    made = Raster(folder / "raster", (width, height))
    made.write(Box(0, 0, width, height), values)
    made.finish()
    return made


def clean(values: Labels, min_px: float, side_px: int, folder: Path) -> tuple[Labels, int]:
    """Return the merged image, and how many pixels were changed."""
    height, width = values.shape
    with raster(values, folder) as made:
        result = cleaned(made, min_px, side_px)
        return result.read(Box(0, 0, width, height)), result.changed_px


@pytest.mark.parametrize("seed", range(3))
def test_blocks_leave_no_trace(seed: int, tmp_path: Path) -> None:
    values = np.random.default_rng(seed).integers(0, 4, (30, 26)).astype(np.uint8)
    whole, changed_px = clean(values, 12, 64, tmp_path)
    assert changed_px == np.count_nonzero(whole != values) > 0
    for side_px in (6, 11):
        parts, changed = clean(values, 12, side_px, tmp_path)
        assert np.array_equal(parts, whole)
        assert changed == changed_px


def test_an_island_across_a_border_is_measured_as_a_whole(tmp_path: Path) -> None:
    values = np.ones((6, 8), np.uint8)
    values[2:4, 2:6] = 2  # eight pixels, four in each block of 4 px
    kept, changed_px = clean(values, 8, 4, tmp_path)
    assert (changed_px, np.count_nonzero(kept == 2)) == (0, 8)
    gone, changed_px = clean(values, 9, 4, tmp_path)
    assert (changed_px, np.count_nonzero(gone == 2)) == (8, 0)


def test_what_is_not_analysed_at_the_edge_of_the_raster_stays(tmp_path: Path) -> None:
    values = np.ones((6, 6), np.uint8)
    values[0, 0] = values[3, 3] = 0
    result, _ = clean(values, 5, 4, tmp_path)
    assert result[0, 0] == 0
    assert result[3, 3] == 1


def test_nothing_is_merged_where_one_pixel_is_enough(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4, (9, 9)).astype(np.uint8)
    result, changed_px = clean(values, 1, 4, tmp_path)
    assert np.array_equal(result, values)
    assert changed_px == 0


def test_changes_are_seen_in_every_box_that_they_reach(tmp_path: Path) -> None:
    with raster(np.ones((8, 8), np.uint8), tmp_path) as made:
        result = Cleaned(made, 4)
        spans = Spans(np.array([1]), np.array([0]), np.array([3]))
        result.change(Box(4, 4, 4, 4), spans, np.array([7], np.uint8))
        assert result.changed_px == 3
        wanted = np.ones((8, 8), np.uint8)
        wanted[5, 4:7] = 7
        for box in (Box(0, 0, 8, 8), Box(5, 5, 3, 1), Box(0, 0, 4, 4), Box(3, 4, 3, 3)):
            shown = wanted[box.y : box.y + box.height, box.x : box.x + box.width]
            assert np.array_equal(result.read(box), shown)
