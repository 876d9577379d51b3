"""A person's table of images: which row is of which image, and what does not join."""

from pathlib import Path

import pytest

from breastseg.errors import MppError, SourceError
from breastseg.sources import open_source
from breastseg.sources.region import Pair, Region
from breastseg.sources.rows import check_patients, join_rows
from conftest import paint, tcga
from source_folders import fields, joined, picture


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
            "t.csv: names images and nothing of them, wanted any of patient, site, mpp too",
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


@pytest.mark.parametrize(
    ("pictures", "text", "note"),
    [
        (
            ("001", "002"),
            "image,patient\n1,P\n2,P\n",
            "2 rows of images written otherwise: '1' (row 2) is 001.png; '2' (row 3) is 002.png",
        ),
        (
            ("a",),
            "image,patient\nA.png,P\n",
            "1 row of images written otherwise: 'A.png' (row 2) is a.png",
        ),
        (
            ("a",),
            "image,patient\nold/a.png,P\n",
            "1 row of images in other folders: 'old/a.png' (row 2) is ",
        ),
        (
            ("a",),
            "image,patient\na,P\na.png,P\n",
            "1 row of images twice, with the same words: a.png (rows 2 and 3)",
        ),
        (("a",), "image,mpp\na,0.5\na.png,5e-1\n", "1 row of images twice, with the same words"),
        (
            ("a", "TCGA-A1-A0SK"),
            "image,patient\na,P\nTCGA-A1-A0SK,\n",
            "no patient in row 3: taken from TCGA's names of the images",
        ),
        (
            ("a", "TCGA-A1-A0SK"),
            "image,patient\na,P\n",
            "no row for 1 image as TCGA-A1-A0SK.png: patient and hospital are those of its name",
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
    assert "t.csv: 2 rows of images not annotated yet: 'b.png' (row 3); 'c' (row 4)" in source.notes
    with pytest.raises(SourceError, match=r"t\.csv, row 3: 'd\.png' fits no image"):
        joined(tmp_path, "image,patient\na,P\nd.png,P\n")


SK, D2 = "TCGA-A1-A0SK-DX1", "TCGA-A2-A0D2-DX1"
CONTRADICTIONS = {
    "fits nothing": (("a", "b"), "a,P,\nb,P,\nc,P,\n", r"row 4: 'c' fits no image"),
    "several fit nothing": (
        ("one", "b"),
        "on,P,\nb,P,\nx,P,\n",
        r"row 2: 'on' fits no image, nor does 1 other row; did you",
    ),
    "changed by a spreadsheet": (
        ("a",),
        "a,P,\n1.2E+17,P,\n",
        r"row 3: '1\.2E\+17' fits no image; a spreadsheet may have changed",
    ),
    "without row": (
        ("a", "b", "c"),
        "a,P,\n",
        r"no row for b\.png and 1 other image; add a row for each",
    ),
    "zeros of two": (
        ("01", "001"),
        "1,P,\n",
        r"row 2: '1' may be 001\.png, 01\.png; write the whole name",
    ),
    "without name": (("a",), "a,P,\n,Q,\n", r"row 3: no image; name its file"),
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


def test_a_row_says_what_it_has_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,patient,mpp\na,P,0.5\nb,,\n")
    pairs = [Pair(tmp_path / f"{name}.png", tmp_path / "m") for name in ("a", "b", "c")]
    rows = join_rows(tmp_path / "t.csv", pairs, wanted=("patient", "mpp"))
    a, b, c = (pair.image for pair in pairs)
    assert (rows.patient_of(a), rows.site_of(a), rows.mpp_of(a)) == ("P", "", 0.5)
    assert (rows.patient_of(c), rows.site_of(c), rows.mpp_of(c)) == ("", "", None)
    assert rows.mpp_of(b) is None
    with pytest.raises(SourceError, match=r"row 3: no patient of b\.png"):
        rows.patient_of(b)


def test_patients_by_name_and_row_that_agree_are_let_pass(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,patient\nx,P\ny,P\n")
    pairs = [Pair(tmp_path / f"{name}.png", tmp_path / "m") for name in ("x", "y")]
    rows = join_rows(tmp_path / "t.csv", pairs, wanted=("patient",))
    regions = [
        Region(pair.image.stem, pair.image, pair.labels, "P", "", 0.5, "given") for pair in pairs
    ]
    check_patients(regions, rows)
