"""Data sets of mammograms from small painted copies of their folders; contradictions have rows."""

import os
import plistlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import DatasetError, ImageError, SourceError
from breastseg.mammography.findings import Circle, MaskShape, Polygon, Rectangle
from breastseg.mammography.layouts import find_layout
from breastseg.mammography.reading import read_entry
from mammograms import (
    CBIS_ROW,
    MIAS_INFO,
    paint_cbis,
    paint_film,
    paint_mini_mias,
    write_mg,
)

pytest.importorskip("pydicom")

MIAS = Path(os.environ.get("BREASTSEG_MIAS", "/nowhere"))


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def test_mini_mias(tmp_path: Path) -> None:
    layout = find_layout(paint_mini_mias(tmp_path / "mias"))
    assert layout.name == "mini-MIAS"
    assert [entry.name for entry in layout.entries] == ["mdb001", "mdb002", "mdb003", "mdb004"]
    assert [entry.patient for entry in layout.entries] == ["mias001"] * 2 + ["mias002"] * 2
    assert [entry.laterality for entry in layout.entries] == ["R", "L", "R", "L"]
    first, normal, spread, unsaid = layout.entries
    # y counts from the bottom: row 40 from the bottom is row 1023 - 40 from the top
    assert first.findings[0].shape == Circle(30, 983, 12)
    assert (first.findings[0].kind, first.findings[0].pathology) == ("mass", "benign")
    assert normal.findings == ()
    assert spread.findings[0].shape is None
    assert "note 3" in spread.findings[0].told
    assert unsaid.findings[0].shape is None
    assert first.mm_per_px == pytest.approx(0.2)
    assert "mirrored" in layout.notes[0]
    film = read_entry(first).film
    assert (film.view, film.laterality, film.mm_per_px) == ("MLO", "R", pytest.approx(0.2))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("mdb001 G CIRC B 30 40 12", r"line 8: 'mdb001 .* is in line 4 too; remove the row"),
        (
            "mdb001 G CIRC M 30 40 12",
            "line 8: mdb001 is CIRC M where line 4 says CIRC B, one circle",
        ),
        ("mdb002 F CIRC B 5 5 5", "mdb002 is NORM and has 1 more rows; remove"),
        ("mdb003 G CALC M 9 9 9", "line 8: mdb003 is D and G, wanted one tissue"),
        ("mdb004 F CIRC B 1 2 3 4", r"line 8: mdb004: '1 2 3 4', wanted x, y and radius"),
        ("mdb004 F CIRC X", "line 8: 'mdb004 F CIRC X', wanted film, tissue, class"),
        ("mdb004 F CIRC B 5000 2 3", "line 8: mdb004: circle 5000 2 3, wanted it inside"),
        ("mdb4 F NORM", "line 8: 'mdb4 F NORM', wanted a row such as"),
    ],
)
def test_a_row_too_many_in_info_txt_is_an_error(tmp_path: Path, row: str, sentence: str) -> None:
    folder = paint_mini_mias(tmp_path / "mias", MIAS_INFO + row + "\n", films=0)
    Image.new("L", (1024, 1024)).save(folder / "mdb001.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb002.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb003.pgm")
    Image.new("L", (1024, 1024)).save(folder / "mdb004.pgm")
    with pytest.raises(DatasetError, match=sentence):
        find_layout(folder)


def test_mini_mias_without_a_picture_or_a_row(tmp_path: Path) -> None:
    folder = paint_mini_mias(tmp_path / "mias", films=2)
    Image.new("L", (1024, 1024)).save(folder / "mdb077.pgm")
    layout = find_layout(folder)
    assert len(layout.entries) == 2
    assert [one.cause for one in layout.left_out] == [
        "mdb003: in Info.txt, no picture",
        "mdb004: in Info.txt, no picture",
        "mdb077: a picture without a row in Info.txt; what is known of it is not",
    ]
    for path in folder.glob("*.pgm"):
        path.unlink()
    with pytest.raises(SourceError, match="none of its 4 films is beside it"):
        find_layout(folder)


@pytest.mark.skipif(not MIAS.is_dir(), reason="BREASTSEG_MIAS names no folder of mini-MIAS")
def test_the_real_mini_mias() -> None:
    entries = find_layout(MIAS).entries
    findings = [finding for entry in entries for finding in entry.findings]
    placed = [entry for entry in entries if any(one.shape for one in entry.findings)]
    assert (len(entries), len({entry.patient for entry in entries})) == (322, 161)
    assert (len(findings), sum(one.shape is not None for one in findings)) == (123, 119)
    assert len(placed) == 111


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


