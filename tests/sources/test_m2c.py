"""BRCA-M2C: dots on nuclei, and the release's own lists."""

from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.sources import m2c, open_source
from breastseg.sources.annotations import Dot, Drawn, read_drawn
from conftest import DATA

M2C = DATA / "brca_m2c"


def test_the_real_m2c_sample() -> None:
    """A line is y x class, counted from 0; so its dot lies in the middle of that pixel."""
    source = open_source(M2C)
    assert source.description == "BRCA-M2C dots: 2 image-mask pairs, 2 patients, 2 hospitals"
    assert [(r.patient, r.site, r.mpp, r.split) for r in source.regions] == [
        ("TCGA-A7-A0DA", "A7", 0.5, "train"), ("TCGA-A8-A082", "A8", 0.5, "val"),
    ]  # fmt: skip
    assert source.label_map == "region5"
    names = {"1": "lymphocytic_infiltrate", "2": "tumor", "3": "stroma"}
    for region, count in zip(source.regions, (97, 62), strict=True):
        lines = [line.split() for line in region.labels.read_text().splitlines()]
        assert read_drawn(region.labels) == Drawn(
            (), tuple(Dot(names[k], int(x) + 0.5, int(y) + 0.5) for y, x, k in lines)
        )
        assert len(lines) == count
        assert {k for *_, k in lines} == {"1", "2", "3"}


def test_lists_that_put_one_patient_on_both_sides_are_said(tmp_path: Path) -> None:
    for sub in ("images", "labels"):
        (tmp_path / sub).mkdir()
    for slide in ("DX1", "DX2"):
        (tmp_path / "images" / f"TCGA-A7-A0DA-01Z-00-{slide}_1.png").write_bytes(
            next((M2C / "images").iterdir()).read_bytes()
        )
        (tmp_path / "labels" / f"TCGA-A7-A0DA-01Z-00-{slide}_1_gt_class_coords.txt").write_text(
            "1 2 3\n"
        )
    (tmp_path / "brca_ds_train.txt").write_text("TCGA-A7-A0DA-01Z-00-DX1_1.png\n")
    (tmp_path / "brca_ds_val.txt").write_text("TCGA-A7-A0DA-01Z-00-DX2_1.png\n")
    assert (
        "its own lists put TCGA-A7-A0DA into training and validation: split it again by patient"
        in open_source(tmp_path).notes
    )
    (tmp_path / "brca_ds_val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match=r"brca_ds_val\.txt: not a list of file names"):
        open_source(tmp_path)


def test_pictures_in_no_list_have_no_part(tmp_path: Path) -> None:
    for place in ("images", "labels"):
        (tmp_path / place).mkdir()
    (tmp_path / "images" / "a.png").touch()
    assert m2c.find(tmp_path) is None
    (tmp_path / "labels" / f"a{m2c.SUFFIX}.txt").touch()
    found = m2c.find(tmp_path)
    assert found is not None
    assert [(pair.split, found.note) for pair in found.pairs] == [("", "")]
