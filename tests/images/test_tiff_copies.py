"""Whether a smaller image is a copy of the larger one."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide
from breastseg.images.readers.tiff.copies import check_copies
from breastseg.images.readers.tiff.levels import Level
from breastseg.images.readers.tiff.pictures import Pictures
from conftest import crop
from slide_files import halved
from tiff_files import FIELD, write


@pytest.mark.parametrize("order", ["largest first", "smallest first"])
def test_another_field_of_half_the_size_is_not_a_level(tmp_path: Path, order: str) -> None:
    """At a coarser resolution, the tissue of the other field would have been mapped."""
    pages = [FIELD, np.ascontiguousarray(crop(1)[:96, :128])]
    path = write(
        tmp_path / "a.tif", pages, order=order, flagged=False, photometric="rgb", tile=(64, 64)
    )
    say = (
        r"a\.tif: several images, of 256 x 192 and 128 x 96 px: the smaller is no copy of the"
        r" larger, wanted one image; export"
    )
    with pytest.raises(ImageError, match=say):
        open_slide(path)


class Halves:
    """Levels that are held: level 1 shows every second pixel of level 0, or something else."""

    def __init__(self, *levels: Pixels) -> None:
        self.levels = levels

    def read(self, level: int, box: Box) -> Pixels:
        return self.levels[level][box.y : box.y + box.height, box.x : box.x + box.width]


def looked_at(first: Pixels, second: Pixels, *, is_said: bool) -> None:
    plans = [Level(pixels.shape[1::-1], (64, 64), ()) for pixels in (first, second)]
    found = Pictures(((), ()), (), (True, is_said))
    check_copies(Path("a.tif"), found, plans, Halves(first, second))  # type: ignore[arg-type]


def test_a_copy_that_left_out_pixels_passes_and_another_field_does_not() -> None:
    other = crop(2)[:96, :128]
    looked_at(FIELD, np.ascontiguousarray(FIELD[::2, ::2]), is_said=False)
    looked_at(FIELD, halved(FIELD), is_said=False)
    with pytest.raises(ImageError, match=r"of 256 x 192 and 128 x 96 px: the smaller is no copy"):
        looked_at(FIELD, other, is_said=False)


def test_what_the_file_says_of_a_level_is_believed() -> None:
    looked_at(FIELD, np.zeros((96, 128, 3), np.uint8), is_said=True)
