"""CMMD from a small painted copy: what a biopsy said of each breast."""

from pathlib import Path

import pytest

from breastseg.errors import DatasetError
from breastseg.mammography.layouts import cmmd, find_layout
from breastseg.mammography.reading import read_entry
from mammograms import write_mg

pytest.importorskip("pydicom")


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


def test_without_its_table_findings_are_not_known(tmp_path: Path) -> None:
    write_mg(tmp_path / "D2-0007" / "study" / "1-1.dcm")
    layout = cmmd.find(tmp_path)
    assert layout is not None
    assert [(entry.name, entry.patient) for entry in layout.entries] == [("D2-0007-1", "D2-0007")]
    assert "findings are not known" in layout.notes[0]
    assert cmmd.find(tmp_path / "D2-0007" / "study") is None


@pytest.mark.parametrize("row", ["D1-0001,X,44,2,mass,Benign,", "D1-0001,L,44,2,cyst,Benign,"])
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, row: str) -> None:
    write_mg(tmp_path / "D1-0001" / "1-1.dcm")
    head = "ID1,LeftRight,Age,number,abnormality,classification,subtype\n"
    table = tmp_path / "CMMD_clinicaldata_revision.csv"
    table.write_text(head + row + "\nD1-0002,L,44,2,mass,Benign,\n")
    with pytest.raises(DatasetError, match="row 2"):
        cmmd.find(tmp_path)
    table.write_text(head + "D1-0002,L,44,2,mass,Benign,\n")
    layout = cmmd.find(tmp_path)
    assert layout is not None
    assert [one.name for one in layout.left_out] == ["D1-0002"]
