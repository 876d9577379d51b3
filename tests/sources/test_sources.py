"""Recognising folders of annotations: who is whose patient, at which resolution, and what does not
fit together."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import MppError, SourceError
from breastseg.labels import load_label_map
from breastseg.sources import SOURCES, Source, open_source
from breastseg.sources.region import tcga_patient
from conftest import DATA, paint, tcga

REAL = "TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500"


def picture(path: Path, *, mask: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ones((8, 8) if mask else (8, 8, 3), np.uint8)).save(path)


def test_painted_bcss(painted: Path) -> None:
    source = open_source(painted)
    assert source.description == "BCSS regions: 6 image-mask pairs, 6 patients, 3 hospitals"
    assert source.label_map == "region5"
    first = source.regions[0]
    assert first.id == tcga("A1", "B001")
    assert (first.patient, first.site, first.mpp, first.split) == ("TCGA-A1-B001", "A1", 0.30, "")
    assert first.image == painted / "images" / f"{first.id}.png"
    assert first.labels == painted / "masks" / f"{first.id}.png"
    assert [r.id for r in source.regions] == sorted(r.id for r in source.regions)


def test_the_other_image_folder_of_bcss(painted: Path) -> None:
    (painted / "images").rename(painted / "rgbs_colorNormalized")
    assert len(open_source(painted).regions) == 6


def test_real_crops_are_at_030_whatever_the_bounds_say() -> None:
    """A crop's width against its whole region's bounds would give 4.0 um/px."""
    source = open_source(DATA / "bcss")
    assert [r.patient for r in source.regions] == ["TCGA-A2-A0D2", "TCGA-A2-A1G6", "TCGA-A2-A3XX"]
    assert {r.mpp for r in source.regions} == {0.30}
    assert {r.mpp_source for r in source.regions} == {
        "measured on this release (0.30; its file names say 0.25)"
    }
    assert (
        "microns per pixel 0.3: measured on this release (0.30; its file names say 0.25)"
        in source.notes
    )


@pytest.mark.parametrize(("magnification", "mpp"), [("40.0", 0.3), ("20.0", 0.6)])
def test_a_whole_region_is_measured(tmp_path: Path, magnification: str, mpp: float) -> None:
    """120 base pixels of 0.25 um (0.5 at 20x) on 100 image pixels."""
    paint(tmp_path, REAL, side=100)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A2-A0D2-DX1,1000,7,1120,127,x\n"
    )
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(
        f",name,_id,magnification\nTCGA-A2-A0D2,x.svs,1,{magnification}\n"
    )
    (region,) = open_source(tmp_path).regions
    assert region.mpp == pytest.approx(mpp)
    assert region.mpp_source == "measured from roiBounds.csv"
    assert open_source(tmp_path, mpp=0.25).regions[0].mpp == 0.25


@pytest.mark.parametrize("missing", ["roiBounds.csv", "slide_magnifications.csv"])
def test_a_whole_region_without_both_tables_is_at_030(tmp_path: Path, missing: str) -> None:
    paint(tmp_path, REAL)
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    assert open_source(tmp_path).regions[0].mpp_source == "measured from roiBounds.csv"
    (tmp_path / "meta" / missing).unlink()
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_a_region_whose_row_cannot_be_true_is_at_030(tmp_path: Path) -> None:
    """The table calls hospital A8's scans 20x, which would put their regions at 0.645 um/px."""
    paint(tmp_path, "TCGA-A8-A07C-DX1_xmin23538_ymin17397_MPP-0.2500", side=100)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A8-A07C-DX1,23538,17397,23667,17526,x\n"
    )
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(
        ",name,_id,magnification\nTCGA-A8-A07C,x.svs,1,20.0\n"
    )
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_a_region_that_the_tables_do_not_list_is_at_030(tmp_path: Path) -> None:
    paint(tmp_path, tcga("A2", "A001"))
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_measured_beside_known_is_said(tmp_path: Path) -> None:
    paint(tmp_path, REAL)
    paint(tmp_path, tcga("A2", "A001"))
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    measured = (100989 - 96887) * 0.25 / 96
    (note,) = [n for n in open_source(tmp_path).notes if n.startswith("microns")]
    assert note.startswith(f"microns per pixel 0.3 to {measured:.4f}: ")
    assert "measured from roiBounds.csv" in note
    assert "0.30" in note


