"""BRACS: regions named by slide and type."""

from pathlib import Path

import numpy as np
from PIL import Image

from breastseg.sources import bracs, open_source


def picture(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 48, 3), 200, np.uint8)).save(folder / name)


def test_bracs_is_named_by_slide_and_type(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "2_UDH", "BRACS_1286_UDH_35.png")
    picture(tmp_path / "train" / "6_IC", "BRACS_7_IC_1.png")
    one, two = open_source(tmp_path).regions
    assert (one.patient, one.mpp) == ("BRACS_1286", 0.25)
    assert one.field
    assert two.field
    assert (one.field.type, two.field.type) == ("usual ductal hyperplasia", "invasive carcinoma")
    (tmp_path / "patients.csv").write_text(
        "image,patient\nBRACS_1286_UDH_35.png,A\nBRACS_7_IC_1.png,A\n"
    )
    regions = open_source(tmp_path, table=tmp_path / "patients.csv").regions
    assert [region.patient for region in regions] == ["A", "A"]


def test_what_a_type_says_of_classes(tmp_path: Path) -> None:
    for kind in bracs.TYPES:
        picture(tmp_path, f"BRACS_1_{kind}_1.png")
    picture(tmp_path, "BRACS_1_XX_1.png")
    found = bracs.find(tmp_path)
    assert found is not None
    said = {pair.field.type: pair.field for pair in found.pairs if pair.field}
    assert len(said) == len(bracs.TYPES)
    assert said["invasive carcinoma"].somewhere == ("tumor",)
    assert said["normal"].without == ("tumor", "necrosis")
    atypical = said["atypical ductal hyperplasia"]
    assert (atypical.without, atypical.somewhere) == ((), ())


def test_no_such_names_no_bracs(tmp_path: Path) -> None:
    picture(tmp_path, "BRACS_1.png")
    assert bracs.find(tmp_path) is None
