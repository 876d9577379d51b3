"""CBIS-DDSM from a small painted copy of its folders: masks, crops, rows that contradict."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import DatasetError, ImageError
from breastseg.mammography.findings import MaskShape
from breastseg.mammography.layouts import cbis_ddsm, find_layout
from breastseg.mammography.reading import read_entry
from mammograms import CBIS_ROW, paint_cbis, paint_film, write_mg

pytest.importorskip("pydicom")


def test_cbis_ddsm_takes_the_larger_picture_for_the_mask(tmp_path: Path) -> None:
    rows = CBIS_ROW.format(1, "MALIGNANT") + CBIS_ROW.format(2, "BENIGN_WITHOUT_CALLBACK")
    layout = find_layout(paint_cbis(tmp_path / "cbis", rows))
    (entry,) = layout.entries
    assert (layout.name, entry.name) == ("CBIS-DDSM", "Mass-Training_P_00001_LEFT_CC")
    assert (entry.patient, entry.facts["split"], entry.facts["density"]) == (
        "P_00001",
        "train",
        "3",
    )
    first, second = entry.findings
    assert (first.kind, first.pathology, first.birads) == ("mass", "malignant", "4")
    assert second.pathology == "benign"
    assert "benign without callback" in second.told
    assert second.shape is None
    known = read_entry(entry)
    assert known.film.view == "CC"
    mask = known.masks[0]
    assert mask.shape == (320, 256)
    assert mask[80:160, 64:128].all()
    assert mask.sum() == 80 * 64
    assert any("areas are in pixels" in note for note in known.notes)


@pytest.mark.parametrize(("size", "fits"), [((640, 512), True), ((320, 320), False)])
def test_cbis_ddsm_masks_of_another_size(tmp_path: Path, size: tuple[int, int], fits: bool) -> None:
    layout = find_layout(paint_cbis(tmp_path / "cbis", CBIS_ROW.format(1, "BENIGN"), size))
    (entry,) = layout.entries
    shape = entry.findings[0].shape
    assert isinstance(shape, MaskShape)
    known = read_entry(entry)
    if fits:
        assert known.masks[0].sum() == 80 * 64
        return
    with pytest.raises(ImageError, match="its mask is 320 x 320, the film 256 x 320: another sh"):
        shape.read((320, 256))
    assert known.findings[0].shape is None
    assert any("another shape" in note for note in known.notes)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            CBIS_ROW.format(1, "BENIGN") + CBIS_ROW.format(1, "MALIGNANT"),
            "row 3: abnormality 1 of .*LEFT_CC is in row 2 too",
        ),
        (CBIS_ROW.format(1, "PERHAPS"), "row 2: pathology 'PERHAPS', wanted BENIGN"),
        (
            CBIS_ROW.format(1, "BENIGN") + CBIS_ROW.format(2, "BENIGN").replace("1,3,", "1,4,", 1),
            "row 3: density 4 of .*, row 2 says 3",
        ),
    ],
)
def test_cbis_ddsm_rows_that_contradict(tmp_path: Path, rows: str, sentence: str) -> None:
    folder = paint_cbis(tmp_path / "cbis", rows)
    with pytest.raises(DatasetError, match=sentence):
        find_layout(folder)


def test_a_header_goes_before_the_table(tmp_path: Path) -> None:
    layout = find_layout(paint_cbis(tmp_path / "cbis", CBIS_ROW.format(1, "BENIGN"), side="R"))
    known = read_entry(layout.entries[0])
    assert known.film.laterality == "R"
    assert "side: ImageLaterality (but CBIS-DDSM table says L)" in known.notes


def test_a_mask_is_the_largest_file_and_scaled_to_its_film(tmp_path: Path) -> None:
    crop = write_mg(tmp_path / "1.dcm", paint_film(100, 80))
    half = np.zeros((160, 128), np.uint16)
    half[40:80, 32:64] = 9
    mask = write_mg(tmp_path / "2.dcm", half)
    found = cbis_ddsm.read_mask([crop, mask], (320, 256), "one")
    wanted = np.zeros((320, 256), bool)
    wanted[80:160, 64:128] = True
    np.testing.assert_array_equal(found, wanted)


def test_a_crop_alone_is_no_mask(tmp_path: Path) -> None:
    crop = write_mg(tmp_path / "1.dcm", paint_film(100, 80))
    with pytest.raises(ImageError, match="one: only a crop"):
        cbis_ddsm.read_mask([crop], (320, 256), "one")
    with pytest.raises(ImageError, match="one: no file"):
        cbis_ddsm.read_mask([], (320, 256), "one")


def test_a_folder_without_its_tables_is_another(tmp_path: Path) -> None:
    write_mg(tmp_path / "Mass-Training_P_00001_LEFT_CC" / "1.dcm")
    assert cbis_ddsm.find(tmp_path) is None