def test_kaggle_224() -> None:
    source = open_source(DATA / "kaggle224")
    assert (
        source.description
        == "BCSS tiles of 224 px (Kaggle): 2 image-mask pairs, 1 patient, 1 hospital"
    )
    assert {(r.patient, r.site, r.mpp, r.split) for r in source.regions} == {
        ("TCGA-A1-A0SK", "A1", 0.30, "train")
    }
    assert any("split at random per tile" in note for note in source.notes)


def test_kaggle_512(tmp_path: Path) -> None:
    for part, patient in (("train", "A2-A001"), ("val", "OL-C001")):
        picture(tmp_path / f"{part}_512" / f"TCGA-{patient}-DX1_xmin1_ymin2_MPP-0.png")
        picture(
            tmp_path / f"{part}_mask_512" / f"TCGA-{patient}-DX1_xmin1_ymin2_MPP-0.png", mask=True
        )
    source = open_source(tmp_path)
    assert source.description.startswith(
        "BCSS tiles of 512 px (Kaggle): 2 image-mask pairs, 2 patients, 2 hospitals"
    )
    assert [(r.site, r.split) for r in source.regions] == [("A2", "train"), ("OL", "val")]


@pytest.mark.parametrize(
    "layout",
    [
        ("images", "masks"),
        ("images", "labels"),
        ("imgs", "masks"),
        ("image", "mask"),
        ("rgb", "masks"),
    ],
)
def test_own_folders(tmp_path: Path, layout: tuple[str, str]) -> None:
    picture(tmp_path / layout[0] / "one.jpg")
    picture(tmp_path / layout[1] / "one.tif", mask=True)
    source = open_source(tmp_path, mpp=0.5)
    assert source.description == "image-mask pairs: 1 image-mask pair, 1 patient, hospitals unknown"
    assert source.label_map is None
    (region,) = source.regions
    assert (region.id, region.patient, region.site, region.mpp, region.mpp_source) == (
        "one",
        "one",
        "",
        0.5,
        "given",
    )
    assert any(
        "no patient known for 1 image: each counts as a patient of its own; a --table can name them"
        in n
        for n in source.notes
    )


@pytest.mark.parametrize("suffix", ["mask", "labels"])
def test_one_flat_folder(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.png")
        picture(tmp_path / f"{name}_{suffix}.png", mask=True)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._a.png").write_bytes(b"what a Mac leaves")
    regions = open_source(tmp_path, mpp=0.5).regions
    assert [(r.id, r.labels.name) for r in regions] == [
        ("a", f"a_{suffix}.png"),
        ("b", f"b_{suffix}.png"),
    ]


def test_tcga_names_in_own_folders_give_patient_and_hospital(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "field_TCGA-E2-A1B2.png")
    picture(tmp_path / "masks" / "field_TCGA-E2-A1B2.png", mask=True)
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert (region.patient, region.site) == ("TCGA-E2-A1B2", "E2")


def test_an_own_label_map_lies_beside_the_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "masks" / "a.png", mask=True)
    (tmp_path / "labels.yaml").write_text(
        "{name: own, classes: [{name: x, color: [1, 2, 3], codes: [1]}]}"
    )
    found = open_source(tmp_path, mpp=0.5).label_map
    assert found is not None
    assert load_label_map(found).name == "own"


