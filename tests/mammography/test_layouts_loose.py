"""Films that are of no data set."""

from pathlib import Path

import pytest

from breastseg.mammography.layouts import find_layout, loose
from mammograms import paint_film, save_picture, write_mg

pytest.importorskip("pydicom")


def test_loose_films_are_numbered_by_patient(tmp_path: Path) -> None:
    write_mg(tmp_path / "doe_jane_1.dcm")
    write_mg(tmp_path / "doe_jane_2", ViewPosition="CC")
    write_mg(tmp_path / "other.dcm", PatientID="another")
    write_mg(tmp_path / "report.dcm", Modality="SR", Rows=None, PixelData=None)
    save_picture(tmp_path / "a.png", paint_film())
    layout = find_layout(tmp_path)
    names = [(entry.name, entry.patient) for entry in layout.entries]
    assert names == [
        ("film-0001", "patient-0001"),
        ("film-0002", "patient-0001"),
        ("film-0003", "patient-0002"),
        ("a", ""),
    ]
    assert [one.cause for one in layout.left_out] == ["film-0004: no image in it (SR)"]


def test_names_of_files_are_kept_where_wanted(tmp_path: Path) -> None:
    write_mg(tmp_path / "first.dcm")
    layout = loose.find(tmp_path, keep_names=True)
    assert layout is not None
    assert [(entry.name, entry.patient) for entry in layout.entries] == [("first", "patient-0001")]


def test_two_pictures_of_one_name_keep_their_endings(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.png", paint_film())
    save_picture(tmp_path / "a.tif", paint_film())
    layout = loose.find(tmp_path)
    assert layout is not None
    assert [entry.name for entry in layout.entries] == ["a", "a.tif"]
    (tmp_path / "nothing").mkdir()
    assert loose.find(tmp_path / "nothing") is None
