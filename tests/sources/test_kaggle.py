"""The two Kaggle copies of BCSS, with their own splits."""

from pathlib import Path

from breastseg.sources import kaggle, open_source
from conftest import DATA
from source_folders import picture


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


def test_pictures_without_masks_are_named(tmp_path: Path) -> None:
    name = "TCGA-A2-A001-DX1_xmin1_ymin2_MPP-0.png"
    picture(tmp_path / "train" / name)
    picture(tmp_path / "train_mask" / name, mask=True)
    for number in range(3):
        picture(tmp_path / "test" / f"{number}.png")
    found = kaggle.find(tmp_path)
    assert found is not None
    assert [pair.split for pair in found.pairs] == ["train"]
    assert "test/ (3)" in found.note


def test_folders_without_a_training_part_are_none(tmp_path: Path) -> None:
    picture(tmp_path / "val" / "a.png")
    picture(tmp_path / "val_mask" / "a.png", mask=True)
    assert kaggle.find(tmp_path) is None
