"""The mask of one class for other pipelines, read again by the libraries that these use."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from breastseg.labels import Labels
from breastseg.maps.files.label_tiles import LabelTiles
from breastseg.maps.files.masks import patches_of, write_contours, write_mask, write_patches
from breastseg.sources.drawn import Area, Drawn

h5py = pytest.importorskip("h5py")

SQUARE = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], np.float64)
HOLE = np.array([[1, 1], [1, 2], [2, 2], [1, 1]], np.float64)


def tiles_of(values: Labels, folder: Path) -> LabelTiles:
    Image.fromarray(values).save(folder / "labels.png")
    return LabelTiles(folder / "labels.png", (values.shape[1], values.shape[0]))


def test_contours_are_those_of_the_class_with_rings_closed(tmp_path: Path) -> None:
    areas = (Area("Tumor", SQUARE, (HOLE,)), Area("Stroma", SQUARE), Area("Tumor", SQUARE + 10))
    path = tmp_path / "a.geojson"
    assert write_contours(Drawn(areas, ()), "Tumor", path) == 2
    first, second = json.loads(path.read_text())["features"]
    assert [one["properties"]["tissue_id"] for one in (first, second)] == [0, 1]
    outline, hole = first["geometry"]["coordinates"]
    assert outline == [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    assert hole == HOLE.tolist()  # it was closed already
    assert second["geometry"]["coordinates"][0][0] == [10, 10]
    assert write_contours(Drawn(areas, ()), "Necrosis", path) == 0


def test_a_mask_is_a_pyramid_of_0_and_1_that_says_its_um_per_px(tmp_path: Path) -> None:
    values = np.zeros((600, 1100), np.uint8)
    values[100:300, 200:700] = 2
    values[400:, :] = 1
    path = tmp_path / "masks" / "a.tif"
    assert write_mask(tiles_of(values, tmp_path), 2, path, mpp=0.5)
    with tifffile.TiffFile(path) as tiff:
        pages = [page.asarray() for page in tiff.pages]
        per_cm = [page.resolution[0] for page in tiff.pages]
    assert np.array_equal(pages[0], values == 2)
    assert [page.shape for page in pages] == [(600, 1100), (300, 550), (150, 275)]
    assert set(np.unique(pages[2])) == {0, 1}
    assert per_cm == pytest.approx([20_000, 10_000, 5_000])  # 1 cm is 10,000 um
    assert [left.name for left in path.parent.iterdir()] == ["a.tif"]


def test_a_class_that_is_nowhere_is_said(tmp_path: Path) -> None:
    tiles = tiles_of(np.ones((20, 30), np.uint8), tmp_path)
    assert not write_mask(tiles, 4, tmp_path / "a.tif", mpp=1.0)
    assert not tifffile.imread(tmp_path / "a.tif").any()


def test_patches_have_at_least_half_of_the_class(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = np.kron(rng.integers(1, 3, (10, 13)), np.ones((4, 4))).astype(np.uint8)
    # The slide has twice the pixels of the map a side; patches of 10 are 5 of the map.
    found = patches_of(tiles_of(values, tmp_path), 2, (104, 80), 10)
    wanted = [
        [10 * column, 10 * row]
        for row in range(8)
        for column in range(10)
        if (values[5 * row : 5 * row + 5, 5 * column : 5 * column + 5] == 2).mean() >= 0.5
    ]
    assert found.tolist() == wanted
    assert 0 < len(wanted) < 80


def test_patches_that_the_edge_cuts_are_left_out(tmp_path: Path) -> None:
    tiles = tiles_of(np.full((5, 9), 3, np.uint8), tmp_path)
    assert patches_of(tiles, 3, (9, 5), 4).tolist() == [[0, 0], [4, 0]]
    assert patches_of(tiles, 1, (9, 5), 4).shape == (0, 2)


def test_a_pixel_belongs_to_the_patch_that_holds_its_middle(tmp_path: Path) -> None:
    # Pixels of the map are 8 of the slide: the first covers patches 0 and 1, its middle is in 0.
    tiles = tiles_of(np.array([[2, 1, 1]], np.uint8), tmp_path)
    assert patches_of(tiles, 2, (24, 8), 6).tolist() == [[0, 0]]


def test_places_of_patches_are_read_as_clam_reads_them(tmp_path: Path) -> None:
    corners = np.array([[0, 0], [256, 512]], np.int64)
    path = tmp_path / "a.h5"
    write_patches(corners, path, patch_px=256, size_px=(1000, 2000), name="a")
    with h5py.File(path) as file:
        places = file["coords"]
        assert np.array_equal(places[:], corners)
        assert (places.attrs["patch_size"], places.attrs["patch_level"]) == (256, 0)
        assert places.attrs["level_dim"].tolist() == [1000, 2000]
        assert places.attrs["name"] == "a"
