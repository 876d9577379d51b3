"""VinDr-Mammo from a small painted copy: two tables and boxes."""

from pathlib import Path

import pytest

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import Rectangle
from breastseg.mammography.layouts import find_layout, vindr
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, write_mg

pytest.importorskip("pydicom")


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


def test_a_film_of_the_table_without_a_file_is_left_out(tmp_path: Path) -> None:
    folder = paint_vindr(tmp_path)
    table = folder / vindr.FILMS
    row = "study2,s,R,CC,film2,640,512,BI-RADS 1,DENSITY A,test\n"
    table.write_text(table.read_text() + row)
    layout = vindr.find(folder)
    assert layout is not None
    assert [one.name for one in layout.left_out] == ["film2"]
    next(folder.rglob("*.dicom")).unlink()
    with pytest.raises(SourceError, match="without films"):
        vindr.find(folder)


def test_no_finding_has_no_box(tmp_path: Path) -> None:
    folder = paint_vindr(tmp_path, box=",,,")
    table = folder / vindr.FINDINGS
    table.write_text(table.read_text().replace("['Mass', 'Skin Thickening']", "['No Finding']"))
    layout = vindr.find(folder)
    assert layout is not None
    assert layout.entries[0].findings == ()
    table.unlink()
    assert vindr.find(folder) is None
