"""DDSM, BCDR and RSNA from small painted copies of their folders; contradictions are named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Polygon, paint_shape
from breastseg.mammography.layouts import find_layout
from breastseg.mammography.layouts.ddsm import chain
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, write_mg

FILM = (paint_film() >> 4).astype(np.uint8)  # 320 rows, 256 columns
ICS = """ics_version 1.0
filename A-0001-1
PATIENT_AGE 77
DENSITY 3
LEFT_CC LINES 640 PIXELS_PER_LINE 512 BITS_PER_PIXEL 12 RESOLUTION 50 {}
LEFT_MLO LINES 640 PIXELS_PER_LINE 512 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
"""
# a square of 40 pixels: right, down, left, up
BOUNDARY = "100 200" + " 2" * 40 + " 4" * 40 + " 6" * 40 + " 0" * 40 + " #"
OVERLAY = f"""TOTAL_ABNORMALITIES 1
ABNORMALITY 1
LESION_TYPE MASS SHAPE LOBULATED MARGINS ILL_DEFINED
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
ASSESSMENT 4
SUBTLETY 3
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2
BOUNDARY
{BOUNDARY}
CORE
110 210 2 4 6 0 #
"""


def save(path: Path, values: np.ndarray = FILM) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def paint_ddsm(folder: Path, overlay: str = OVERLAY, said: str = "OVERLAY") -> Path:
    case = folder / "cancer_01" / "case0001"
    save(case / "A_0001_1.LEFT_CC.png")
    (case / "A-0001-1.ics").write_text(ICS.format(said))
    (case / "A_0001_1.LEFT_CC.OVERLAY").write_text(overlay)
    (case / "A_0001_1.LEFT_MLO.LJPEG").write_bytes(b"\xff\xd8")
    return folder


def test_ddsm(tmp_path: Path) -> None:
    layout = find_layout(paint_ddsm(tmp_path))
    (entry,) = layout.entries
    assert (layout.name, entry.name, entry.patient) == ("DDSM", "A_0001_1.LEFT_CC", "A_0001_1")
    assert (entry.laterality, entry.view, entry.facts["density"]) == ("L", "CC", "3")
    mass, calcification = entry.findings
    assert (mass.kind, mass.pathology, mass.birads) == ("mass", "malignant", "4")
    assert (calcification.kind, mass.told) == (
        "calcification",
        "mass shape lobulated margins ill defined",
    )
    (left,) = layout.left_out
    assert left.cause.startswith("A_0001_1.LEFT_MLO: LJPEG of DDSM is read by no package here")
    assert "Stanford's PVRG" in left.cause
    # the picture is half as large as the scan: 50 um become 100, and the square 20 pixels
    known = read_entry(entry)
    assert known.film.mm_per_px == pytest.approx(0.1)
    shape = known.findings[0].shape
    assert shape is not None
    rows, columns = np.nonzero(paint_shape(shape, (320, 256)))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (50, 70, 100, 120)


def test_steps_of_a_chain_code_go_round_clockwise_from_up() -> None:
    points = chain("10 20 0 1 2 3 4 5 6 7 #", "one")
    steps = np.diff(np.array(points), axis=0)
    assert points[0] == points[-1] == (10, 20)
    assert steps[0].tolist() == [0, -1]
    angles = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    assert np.allclose(np.diff(angles) % 360, 45)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("ABNORMALITIES 1", "ABNORMALITIES 2", "1 abnormalities, its head says 2"),
        ("TOTAL_OUTLINES 2", "TOTAL_OUTLINES 3", "abnormality 1: 2 outlines, TOTAL_OUTLINES says"),
        ("PATHOLOGY MALIGNANT", "PATHOLOGY PERHAPS", "pathology 'PERHAPS', wanted MALIGNANT"),
        ("100 200 2 2", "100 200 9 2", "chain code '100 200 9 2.*wanted column, row and steps"),
    ],
)
def test_ddsm_overlays_that_do_not_fit(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        find_layout(paint_ddsm(tmp_path, OVERLAY.replace(before, after, 1)))


def test_ddsm_files_that_contradict_or_are_ljpeg_alone(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"OVERLAY: the \.ics says NON_OVERLAY; correct the one"):
        find_layout(paint_ddsm(tmp_path / "a", said="NON_OVERLAY"))
    folder = paint_ddsm(tmp_path / "b")
    next(folder.rglob("*.OVERLAY")).unlink()
    (entry,) = find_layout(folder).entries
    assert entry.notes == ("the .ics says OVERLAY, the file is not there: findings are not known",)
    next(folder.rglob("*.png")).unlink()
    with pytest.raises(SourceError, match=r"no film of DDSM that can be read; A_0001_1\.LEFT_CC"):
        find_layout(folder)


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
        save(folder / "patient_1" / "study_2" / f"img_1_2_1_{view}.tif")
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
    assert [one.cause for one in layout.left_out] == ["img_1_2_1_LO: in the table, no picture"]
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


RSNA = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,"
    "density,machine_id,difficult_negative_case\n"
    "2,10006,462822612,L,CC,61,1,1,1,0.0,0,C,29,False\n"
    "2,10006,1459541791,L,MLO,61,1,1,1,0.0,0,C,29,False\n"
    "2,10006,1864590858,R,MLO,61,0,{},0,,0,C,29,False\n"
    "2,10006,77,R,CC,61,0,1,0,,1,C,29,False\n"
    "2,10006,88,R,CC,61,0,1,0,,0,C,29,False\n"
)


def paint_rsna(folder: Path, biopsy: str = "1") -> Path:
    blank = {"ImageLaterality": None, "ViewPosition": None}
    for name in ("462822612", "1864590858", "77"):
        write_mg(folder / "train_images" / "10006" / f"{name}.dcm", **blank)
    save(folder / "png" / "10006_1459541791.png")
    (folder / "train.csv").write_text(RSNA.format(biopsy))
    return folder


def test_rsna_knows_breasts_not_places(tmp_path: Path) -> None:
    layout = find_layout(paint_rsna(tmp_path))
    assert layout.name == "RSNA Screening Mammography"
    oblique, benign, cancer = layout.entries
    assert (cancer.name, cancer.patient, cancer.view) == ("462822612", "10006", "CC")
    assert (cancer.facts["density"], cancer.facts["birads"]) == ("c", "0")
    assert (oblique.view, oblique.path.name) == ("MLO", "10006_1459541791.png")
    assert [one.pathology for one in cancer.findings] == ["malignant"]
    assert cancer.findings[0].told == "of the breast, place not known, invasive cancer"
    assert [one.pathology for one in benign.findings] == ["benign"]
    film = read_entry(cancer).film
    assert (film.laterality, film.view) == ("L", "CC")
    assert [one.cause for one in layout.left_out] == [
        "77: an implant is in the picture, by the table, wanted a breast without",
        "88: in train.csv, no file",
    ]


def test_rsna_rows_of_a_breast_that_contradict(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="row 5: biopsy of breast R of patient 10006 is '1', row"
    ):
        find_layout(paint_rsna(tmp_path, biopsy="0"))