def test_a_table_names_patient_site_and_resolution(tmp_path: Path) -> None:
    for name in ("a", "b_MPP-0.2500", "c"):
        picture(tmp_path / "images" / f"{name}.png")
        picture(tmp_path / "masks" / f"{name}.png", mask=True)
    (tmp_path / "t.csv").write_text(
        "image,patient,site,mpp\na.png,007,X,0.4\nb_MPP-0.2500,007,,0.5\nc,NA,N/A,0.6\n"
    )
    source = open_source(tmp_path, table=tmp_path / "t.csv")
    assert [(r.patient, r.site, r.mpp, r.mpp_source) for r in source.regions] == [
        ("007", "X", 0.4, "table"), ("007", "", 0.5, "table"), ("NA", "N/A", 0.6, "table"),
    ]  # fmt: skip
    assert [r.mpp for r in open_source(tmp_path, table=tmp_path / "t.csv", mpp=0.25).regions] == [
        0.25
    ] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "t.csv: not found, wanted a CSV with image and any of patient, site, mpp"),
        ("", "t.csv: empty, wanted a CSV with image and any of patient, site, mpp"),
        (
            "name,patient\na,1\n",
            (
                r"t.csv: columns are name, patient; wanted a CSV with image .*; did you mean image"
                r" by 'name'\?"
            ),
        ),
        ("image,patient\na,1\nb,2,3,4\n", "t.csv, row 3: '3' is in cell 3, the head has 2"),
        (
            "image,note\na,1\n",
            "t.csv: names pictures and nothing of them, wanted any of patient, site, mpp too",
        ),
    ],
)
def test_broken_tables_are_told_in_one_line(
    tmp_path: Path, painted: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(painted, table=tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["0.25um", "0,25", "nan", "25", "0", "-0.25", "inf", "25%", "1_0", "0x1", "25. Jan", "#DIV/0!"],
)
def test_a_table_with_no_number_for_mpp(tmp_path: Path, painted: Path, value: str) -> None:
    (tmp_path / "t.csv").write_text(f'image,mpp\n{tcga("A2", "A001")},"{value}"\n')
    with pytest.raises(
        (MppError, SourceError), match=r"t\.csv, row 2: .*wanted|t\.csv, row 2: mpp is '#DIV/0!'"
    ):
        open_source(painted, table=tmp_path / "t.csv")


def test_no_resolution_says_where_it_was_looked_for(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "masks" / "a.png", mask=True)
    looked_at = r"looked at --mpp, .*image-mask pairs, and the file itself"
    with pytest.raises(
        MppError, match=rf"a\.png: no microns per pixel \({looked_at}\); give --mpp"
    ):
        open_source(tmp_path)


def test_folders_in_a_folder(tmp_path: Path) -> None:
    paint(tmp_path / "one", tcga("A2", "A001"))
    paint(tmp_path / "two", tcga("OL", "C001"))
    assert [r.site for r in open_source(tmp_path).regions] == ["A2", "OL"]
    assert [r.site for r in open_source(tmp_path / "two", tmp_path / "one").regions] == ["A2", "OL"]


def test_two_kinds_have_no_common_label_map(tmp_path: Path) -> None:
    paint(tmp_path / "one", tcga("A2", "A001"))
    paint(tmp_path / "two", "field")
    source = open_source(tmp_path, mpp=0.3)
    assert source.label_map is None
    assert (
        source.description
        == "BCSS regions + image-mask pairs: 2 image-mask pairs, 2 patients, 1 hospital"
    )


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    for place in ("one", "two"):
        paint(tmp_path / place, tcga("A2", "A001"))
    with pytest.raises(
        SourceError,
        match=(
            r"two/images/.*: second region named 'TCGA-A2-A001.*', the first is .*one/images/.*;"
            r" rename one"
        ),
    ):
        open_source(tmp_path)


def test_one_name_with_two_suffixes(painted: Path) -> None:
    picture(painted / "images" / f"{tcga('A2', 'A001')}.jpg")
    with pytest.raises(
        SourceError, match=r"second region named 'TCGA-A2-A001-.*' beside .*\.jpg; rename one"
    ):
        open_source(painted)


def test_a_picture_without_a_mask_and_the_other_way(painted: Path) -> None:
    name = f"{tcga('A1', 'B001')}.png"
    (painted / "masks" / name).rename(painted / "spare.png")
    with pytest.raises(
        SourceError,
        match=rf"images/{name}: has no mask, wanted .*masks/{name}; add it or take the image away",
    ):
        open_source(painted)
    (painted / "spare.png").rename(painted / "masks" / name)
    (painted / "images" / name).unlink()
    with pytest.raises(
        SourceError,
        match=rf"masks/{name}: has no image, wanted .*images/{name}; add it or take the mask away",
    ):
        open_source(painted)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match="nowhere: no such folder, wanted one with annotated images"
    ):
        open_source(tmp_path / "nowhere")
    with pytest.raises(
        SourceError,
        match=(
            r"no image-mask pairs; wanted images/ with masks/ \(or annotations/ or points/\) of the"
            r" same file names"
        ),
    ):
        open_source(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(SourceError, match="no image-mask pairs"):
        open_source(tmp_path)


def test_a_source_error_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^[^(]*nowhere: no such folder"):
        open_source(tmp_path / "nowhere")


def test_names_of_recognisers() -> None:
    assert list(SOURCES) == [
        "fields",
        "breakhis",
        "bracs",
        "bcnb",
        "kaggle",
        "m2c",
        "beetle",
        "cosas",
        "tiger",
        "bcss",
        "folder",
    ], "the most particular first: a BCSS folder is also a folder of pairs"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TCGA-A2-A0D2-DX1_xmin1", ("TCGA-A2-A0D2", "A2")),
        ("x_TCGA-3C-AALI", ("TCGA-3C-AALI", "3C")),
        ("tcga-a2-a0d2", None),
        ("TCGA-A2", None),
        ("field", None),
    ],
)
def test_tcga_patient(name: str, wanted: tuple[str, str] | None) -> None:
    assert tcga_patient(name) == wanted