NUMBER, NAME = "20586908", "20586908_6c613a14b80a8591_MG_R_ML_ANON"


def paint_inbreast(
    folder: Path, view: str = "MLO", point: str = "(60, 80)", header_view: str = "MLO"
) -> Path:
    head = {"ImageLaterality": "R", "ImagerPixelSpacing": None, "ViewPosition": header_view}
    write_mg(folder / "AllDICOMs" / f"{NAME}.dcm", **head)
    (folder / "INbreast.csv").write_text(
        "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads\n"
        f"removed;removed;R;{view};201001;{NUMBER};4;4a\n"
    )
    roi = {"Name": "Mass", "Point_px": [point, "(90, 80)", "(90, 120)"]}
    dot = {"Name": "Calcification", "Point_px": ["(30, 40)"]}
    (folder / "AllXML").mkdir()
    with (folder / "AllXML" / f"{NUMBER}.xml").open("wb") as file:
        plistlib.dump({"Images": [{"ROIs": [roi, dot]}]}, file)
    return folder


def test_inbreast(tmp_path: Path) -> None:
    layout = find_layout(paint_inbreast(tmp_path))
    (entry,) = layout.entries
    assert (layout.name, entry.name, entry.patient) == ("INbreast", NUMBER, "6c613a14b80a8591")
    assert (entry.view, entry.laterality, entry.facts["birads"]) == ("MLO", "R", "4a")
    mass, dot = entry.findings
    assert mass.shape == Polygon(((60.0, 80.0), (90.0, 80.0), (90.0, 120.0)))
    assert (dot.kind, dot.shape) == ("calcification", Polygon(((30.0, 40.0),)))
    assert read_entry(entry).film.mm_per_px == pytest.approx(0.07)


def test_a_table_and_a_header_that_contradict_are_told(tmp_path: Path) -> None:
    """Headers go first, but in INbreast, where a header's ML is an MLO."""
    layout = find_layout(paint_inbreast(tmp_path / "inbreast", header_view="ML"))
    known = read_entry(layout.entries[0])
    assert known.film.view == "MLO"
    told = "view: INbreast file name and table (but ViewPosition says ML)"
    assert told in known.notes
    layout = find_layout(paint_cbis(tmp_path / "cbis", CBIS_ROW.format(1, "BENIGN"), side="R"))
    known = read_entry(layout.entries[0])
    assert known.film.laterality == "R"
    assert "side: ImageLaterality (but CBIS-DDSM table says L)" in known.notes


def test_inbreast_contradictions(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="row 2: film 20586908 is R CC, its file's name says R"):
        find_layout(paint_inbreast(tmp_path / "view", view="CC"))
    with pytest.raises(DatasetError, match=r"ROI 1: point 'nowhere', wanted '\(x, y\)'"):
        find_layout(paint_inbreast(tmp_path / "point", point="nowhere"))
    folder = paint_inbreast(tmp_path / "xml")
    (folder / "AllXML" / f"{NUMBER}.xml").write_text("<html>no")
    with pytest.raises(DatasetError, match="not outlines of OsiriX"):
        find_layout(folder)


def paint_vindr(folder: Path, side: str = "L", box: str = "50,60,100,120") -> Path:
    write_mg(folder / "images" / "study1" / "film1.dicom", paint_film(320, 256))
    films = "study_id,series_id,laterality,view_position,image_id,height,width,"
    films += "breast_birads,breast_density,split\n"
    films += "study1,s,L,MLO,film1,640,512,BI-RADS 4,DENSITY C,training\n"
    found = "image_id,study_id,series_id,laterality,view_position,height,width,breast_birads,"
    found += "breast_density,finding_categories,finding_birads,xmin,ymin,xmax,ymax,split\n"
    found += f"film1,study1,s,{side},MLO,640,512,BI-RADS 4,DENSITY C,"
    found += f"\"['Mass', 'Skin Thickening']\",BI-RADS 4,{box},training\n"
    (folder / "breast-level_annotations.csv").write_text(films)
    (folder / "finding_annotations.csv").write_text(found)
    return folder


