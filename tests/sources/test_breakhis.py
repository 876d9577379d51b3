"""Sources of types: names of BreaKHis and BRACS, the table of BCNB, a table of one's own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import LabelError, MppError
from breastseg.labels.types import TypeMap, load_type_map
from breastseg.sources import open_source
from breastseg.sources.breakhis import MPP


def picture(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(folder / name)


def test_a_name_tells_type_case_and_resolution(tmp_path: Path) -> None:
    picture(tmp_path / "Train", "SOB_B_F-14-21998CD-100-001.png")
    picture(tmp_path / "Train", "SOB_B_PT-14-21998AB-100-002.png")
    picture(tmp_path / "Train", "SOB_M_DC-14-14926-40-003.png")
    source = open_source(tmp_path)
    one, two, three = source.regions
    assert (one.patient, two.patient, three.patient) == ("14-21998", "14-21998", "14-14926")
    assert [r.field and r.field.type for r in source.regions] == [
        "fibroadenoma",
        "phyllodes tumor",
        "ductal carcinoma",
    ]
    assert (one.mpp, three.mpp) == (MPP["100"], MPP["40"])
    assert one.field
    assert three.field
    assert one.field.without == ("tumor", "necrosis")
    assert three.field.somewhere == ("tumor",)


def test_microns_follow_the_magnification() -> None:
    for magnification, mpp in MPP.items():
        assert mpp == pytest.approx(MPP["100"] * 100 / int(magnification))


def test_the_case_with_two_diagnoses_and_unlabelled_pictures_are_left_out(tmp_path: Path) -> None:
    for name in ("SOB_M_DC-14-14926-100-001", "SOB_M_DC-14-13412-100-001", "SOB_17"):
        picture(tmp_path, f"{name}.png")
    source = open_source(tmp_path)
    assert [region.id for region in source.regions] == ["SOB_M_DC-14-14926-100-001"]
    assert "2 images left out" in source.notes[0]


def test_an_unknown_magnification_is_refused(tmp_path: Path) -> None:
    picture(tmp_path, "SOB_M_DC-14-14926-150-001.png")
    with pytest.raises(MppError, match="magnification 150X"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "diagnosis", "wanted"),
    [
        ("malignancy", "Fibroadenoma", "benign"),
        ("malignancy", "lobular carcinoma", "malignant"),
        ("malignancy", "atypical ductal hyperplasia", ""),
        ("carcinoma", "lobular carcinoma", "lobular carcinoma"),
        ("carcinoma", "adenosis", ""),
        ("carcinoma", "", ""),
    ],
)
def test_type_maps(name: str, diagnosis: str, wanted: str) -> None:
    assert load_type_map(name).type_of(diagnosis, "here") == wanted


def test_a_type_that_a_map_does_not_name_is_refused() -> None:
    with pytest.raises(LabelError, match="here: type 'lipoma' is not in type map 'malignancy'"):
        load_type_map("malignancy").type_of("lipoma", "here")


def test_a_map_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"types": {"soft": ["lipoma"], "hard": []}, "left_out": ["unclear"]}')
    found = load_type_map(path)
    assert found == TypeMap("mine", {"soft": ("lipoma",), "hard": ()}, ("unclear",))
    assert [found.type_of(one, "") for one in ("lipoma", "hard", "unclear")] == ["soft", "hard", ""]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "wanted 2 to 50 names"),
        ('{"types": {"one": []}}', "wanted 2 to 50 names"),
        ('{"types": {"a": ["x"], "b": ["X"]}}', "X' is under a and under b"),
        ('{"types": {"a": "x", "b": []}}', "wanted a list of diagnoses"),
    ],
)
def test_what_is_no_type_map(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(LabelError, match=why):
        load_type_map(tmp_path / "mine.json")
