"""Recognising folders of annotations: who is whose patient, at which resolution, and what does not
fit together."""

from pathlib import Path

import pytest

from breastseg.errors import MppError, SourceError
from breastseg.sources import SOURCES, open_source
from conftest import paint, tcga
from source_folders import picture


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
        match=r"two/images/.*'TCGA-A2-A001.*', the first is .*one/images/",
    ):
        open_source(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match="nowhere: no such folder, wanted one with annotated images"
    ):
        open_source(tmp_path / "nowhere")
    with pytest.raises(
        SourceError,
        match=r"no image-mask pairs; wanted images/ with masks/",
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
