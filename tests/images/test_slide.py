"""What a slide says of itself, whatever its file."""

from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.images import open_slide
from slide_files import levels_of, write_tiled

PIXELS = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)


def test_a_picture_of_one_level_is_flat_and_stays_the_same_when_it_is_held(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    slide = open_slide(tmp_path / "a.png", mpp=0.5)
    assert slide.is_flat
    slide.hold()
    (tmp_path / "a.png").unlink()  # what is held needs the file no more
    assert np.array_equal(slide.read(mpp=0.5), PIXELS)


def test_a_file_with_levels_is_not_flat_and_is_never_held(tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "a.tif", levels_of(PIXELS, 2), tile=(32, 32))
    slide = open_slide(path, mpp=0.5)
    assert not slide.is_flat
    slide.hold()
    assert np.array_equal(slide.read(mpp=0.5), PIXELS)
    slide.close()
