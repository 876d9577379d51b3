"""One region prepared: places of classes, tiles, and when it has to be made again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data import prepare_region as making
from breastseg.data.config import PrepareConfig
from breastseg.data.prepare_region import (
    POINTS_PER_CLASS,
    class_points,
    is_made,
    prepare_region,
    row_path,
)
from breastseg.errors import DatasetError
from breastseg.geometry import Box
from breastseg.labels import BUILT_IN
from breastseg.sources import open_source
from conftest import paint, tcga


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_places_lie_in_their_class_and_small_classes_keep_all(
    seed: int, height: int, width: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (height, width), dtype=np.uint8)
    points = class_points(labels, "region")
    assert np.array_equal(labels[points[:, 1], points[:, 2]], points[:, 0])
    for label in (1, 2, 3):
        own = points[points[:, 0] == label]
        there = np.argwhere(labels == label)
        if len(there) <= POINTS_PER_CLASS:
            assert np.array_equal(own[:, 1:], there)


def test_large_classes_have_1024_places_that_depend_on_the_name_alone() -> None:
    labels = np.ones((64, 64), np.uint8)
    points = class_points(labels, "a")
    assert len(np.unique(points, axis=0)) == POINTS_PER_CLASS
    assert np.array_equal(points, class_points(labels.copy(), "a"))
    assert not np.array_equal(points, class_points(labels, "b"))
    assert class_points(np.zeros((5, 5), np.uint8), "a").shape == (0, 3)


def test_corners_of_tiles_leave_out_what_fills_none() -> None:
    assert list(making._tile_corners((10, 7), 3)) == [
        (0, 0), (0, 3), (3, 0), (3, 3), (6, 0), (6, 3),
    ]  # fmt: skip
    assert list(making._tile_corners((2, 9), 3)) == []


def test_a_box_in_words() -> None:
    assert making._words(Box(1, 2, 30, 40)) == "1,2,30,40"


def test_a_region_is_made_until_one_of_its_files_changes(tmp_path: Path) -> None:
    paint(tmp_path / "src", tcga("A2", "A001"), side=40)
    (region,) = open_source(tmp_path / "src").regions
    out = tmp_path / "data"
    (out / "arrays").mkdir(parents=True)
    assert not is_made(region, out)
    prepare_region(region, BUILT_IN["region5"], out, PrepareConfig(to_mpp=0.3))
    assert is_made(region, out)
    row = json.loads(row_path(out, region.id).read_text(encoding="utf-8"))
    assert (row["width_px"], row["height_px"], row["annotation"]) == (40, 40, "areas")
    assert sum(px for name, px in row.items() if name.startswith("px_")) == 40 * 40
    paint(tmp_path / "src", tcga("A2", "A001"), side=40, seed=1)
    assert not is_made(region, out)
    row_path(out, region.id).write_text("[]", encoding="utf-8")
    with pytest.raises(DatasetError, match="not a region's row"):
        is_made(region, out)
