"""Which scanner made a slide: what its tags say, and nothing where they are silent."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from breastseg.images import open_slide
from breastseg.images.scanner import MOST_LETTERS, scanner_of
from dicom_files import write_dicom_pyramid
from slide_files import levels_of, write_svs, write_tiled

PIXELS = np.random.default_rng(1).integers(0, 255, (128, 192, 3), np.uint8)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, ""),
        ({"openslide.vendor": "generic-tiff"}, ""),
        ({"openslide.vendor": "dicom"}, ""),
        ({"openslide.vendor": "aperio"}, "aperio"),
        ({"openslide.vendor": "aperio", "aperio.ScanScope ID": " SS1302 "}, "aperio SS1302"),
        (
            {"openslide.vendor": "hamamatsu", "tiff.Make": "Hamamatsu", "tiff.Model": "C9600-12"},
            "hamamatsu C9600-12",
        ),
        (
            {"dicom.Manufacturer": "Leica", "dicom.ManufacturerModelName": "GT450"},
            "leica GT450",
        ),
        ({"tiff.Make": "a\nb" + "c" * 100}, ("a\\nb" + "c" * 100)[:MOST_LETTERS]),
    ],
)
def test_words_follow_from_tags(said: dict[str, str], wanted: str) -> None:
    assert scanner_of(said) == wanted


def test_readers_say_it(tmp_path: Path) -> None:
    levels = levels_of(PIXELS, 2)
    svs = write_svs(tmp_path / "a.svs", levels, "|AppMag = 40|MPP = 0.25|ScanScope ID = SS7")
    folder = write_dicom_pyramid(tmp_path / "dicom", levels)
    plain = write_tiled(tmp_path / "b.tif", levels, tile=(32, 32))
    for path, wanted in ((svs, "aperio SS7"), (folder, "painter One 1"), (plain, "")):
        with closing(open_slide(path, mpp=0.5)) as slide:
            assert slide.scanner == wanted
