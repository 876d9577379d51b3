"""Scanners' own formats through OpenSlide."""

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images import open_slide
from breastseg.images.open import find_reader
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide
from conftest import DATA, crop
from slide_files import (
    halved,
    levels_of,
    move_tile,
    write_scn,
    write_svs,
)

FIELD = crop(0)[:211, :253]


MADE = DATA / "slides"


def test_level_0_is_the_rectangle_that_was_scanned(tmp_path: Path) -> None:
    """Island at (400, 200) of a canvas of 2000 x 1600 px; QuPath counts pixels from the island's
    corner too."""
    slide = open_slide(write_scn(tmp_path / "a.scn", levels_of(FIELD), at=(400, 200)))
    assert isinstance(slide, VendorSlide)
    assert slide.size_px == (253, 211)
    assert (slide.mpp, slide.mpp_source.split(",")[0]) == (0.5, "objective power 20x")
    assert np.array_equal(slide.read(Box(10, 20, 30, 40), mpp=0.5), FIELD[20:60, 10:40])
    assert np.array_equal(slide.read(Box(16, 8, 64, 32), mpp=1.0), halved(FIELD)[4:20, 8:40])


def test_what_a_scanner_left_out_is_white(tmp_path: Path) -> None:
    path = move_tile(write_svs(tmp_path / "a.svs", [FIELD]), 0, 5, past_end=False)
    wanted = FIELD.copy()
    wanted[64:128, 64:128] = 255
    assert (
        find_reader(path) == "openslide"
    )  # where tiles are missing, OpenSlide knows Aperio's habits
    for reader in (VendorSlide, TiffSlide):
        with closing(reader(path)) as slide:
            assert np.array_equal(slide.read(mpp=0.25), wanted)


def test_a_folder_and_a_file_of_dicom(tmp_path: Path) -> None:
    folder = MADE / "cmu1_dicom"
    slide, other = open_slide(folder), open_slide(folder / "level-4-frames-0-1.dcm")
    assert slide.size_px == other.size_px == (277, 370)
    assert slide.mpp == pytest.approx(8 * 0.499)
    assert np.array_equal(slide.read(mpp=slide.mpp), other.read(mpp=slide.mpp))
    copied = tmp_path / "two series"
    shutil.copytree(folder, copied)
    data = (folder / "level-4-frames-0-1.dcm").read_bytes()
    at = data.index(b"\x20\x00\x0e\x00UI") + 10
    (copied / "other.dcm").write_bytes(data[:at] + data[at:].replace(b"7", b"8", 1))
    with pytest.raises(
        ImageError,
        match=(r"two series: .*2 DICOM series; name a file"),
    ):
        open_slide(copied)


def test_the_scanners_own_tiles_are_the_same_through_both_readers() -> None:
    with (
        closing(TiffSlide(MADE / "cmu1.svs")) as one,
        closing(VendorSlide(MADE / "cmu1.svs")) as other,
    ):
        assert one.size_px == other.size_px == (480, 480)
        assert one.mpp == other.mpp == 0.499
        assert np.array_equal(one.read(mpp=0.499), other.read(mpp=0.499))
        assert np.array_equal(
            one.read(Box(100, 30, 300, 201), mpp=0.499),
            other.read(Box(100, 30, 300, 201), mpp=0.499),
        )
