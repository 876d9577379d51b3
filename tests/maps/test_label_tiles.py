"""Label images of results, tile by tile, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.labels import BUILT_IN, Labels
from breastseg.maps.files.label_tiff import write_label_tiff
from breastseg.maps.files.label_tiles import label_tiles
from breastseg.maps.raster import TILE_PX, Raster


def label_tiff(values: Labels, folder: Path) -> Path:
    height, width = values.shape
    with Raster(folder / "scratch", (width, height)) as raster:
        raster.write(Box(0, 0, width, height), values)
        raster.finish()
        write_label_tiff(raster, BUILT_IN["region5"], folder / "labels.ome.tif", mpp=0.5)
    return folder / "labels.ome.tif"


def test_tiles_that_have_a_label_are_given_and_cut_at_the_edge(tmp_path: Path) -> None:
    values = np.zeros((TILE_PX + 7, 2 * TILE_PX + 5), np.uint8)
    values[3, 4] = 1
    values[-1, -1] = 2
    label_tiff(values, tmp_path)
    tiles = label_tiles(tmp_path)
    assert tiles.size_px == (2 * TILE_PX + 5, TILE_PX + 7)
    shown = np.zeros_like(values)
    boxes = []
    for box, labels in tiles:
        boxes.append(box)
        assert labels.shape == (box.height, box.width)
        shown[box.y : box.y + box.height, box.x : box.x + box.width] = labels
    assert boxes == [Box(0, 0, TILE_PX, TILE_PX), Box(2 * TILE_PX, TILE_PX, 5, 7)]
    assert np.array_equal(shown, values)


def test_a_flat_picture_is_one_tile(tmp_path: Path) -> None:
    values = np.array([[0, 1, 2], [5, 0, 0]], np.uint8)
    Image.fromarray(values).save(tmp_path / "labels.png")
    tiles = label_tiles(tmp_path)
    [(box, labels)] = tiles
    assert (tiles.size_px, box) == ((3, 2), Box(0, 0, 3, 2))
    assert np.array_equal(labels, values)


def test_no_map_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no labels\.ome\.tif .*make the map again"):
        label_tiles(tmp_path)


@pytest.mark.parametrize("kept", [40, 1000])
def test_a_file_that_was_cut_is_damaged(kept: int, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 6, (300, 300)).astype(np.uint8)
    path = label_tiff(values, tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ImageError, match=r"labels\.ome\.tif: cut short or damaged"):
        list(label_tiles(tmp_path))


def test_the_damaged_tile_is_named(tmp_path: Path) -> None:
    path = label_tiff(np.ones((TILE_PX, 2 * TILE_PX), np.uint8), tmp_path)
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages.first.dataoffsets[1]
    data = bytearray(path.read_bytes())
    data[start : start + 4] = b"\xff" * 4
    path.write_bytes(data)
    tiles = iter(label_tiles(tmp_path))
    next(tiles)
    with pytest.raises(ImageError, match="damaged at tile 1 "):
        next(tiles)


@pytest.mark.parametrize(
    "form",
    [
        {"tile": (64, 64), "compression": "zlib"},
        {"tile": (TILE_PX, TILE_PX), "compression": "zlib", "predictor": True},
        {"tile": (TILE_PX, TILE_PX), "compression": None},
        {"compression": "zlib"},
    ],
)
def test_a_tiff_of_another_form_is_not_ours(form: dict[str, object], tmp_path: Path) -> None:
    values = np.ones((TILE_PX, TILE_PX), np.uint8)
    tifffile.imwrite(tmp_path / "labels.ome.tif", values, metadata=None, **form)
    with pytest.raises(ImageError, match="not labels as breastseg writes them"):
        label_tiles(tmp_path)
