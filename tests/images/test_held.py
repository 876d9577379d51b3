"""TIFF that is held whole: flat images and masks."""

from pathlib import Path

import numpy as np
import pytest
from tifffile import imwrite

from breastseg.errors import ImageError
from breastseg.images.readers.flat_file import joined
from breastseg.images.readers.orientation import turned
from breastseg.images.readers.tiff.held import look_flat, read_tiff_codes
from slide_files import move_tile
from tiff_files import FIELD, GREY, write

CODES = (GREY // 40).astype(np.uint8)


def test_a_look_gives_size_and_pixels(tmp_path: Path) -> None:
    flat = look_flat(write(tmp_path / "a.tif", [FIELD], photometric="rgb"))
    assert (flat.size_px, flat.orientation, flat.notes) == ((256, 192), 1, ())
    assert flat.clues[0].mpp == (0.25, 0.25)
    assert not flat.is_cut()
    assert np.array_equal(joined(flat.bands(), flat.size_px), FIELD)


@pytest.mark.parametrize("turn", [3, 6])
def test_a_picture_with_a_tag_is_given_upright(tmp_path: Path, turn: int) -> None:
    tag = [(274, 3, 1, turn, True)]
    flat = look_flat(write(tmp_path / "a.tif", [FIELD], photometric="rgb", extratags=tag))
    assert flat.size_px == ((192, 256) if turn == 6 else (256, 192))
    assert np.array_equal(joined(flat.bands(), flat.size_px), turned(FIELD, turn))


def test_a_cut_is_seen_without_decoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", [FIELD], photometric="rgb", tile=(64, 64), compression="lzw")
    flat = look_flat(move_tile(path, 0, 5, past_end=True))
    assert flat.is_cut()
    with pytest.raises(ImageError, match=r"a\.tif: cut short or damaged at x 64, y 64"):
        list(flat.bands())


@pytest.mark.parametrize("options", [{}, {"tile": (64, 64)}, {"compression": "deflate"}])
def test_codes_are_the_samples(tmp_path: Path, options: dict[str, object]) -> None:
    path = write(tmp_path / "m.tif", [CODES], photometric="minisblack", **options)
    assert np.array_equal(read_tiff_codes(path), CODES)


def test_a_colour_for_each_page_is_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    imwrite(path, np.stack([CODES] * 3), photometric="minisblack", metadata={"axes": "CYX"})
    with pytest.raises(ImageError, match=r"m\.tif: mask has"):
        read_tiff_codes(path)


def test_a_mask_of_which_a_tile_is_missing_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.tif", [CODES], photometric="minisblack", tile=(64, 64))
    with pytest.raises(ImageError, match="tiles that are not there"):
        read_tiff_codes(move_tile(path, 0, 3, past_end=False))
