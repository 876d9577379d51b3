"""fields.csv: what is known of images as a whole."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import SourceError
from breastseg.sources import fields as source_of_fields
from breastseg.sources import open_source


def picture(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(folder / name)


def test_a_folder_with_a_table_of_types(tmp_path: Path) -> None:
    picture(tmp_path, "a.png")
    (tmp_path / "fields.csv").write_text("image,patient,type,mpp\na.png,P1,lipoma,0.5\n")
    (region,) = open_source(tmp_path).regions
    assert region.field
    assert (region.patient, region.field.type) == ("P1", "lipoma")


def test_a_row_that_says_nothing_is_refused(tmp_path: Path) -> None:
    picture(tmp_path, "a.png")
    (tmp_path / "fields.csv").write_text("image,patient,type,mpp\na.png,P1,,0.5\n")
    with pytest.raises(SourceError, match=r"nothing is known of a\.png"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("tumor", ("tumor",)),
        ("tumor; stroma;tumor", ("tumor", "stroma")),
        ("tumor+stroma", ("tumor", "stroma")),
        ("HER2+;stroma", ("HER2+", "stroma")),
        (" ; ", ()),
    ],
)
def test_names_in_a_cell(cell: str, names: tuple[str, ...]) -> None:
    assert source_of_fields._classes(cell) == names


def table(folder: Path, rows: str) -> Path:
    picture(folder / "below", "a.png")
    (folder / "fields.csv").write_text(f"image,all,without,with\n{rows}")
    return folder


def test_pictures_below_are_found_and_those_without_a_row_named(tmp_path: Path) -> None:
    picture(tmp_path, "b.png")
    picture(tmp_path / ".hidden", "c.png")
    found = source_of_fields.find(table(tmp_path, "below/a.png,,tumor,stroma;fat\n"))
    assert found is not None
    (pair,) = found.pairs
    assert pair.labels == tmp_path / "fields.csv"
    assert pair.field
    assert (pair.field.without, pair.field.somewhere) == (("tumor",), ("stroma", "fat"))
    assert "1 image without a row left out: b.png" in found.note


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ("a.png,fat;stroma,,\n", "row 2: all is 'fat;stroma', wanted one class"),
        ("a.png,,,\n", r"nothing is known of a\.png"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, rows: str, fact: str) -> None:
    with pytest.raises(SourceError, match=fact):
        source_of_fields.find(table(tmp_path, rows))


def test_areas_beside_a_picture_are_its_labels(tmp_path: Path) -> None:
    folder = table(tmp_path, "a.png,,tumor,\n")
    (folder / "below" / "a.geojson").touch()
    found = source_of_fields.find(folder)
    assert found is not None
    assert found.pairs[0].labels == folder / "below" / "a.geojson"
    (folder / "fields.csv").write_text("image,all\na.png,fat\n")
    with pytest.raises(SourceError, match="keep one of the two"):
        source_of_fields.find(folder)


def test_the_licence_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    folder = table(tmp_path, "a.png,,tumor,\n")
    assert source_of_fields.find(folder).licence == "not stated"  # type: ignore[union-attr]
    (folder / "licence.txt").write_text("  My data, CC0 \nmore\n")
    assert source_of_fields.find(folder).licence == "My data, CC0"  # type: ignore[union-attr]


def test_another_patient_than_the_names_is_refused(tmp_path: Path) -> None:
    picture(tmp_path, "TCGA-A1-A0SK.png")
    (tmp_path / "fields.csv").write_text("image,patient,with\nTCGA-A1-A0SK,P,tumor\n")
    with pytest.raises(SourceError, match=r"patient of TCGA-A1-A0SK\.png is 'P'"):
        source_of_fields.find(tmp_path)