def fields(folder: Path, *names: str) -> Path:
    """Write pictures with masks, under `images` and `masks`."""
    for name in names:
        picture(folder / "src" / "images" / f"{name}.png")
        picture(folder / "src" / "masks" / f"{name}.png", mask=True)
    return folder / "src"


def joined(folder: Path, text: str, **options: Any) -> Source:
    (folder / "t.csv").write_text(text)
    return open_source(folder / "src", **{"mpp": 0.5, "table": folder / "t.csv", **options})


@pytest.mark.parametrize(
    "name",
    [
        "a.1_MPP-0.2500",
        "a.1_MPP-0.2500.png",
        "a.1_MPP-0.2500.PNG",
        "a.1_MPP-0.2500.svs",
        "a.1_MPP-0.2500.ome.tif",
        "a.1_MPP-0.2500.geojson",
        "a.1_MPP-0.2500.geojson.gz",
        "a.1_MPP-0.2500.ome.zarr",
        "a.1_MPP-0.2500.dcm",
        "images/a.1_MPP-0.2500.png",
        r"src\images\a.1_MPP-0.2500.png",
        "./images/a.1_MPP-0.2500",
    ],
)
def test_names_of_one_picture(tmp_path: Path, name: str) -> None:
    """With `.svs` in the table no row fitted, and each picture was a patient of its own."""
    fields(tmp_path, "a.1_MPP-0.2500", "a")
    source = joined(tmp_path, f"image,patient\n{name},P\na,Q\n")
    assert [(r.id, r.patient) for r in source.regions] == [("a", "Q"), ("a.1_MPP-0.2500", "P")]
    assert not [note for note in source.notes if "t.csv" in note], (
        "nothing was taken for something else"
    )


def test_names_that_hold_letters_with_marks(tmp_path: Path) -> None:
    """A Mac writes the letter and its mark apart."""
    fields(tmp_path, "Mu\u0308ller")
    assert joined(tmp_path, "image,patient\nM\u00fcller.png,P\n").regions[0].patient == "P"