def test_vindr_mammo(tmp_path: Path) -> None:
    layout = find_layout(paint_vindr(tmp_path))
    (entry,) = layout.entries
    assert (layout.name, entry.patient, entry.facts["split"]) == ("VinDr-Mammo", "study1", "train")
    assert (entry.facts["birads"], entry.facts["density"]) == ("4", "C")
    assert [one.kind for one in entry.findings] == ["mass", "skin or nipple"]
    # the film is half as large as the table says: pixel edges are halved
    known = read_entry(entry)
    assert known.findings[0].shape == Rectangle(24.75, 29.75, 49.75, 59.75)
    assert any("drawn on 512 x 640 pixels and scaled" in note for note in known.notes)


def test_vindr_two_tables_that_contradict(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="row 2: laterality of film1 is 'R', breast-level_ann"):
        find_layout(paint_vindr(tmp_path / "side", side="R"))
    with pytest.raises(DatasetError, match="row 2: Mass, Skin Thickening without a box"):
        find_layout(paint_vindr(tmp_path / "box", box=",,,"))
    with pytest.raises(DatasetError, match="row 2: box 100 60 50 120, wanted xmin below"):
        find_layout(paint_vindr(tmp_path / "turned", box="100,60,50,120"))


def test_cmmd_knows_breasts_not_places(tmp_path: Path) -> None:
    for number, side in enumerate("LR", start=1):
        write_mg(tmp_path / "D1-0001" / "study" / f"1-{number}.dcm", ImageLaterality=side)
    table = tmp_path / "CMMD_clinicaldata_revision.csv"
    head = "ID1,LeftRight,Age,number,abnormality,classification,subtype\n"
    table.write_text(head + "D1-0001,R,44,2,both,Malignant,Luminal A\n")
    layout = find_layout(tmp_path)
    assert (layout.name, len(layout.entries)) == ("CMMD", 2)
    left, right = (read_entry(entry) for entry in layout.entries)
    assert left.findings == ()
    assert [one.kind for one in right.findings] == ["mass", "calcification"]
    assert {one.pathology for one in right.findings} == {"malignant"}
    table.write_text(head + "D1-0001,R,44,2,both,Malignant,\nD1-0001,R,44,2,mass,Benign,\n")
    with pytest.raises(DatasetError, match="row 3: breast R of D1-0001 has another row"):
        find_layout(tmp_path)


def test_curated_with_masks(tmp_path: Path) -> None:
    film = (paint_film() >> 4).astype(np.uint8)
    mask = np.zeros_like(film)
    mask[10:20, 10:30] = 255
    images, masks = tmp_path / "X" / "BCDR-SELECTED-IMGS", tmp_path / "X" / "BCDR-SELECTED-MASKS"
    save(images / "patient_105_study_143_img_105_143_1_RCC___PRE.png", film)
    save(masks / "patient_105_study_143_img_105_143_1_RCC_MASK___PRE.png", mask)
    save(masks / "patient_3_study_4_img_3_4_1_LO_MASK_2___PRE.png", mask)
    inbreast = tmp_path / "Y"
    save(inbreast / "INBREAST-SELECTED-IMGS" / f"{NAME}___PRE.png", film)
    save(inbreast / "INBREAST-SELECTED-MSKS" / f"{NUMBER}___PRE.png", mask[:, :-1])
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


def test_loose_films_are_numbered_by_patient(tmp_path: Path) -> None:
    write_mg(tmp_path / "doe_jane_1.dcm")
    write_mg(tmp_path / "doe_jane_2", ViewPosition="CC")
    write_mg(tmp_path / "other.dcm", PatientID="another")
    write_mg(tmp_path / "report.dcm", Modality="SR", Rows=None, PixelData=None)
    save(tmp_path / "a.png", paint_film())
    layout = find_layout(tmp_path)
    names = [(entry.name, entry.patient) for entry in layout.entries]
    assert names == [
        ("film-0001", "patient-0001"),
        ("film-0002", "patient-0001"),
        ("film-0003", "patient-0002"),
        ("a", ""),
    ]
    assert [one.cause for one in layout.left_out] == ["film-0004: no picture in it (SR)"]


def test_nothing_to_read_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no mammograms in it, wanted DICOM, PGM, PNG or TIFF"):
        find_layout(tmp_path)
    with pytest.raises(SourceError, match="not found, wanted a folder of mammograms"):
        find_layout(tmp_path / "gone")
