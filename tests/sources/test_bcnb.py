"""BCNB: a folder a patient, and a table of the patients."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import MppError, SourceError
from breastseg.sources import bcnb as source_of_bcnb
from breastseg.sources import open_source


def picture(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(folder / name)


def bcnb(folder: Path, rows: str) -> Path:
    for name in ("1", "2"):
        picture(folder / "paper_patches" / name, f"{name}_0.jpg")
    (folder / "patient-clinical-data.csv").write_text(f"Patient ID,Age,Tumour Type\n{rows}")
    return folder


def test_bcnb_has_a_table_of_patients_and_no_resolution(tmp_path: Path) -> None:
    folder = bcnb(tmp_path, "1,50,Invasive ductal carcinoma\n2,60,Other type\n")
    with pytest.raises(MppError, match="no microns per pixel of 1_0"):
        open_source(folder)
    one, two = open_source(folder, mpp=0.5).regions
    assert one.field
    assert two.field
    assert (one.patient, one.field.type) == ("BCNB-1", "ductal carcinoma")
    assert two.field.type == "other carcinoma"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("1,50,Other type\n", "no row for patient 2"),
        ("1,50,a\n2,5,a\n1,50,b\n", "row 4: patient 1 is b, row 2 says a"),
    ],
)
def test_a_table_of_patients_that_does_not_fit(tmp_path: Path, rows: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        open_source(bcnb(tmp_path, rows), mpp=0.5)


def test_patches_may_lie_beside_the_table(tmp_path: Path) -> None:
    picture(tmp_path / "10", "10_0.jpg")
    picture(tmp_path / "9", "9_0.jpg")
    (tmp_path / "patient-clinical-data.csv").write_text("Patient ID,Tumour Type\n9,x\n10,y\n")
    found = source_of_bcnb.find(tmp_path)
    assert found is not None
    said = [(pair.image.name, pair.field.type) for pair in found.pairs if pair.field]
    assert said == [("9_0.jpg", "x"), ("10_0.jpg", "y")], "folders by number"


def test_a_folder_without_the_table_is_none(tmp_path: Path) -> None:
    picture(tmp_path / "1", "1_0.jpg")
    assert source_of_bcnb.find(tmp_path) is None