@pytest.mark.parametrize(
    ("pictures", "text", "note"),
    [
        (
            ("001", "002"),
            "image,patient\n1,P\n2,P\n",
            "2 rows of pictures written otherwise: '1' (row 2) is 001.png; '2' (row 3) is 002.png",
        ),
        (
            ("a",),
            "image,patient\nA.png,P\n",
            "1 row of pictures written otherwise: 'A.png' (row 2) is a.png",
        ),
        (
            ("a",),
            "image,patient\nold/a.png,P\n",
            "1 row of pictures in other folders: 'old/a.png' (row 2) is ",
        ),
        (
            ("a",),
            "image,patient\na,P\na.png,P\n",
            "1 row of pictures twice, with the same words: a.png (rows 2 and 3)",
        ),
        (("a",), "image,mpp\na,0.5\na.png,5e-1\n", "1 row of pictures twice, with the same words"),
        (
            ("a", "TCGA-A1-A0SK"),
            "image,patient\na,P\nTCGA-A1-A0SK,\n",
            "no patient in row 3: taken from TCGA's names of the pictures",
        ),
        (
            ("a", "TCGA-A1-A0SK"),
            "image,patient\na,P\n",
            "no row for 1 picture as TCGA-A1-A0SK.png: patient and hospital are those of its name",
        ),
        (("a", "b"), "image,mpp\na,0.25\nb,\n", "um/px of row 2 not used, 0.5 was given"),
    ],
)
def test_what_a_table_leaves_to_us_is_said(
    tmp_path: Path, pictures: tuple[str, ...], text: str, note: str
) -> None:
    fields(tmp_path, *pictures)
    source = joined(tmp_path, text)
    assert any(said.startswith(f"t.csv: {note}") for said in source.notes), source.notes
    assert {r.patient for r in source.regions} <= {"P", "TCGA-A1-A0SK"} or "patient" not in text


def test_um_per_px_that_the_table_leaves_blank(tmp_path: Path) -> None:
    """Blank is looked at as blank: what BCSS is known to have."""
    paint(tmp_path / "src", tcga("A2", "A001"))
    paint(tmp_path / "src", tcga("A2", "A002"))
    source = joined(
        tmp_path, f"image,mpp\n{tcga('A2', 'A001')},0.25\n{tcga('A2', 'A002')},  \n", mpp=None
    )
    assert [(r.mpp, r.mpp_source.split()[0]) for r in source.regions] == [
        (0.25, "table"),
        (0.3, "measured"),
    ]
    assert "t.csv: no um/px in row 3: not taken from the table" in source.notes


