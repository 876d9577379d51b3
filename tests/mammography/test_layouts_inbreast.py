"""INbreast from a small painted copy: names, table and outlines."""

import plistlib
from pathlib import Path

import pytest

from breastseg.errors import DatasetError
from breastseg.mammography.findings import Polygon
from breastseg.mammography.layouts import find_layout, inbreast
from breastseg.mammography.reading import read_entry
from mammograms import write_mg

pytest.importorskip("pydicom")

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


def test_inbreast_contradictions(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="row 2: film 20586908 is R CC, its file's name says R"):
        find_layout(paint_inbreast(tmp_path / "view", view="CC"))
    with pytest.raises(DatasetError, match=r"ROI 1: point 'nowhere', wanted '\(x, y\)'"):
        find_layout(paint_inbreast(tmp_path / "point", point="nowhere"))
    folder = paint_inbreast(tmp_path / "xml")
    (folder / "AllXML" / f"{NUMBER}.xml").write_text("<html>no")
    with pytest.raises(DatasetError, match="not outlines of OsiriX"):
        find_layout(folder)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Calcifications", "calcification"),
        ("Spiculated Region", "mass"),
        ("Espiculated Region", "mass"),
        ("Distortion", "architectural distortion"),
        ("Asymmetry", "asymmetry"),
        ("Assymetry", "asymmetry"),
        ("Unnamed", "other"),
    ],
)
def test_words_for_findings(tmp_path: Path, name: str, kind: str) -> None:
    folder = paint_inbreast(tmp_path)
    roi = {"Name": name, "Point_px": ["(1.5, 2)"]}
    path = folder / "AllXML" / f"{NUMBER}.xml"
    path.write_bytes(plistlib.dumps({"Images": [{"ROIs": [roi, {"Name": "Mass"}]}]}))
    layout = inbreast.find(folder)
    assert layout is not None
    (entry,) = layout.entries
    (finding,) = entry.findings
    assert (finding.kind, finding.shape) == (kind, Polygon(((1.5, 2.0),)))
    assert entry.notes == (f"1 outlines of {NUMBER} have no points",)


def test_outlines_of_the_muscle_are_no_findings(tmp_path: Path) -> None:
    folder = paint_inbreast(tmp_path)
    (folder / "AllXML").rename(folder / "PectoralMuscle")
    layout = inbreast.find(folder)
    assert layout is not None
    assert layout.entries[0].findings == ()


def test_without_its_table_that_is_noted(tmp_path: Path) -> None:
    folder = paint_inbreast(tmp_path)
    (folder / "INbreast.csv").unlink()
    layout = inbreast.find(folder)
    assert layout is not None
    assert "INbreast.csv" in layout.notes[0]
    assert layout.entries[0].facts == {"density": "", "birads": ""}
    assert inbreast.find(folder / "AllXML") is None
