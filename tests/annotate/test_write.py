"""A proposal as files."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.annotate.proposals.mask import NOT_TUMOR, TUMOR
from breastseg.annotate.proposals.write import write_areas, write_mask, write_overlay
from breastseg.images import open_slide


def test_areas_are_in_level_0_pixels_and_a_mask_in_the_pictures_size(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (80, 60), (200, 120, 160)).save(path)
    labels = np.full((15, 20), NOT_TUMOR, np.uint8)  # a quarter of the size
    labels[5:10, 5:15] = TUMOR
    slide = open_slide(path, mpp=1.0)
    mask = write_mask(slide, labels, tmp_path, "mask")
    painted = np.asarray(Image.open(mask))
    assert painted.shape == (60, 80)
    assert (painted[20:40, 20:60] == TUMOR).all()
    assert (painted == TUMOR).sum() == 20 * 40
    areas = json.loads(write_areas(slide, labels, tmp_path, "areas").read_text("utf-8"))
    every = np.array(
        [
            point
            for feature in areas["features"]
            if feature["properties"]["classification"]["name"] == "Tumor"
            for point in feature["geometry"]["coordinates"][0]
        ]
    )
    assert every.min(axis=0).tolist() == [20, 20]
    assert every.max(axis=0).tolist() == [60, 40]
    assert not list(tmp_path.glob(".part-*"))


def test_an_overlay_is_2048_px_a_side_at_most(tmp_path: Path) -> None:
    pixels = np.full((30, 4096, 3), 200, np.uint8)
    write_overlay(pixels, np.ones((30, 4096), np.uint8), tmp_path / "o.jpg")
    with Image.open(tmp_path / "o.jpg") as image:
        width, height = image.size
    assert width == 2048
    assert height >= 15  # half of 30, and the legend
