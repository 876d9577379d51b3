"""Films and masks that others collected, from a small painted copy."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.mammography.layouts import curated, find_layout
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, save_picture

pytest.importorskip("pydicom")

NUMBER, NAME = "20586908", "20586908_6c613a14b80a8591_MG_R_ML_ANON"


def test_curated_with_masks(tmp_path: Path) -> None:
    film = (paint_film() >> 4).astype(np.uint8)
    mask = np.zeros_like(film)
    mask[10:20, 10:30] = 255
    images, masks = tmp_path / "X" / "BCDR-SELECTED-IMGS", tmp_path / "X" / "BCDR-SELECTED-MASKS"
    save_picture(images / "patient_105_study_143_img_105_143_1_RCC___PRE.png", film)
    save_picture(masks / "patient_105_study_143_img_105_143_1_RCC_MASK___PRE.png", mask)
    save_picture(masks / "patient_3_study_4_img_3_4_1_LO_MASK_2___PRE.png", mask)
    inbreast = tmp_path / "Y"
    save_picture(inbreast / "INBREAST-SELECTED-IMGS" / f"{NAME}___PRE.png", film)
    save_picture(inbreast / "INBREAST-SELECTED-MSKS" / f"{NUMBER}___PRE.png", mask[:, :-1])
    layout = find_layout(tmp_path)
    assert layout.name == "curated with masks"
    second, first = layout.entries
    assert (first.patient, first.laterality, first.view) == ("patient_105", "R", "CC")
    assert read_entry(first).masks[0].sum() == 200
    assert (second.patient, second.laterality, second.view) == ("6c613a14b80a8591", "R", "MLO")
    known = read_entry(second)
    assert known.findings[0].shape is None
    assert any("255 x 320, the film 256 x 320" in note for note in known.notes)
    assert [one.cause for one in layout.left_out] == [
        "patient_3_study_4_img_3_4_1_LO: a mask of BCDR without a film"
    ]


@pytest.mark.parametrize(
    ("name", "patient", "side", "view"),
    [
        ("Mass-Test_P_00016_LEFT_CC", "P_00016", "L", "CC"),
        ("patient_105_study_143_img_105_143_1_LO", "patient_105", "L", "MLO"),
        ("Calc-Training_P_00005_RIGHT_MLO_FULL", "P_00005", "R", "MLO"),
        ("mdb001", "mdb001", "", ""),
    ],
)
def test_what_a_name_says(tmp_path: Path, name: str, patient: str, side: str, view: str) -> None:
    """Side, view and patient are read from the name, and nothing is read where it says nothing."""
    values = np.zeros((8, 8), np.uint8)
    save_picture(tmp_path / "SET-SELECTED-IMGS" / f"{name}___PRE.png", values)
    assert curated.find(tmp_path) is None
    (tmp_path / "SET-SELECTED-MASKS").mkdir()
    layout = curated.find(tmp_path)
    assert layout is not None
    (entry,) = layout.entries
    assert (entry.patient, entry.laterality, entry.view) == (patient, side, view)
    assert entry.findings == ()
    assert "no mask" in entry.notes[0]
