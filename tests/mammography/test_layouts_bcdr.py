"""BCDR from a small painted copy of its tables and films; contradictions are named."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Polygon
from breastseg.mammography.layouts import bcdr, find_layout
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, save_picture

pytest.importorskip("pydicom")

FILM = (paint_film() >> 4).astype(np.uint8)  # 320 rows, 256 columns
IMAGES = "patient_id,study_id,series,image_filename,image_type_name,image_type_id,age,density\n"


IMAGE = " 1, 2, 1, patient_1/study_2/img_1_2_1_{0}.tif, {0}, 1, 50, {1}\n"


OUTLINES = (
    "patient_id,study_id,series,lesion_id,segmentation_id,image_view,image_filename,lw_x_points,"
    "lw_y_points,mammography_type,mammography_nodule,mammography_calcification,age,density,"
    "classification\n"
)


OUTLINE = (
    " 1, 2, 1, 1, 1, 3, patient_1/study_2/img_1_2_1_RO.tif, 50 90 90, {}, 1, 1, 1, 50, {}, {}\n"
)


def paint_bcdr(
    folder: Path, rows: str = "60 60 99", density: str = "NaN", said: str = "Malign"
) -> Path:
    for view in ("RO", "LCC"):
        save_picture(folder / "patient_1" / "study_2" / f"img_1_2_1_{view}.tif", FILM)
    table = IMAGES + IMAGE.format("RO", "NaN") + IMAGE.format("LCC", "4") + IMAGE.format("LO", 4)
    (folder / "bcdr_f01_img.csv").write_text(table)
    outlines = OUTLINES + OUTLINE.format(rows, density, said)
    (folder / "bcdr_f01_outlines.csv").write_text(outlines)
    return folder


def test_bcdr(tmp_path: Path) -> None:
    layout = find_layout(paint_bcdr(tmp_path))
    normal, found = layout.entries
    assert (layout.name, normal.name, normal.patient) == ("BCDR", "img_1_2_1_LCC", "bcdr-1")
    assert (normal.laterality, normal.view, normal.facts["density"]) == ("L", "CC", "4")
    assert normal.findings == ()
    assert (found.laterality, found.view, found.facts["density"]) == ("R", "MLO", "")
    assert [one.kind for one in found.findings] == ["mass", "calcification"]
    assert found.findings[0].pathology == "malignant"
    assert found.findings[0].shape == Polygon(((50.0, 60.0), (90.0, 60.0), (90.0, 99.0)))
    assert [one.cause for one in layout.left_out] == ["img_1_2_1_LO: in the table, no image"]
    assert read_entry(found).film.mm_per_px is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": "60 60"}, "row 2: 3 columns and 2 rows of an outline"),
        ({"density": "2"}, r"row 2: density of img_1_2_1_RO\.tif is '2', row 2 of bcdr_f01_img"),
        ({"said": "Perhaps"}, "row 2: classification 'Perhaps', wanted Benign or Malign"),
    ],
)
def test_bcdr_tables_that_contradict(
    tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        find_layout(paint_bcdr(tmp_path, **changes))


def test_bcdr_names_no_file_outside_its_folder(tmp_path: Path) -> None:
    folder = paint_bcdr(tmp_path)
    path = folder / "bcdr_f01_img.csv"
    path.write_text(IMAGES + " 1, 2, 1, ../../secret.tif, RO, 1, 50, 4\n")
    with pytest.raises(
        DatasetError, match=r"row 2: image_filename '\.\./\.\./secret\.tif', wanted"
    ):
        find_layout(folder)


def test_a_row_of_two_kinds_is_two_findings_of_one_outline(tmp_path: Path) -> None:
    layout = bcdr.find(paint_bcdr(tmp_path))
    assert layout is not None
    first, second = layout.entries[1].findings
    assert first.shape == second.shape
    assert first.told == second.told == "nodule, calcification"
    assert (first.kind, second.kind) == ("mass", "calcification")


def test_tables_without_films(tmp_path: Path) -> None:
    folder = paint_bcdr(tmp_path)
    for path in folder.rglob("*.tif"):
        path.unlink()
    with pytest.raises(SourceError, match="without films"):
        bcdr.find(folder)
    assert bcdr.find(folder / "patient_1") is None