def test_rows_of_pictures_that_are_not_annotated_yet(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name in ("a", "b", "c"):
        picture(tmp_path / "src" / f"{name}.png")
    (tmp_path / "src" / "a.geojson").touch()
    source = joined(tmp_path, "image,patient\na,P\nb.png,P\nc,Q\n")
    assert (
        "t.csv: 2 rows of pictures not annotated yet: 'b.png' (row 3); 'c' (row 4)" in source.notes
    )
    with pytest.raises(SourceError, match=r"t\.csv, row 3: 'd\.png' fits no picture"):
        joined(tmp_path, "image,patient\na,P\nd.png,P\n")


SK, D2 = "TCGA-A1-A0SK-DX1", "TCGA-A2-A0D2-DX1"
CONTRADICTIONS = {
    "fits nothing": (("a", "b"), "a,P,\nb,P,\nc,P,\n", r"row 4: 'c' fits no picture"),
    "several fit nothing": (
        ("one", "b"),
        "on,P,\nb,P,\nx,P,\n",
        r"row 2: 'on' fits no picture, nor does 1 other row; did you",
    ),
    "changed by a spreadsheet": (
        ("a",),
        "a,P,\n1.2E+17,P,\n",
        r"row 3: '1\.2E\+17' fits no picture; a spreadsheet may have changed",
    ),
    "without row": (
        ("a", "b", "c"),
        "a,P,\n",
        r"no row for b\.png and 1 other picture; add a row for each",
    ),
    "zeros of two": (
        ("01", "001"),
        "1,P,\n",
        r"row 2: '1' may be 001\.png, 01\.png; write the whole name",
    ),
    "without name": (("a",), "a,P,\n,Q,\n", r"row 3: no picture; name its file"),
    "two patients": (
        ("a",),
        "a,P,\na.png,Q,\n",
        r"row 3: patient of a\.png is 'Q', row 2 says 'P'; keep one row",
    ),
    "two sites": (
        ("a",),
        "a,P,X\na,P,Y\n",
        r"row 3: site of a\.png is 'Y', row 2 says 'X'; keep one row",
    ),
    "a patient and none": (
        ("a",),
        "a,P,\na,,\n",
        r"row 3: patient of a\.png is '', row 2 says 'P'; keep one row",
    ),
    "two folders": (
        ("a",),
        "x/a,P,\ny/a,P,\n",
        r"row 3: folder of a\.png is 'y', row 2 says 'x'; keep one row",
    ),
    "no patient": (("a", "b"), "a,P,\nb, ,\n", r"row 3: no patient of b\.png; name one"),
    "a patient in two ways": (
        ("a", "b"),
        "a,P1,\nb,p1,\n",
        r"row 3: patient 'p1' is written 'P1' in row 2; write one patient in one way",
    ),
    "zeros of patients": (
        ("a", "b"),
        "a,007,\nb,7,\n",
        r"row 3: patient '7' is written '007' in row 2",
    ),
    "numbers of patients": (
        ("a", "b"),
        "a,7,\nb,7.0,\n",
        r"row 3: patient '7\.0' is written '7' in row 2",
    ),
    "a site in two ways": (
        ("a", "b"),
        "a,P,X\nb,Q,x \n",
        r"row 3: site 'x' is written 'X' in row 2",
    ),
    "another of TCGA": (
        (SK,),
        f"{SK},TCGA-A2-A0D2,\n",
        rf"{SK}\.png \(row 2\) is of patient 'TCGA-A2-A0D2', its name says TCGA-A1-A0SK",
    ),
    "one of TCGA as two": (
        (SK, f"{SK}_b"),
        f"{SK},P,\n{SK}_b,Q,\n",
        rf"patient TCGA-A1-A0SK is 'Q' by {SK}_b.png .row 3. and 'P' by {SK}.png .row 2.; mend one",
    ),
    "one of TCGA by name and row": (
        (SK, f"{SK}_b"),
        f"{SK}_b,Q,\n",
        (
            rf"patient TCGA-A1-A0SK is 'Q' by {SK}_b\.png \(row 2\) and 'TCGA-A1-A0SK' by {SK}\.png"
            r" \(by its name\)"
        ),
    ),
    "a longer name of TCGA": (
        (SK, "a"),
        f"a,TCGA-A1-A0SK-01Z,\n{SK},,\n",
        r"patient TCGA-A1-A0SK is 'TCGA-A1-A0SK-01Z' by a\.png \(row 2\) and 'TCGA-A1-A0SK'",
    ),
    "two of TCGA as one": (
        (SK, D2),
        f"{SK},P,\n{D2},P,\n",
        r"patient P is 'TCGA-A2-A0D2' by .* and 'TCGA-A1-A0SK' by",
    ),
    "a hospital of TCGA as two": (
        (SK, f"{SK}_b"),
        f"{SK},P,X\n{SK}_b,P,\n",
        r"hospital A1 is 'A1' by .*\(row 3\) and 'X' by .*\(row 2\)",
    ),
}


@pytest.mark.parametrize(
    ("pictures", "rows", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS
)
def test_a_table_that_does_not_join(
    tmp_path: Path, pictures: tuple[str, ...], rows: str, message: str
) -> None:
    """Each of these was taken over without a word, and patients could be in two parts of a
    split."""
    fields(tmp_path, *pictures)
    with pytest.raises(SourceError, match=message) as caught:
        joined(tmp_path, f"image,patient,site\n{rows}")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "t.csv") in str(caught.value)


def test_a_picture_without_row_whose_um_per_px_nobody_knows(tmp_path: Path) -> None:
    fields(tmp_path, SK, D2)
    with pytest.raises(SourceError, match=rf"no row for {D2}\.png; add a row for each"):
        joined(tmp_path, f"image,mpp\n{SK},0.5\n", mpp=None)


def test_patients_and_hospitals_of_tcga_under_other_names(tmp_path: Path) -> None:
    """A person may call them otherwise, as long as one stays one."""
    fields(tmp_path, SK, f"{SK}_b", D2)
    source = joined(tmp_path, f"image,patient,site\n{SK},P,X\n{SK}_b,P,X\n{D2},Q,X\n")
    assert [(r.patient, r.site) for r in source.regions] == [("P", "X"), ("P", "X"), ("Q", "X")]


NAMED = {
    "ome": ("x.ome.tif", "x.geojson"),
    "ome kept": ("x.ome.tif", "x.ome.geojson"),
    "whole ome": ("x.ome.tiff", "x.ome.tiff.geojson.gz"),
    "whole": ("x.svs", "x.svs.geojson"),
    "case of endings": ("x.SVS", "x.svs.GeoJSON"),
    "case of ome": ("x.OME.TIF", "x.geojson.GZ"),
    "a point in the name": ("x_MPP-0.2500.png", "x_MPP-0.2500.geojson"),
    "dots": ("x.ome.tif", "x_points.csv"),
    "dots of the whole": ("x.svs", "x.svs_Points.CSV"),
    "mask": ("x.ome.tif", "x_mask.png"),
    "mask of the whole": ("x.png", "x.png_mask.png"),
    "mask that is ome": ("x.png", "x_mask.ome.tif"),
    "mask in capitals": ("x.png", "x_MASK.PNG"),
}


@pytest.mark.parametrize(("image", "labels"), NAMED.values(), ids=NAMED)
def test_what_belongs_together_by_name(tmp_path: Path, image: str, labels: str) -> None:
    for name in (image, labels):
        (tmp_path / name).touch()
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert (region.image.name, region.labels.name) == (image, labels)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("x.svs", "x.geojson", "x.svs.geojson"),
            r"x\.svs\.geojson: belongs to x\.svs, as x\.geojson does; keep one of them",
        ),
        (
            ("x.svs", "x.geojson", "x.geojson.gz"),
            r"x\.geojson\.gz: belongs to x\.svs, as x\.geojson does; keep one of them",
        ),
        (
            ("x.svs", "x.png", "x.geojson"),
            r"second region named 'x' beside x\.(png|svs); rename one",
        ),
        (
            ("x.ome.tif", "x.png", "x.geojson"),
            r"second region named 'x' beside x\.(png|ome\.tif); rename one",
        ),
        (
            ("y.png", "x.svs.geojson"),
            (
                r"x\.svs\.geojson: has no image, wanted .*/x\.svs; add it .* \(looked for x\.svs"
                r" with \.png, .*\.svs"
            ),
        ),
        (
            ("y.png", "x.geojson"),
            (
                r"x\.geojson: has no image, wanted .*/x\.png; add it or take the mask away \(looked"
                r" for x with \.png, "
            ),
        ),
        (
            ("y.png", "x.png", "x_mask.png"),
            (
                r"y\.png: has no mask, wanted .*/y_mask\.png; .* \(looked for y_mask and"
                r" y\.png_mask with \.png"
            ),
        ),
    ],
)
def test_names_that_leave_a_doubt(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path, mpp=0.5)


def test_a_file_of_one_slide_leaves_its_namesake_alone(tmp_path: Path) -> None:
    for name in ("x.svs", "x.png", "x.svs.geojson"):
        (tmp_path / name).touch()
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert region.image.name == "x.svs"


def test_slides_in_a_folder_of_images(tmp_path: Path) -> None:
    for name in (
        "images/x.svs",
        "annotations/x.svs.geojson",
        "images/y.ome.tif",
        "annotations/y.geojson",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [region.image.name for region in open_source(tmp_path, mpp=0.5).regions] == [
        "x.svs",
        "y.ome.tif",
    ]
