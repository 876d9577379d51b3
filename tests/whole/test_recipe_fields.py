"""The recipe that writes folders of whole fields, on painted images under the names of the public
data sets."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.sources import open_source
from conftest import SHARED

RECIPES = Path(__file__).parents[2] / "recipes" / "breast1"
BREAKHIS = (
    "SOB_B_F-14-21998CD-100-001.png",
    "SOB_B_PT-14-21998AB-100-002.png",
    "SOB_B_F-14-14134E-100-003.png",
    "SOB_M_DC-14-13412-100-001.png",
    "SOB_M_DC-14-10926-100-004.png",
    "SOB_M_MC-14-18842-100-005.png",
)
GTEX = (
    "adipocyte__1-2_GTEX-18A6Q_Adipose-Subcutaneous.jpg",
    "empty__0-0_GTEX-1117F_Adipose-Subcutaneous.jpg",
    "not_adipocyte__1-2_GTEX-1117F_Adipose-Subcutaneous.jpg",
)
NCT_CRC = tuple(
    f"{kind}___{kind}-TCGA-ABCDEFGH_101.jpg"
    for kind in ("ADI", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder, names in (
        ("breakhis/Train", BREAKHIS),
        ("gtex_adipose/images", GTEX),
        ("nct_crc/images", NCT_CRC),
    ):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            pixels = np.full((20, 30, 3), len(name), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / name)
    return tmp_path


def run(data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, RECIPES / "fields.py", data, data / "breakhis", out]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_it_writes_four_folders_of_the_same_bytes_each_time(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path / "1").returncode == 0
    assert run(data, tmp_path / "1").returncode == 0
    assert run(data, tmp_path / "2").returncode == 0
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")
    sources = {folder.name: open_source(folder) for folder in (tmp_path / "1").iterdir()}
    patients = {
        name: [region.patient for region in source.regions] for name, source in sources.items()
    }
    assert patients["breakhis"] == [
        "14-21998",
        "14-21998",
        "14-10926",
    ], "13412 is left out, slides of one case are one patient"
    assert patients["breakhis_held_out"] == ["14-14134", "14-18842"]
    assert patients["gtex"] == ["GTEX-18A6Q", "GTEX-1117F"], "glass is left out"
    facts = {
        region.id.split("_")[0]: (region.field.all, region.mpp)
        for region in sources["nct_crc"].regions
        if region.field
    }  # fmt: skip
    assert facts == {
        "ADI": ("other", 0.5),
        "LYM": ("inflammatory", 0.5),
        "MUC": ("other", 0.5),
        "STR": ("stroma", 0.5),
    }
    known = {region.id: region.field for region in sources["breakhis"].regions}
    benign, malignant = known["SOB_B_F-14-21998CD-100-001"], known["SOB_M_DC-14-10926-100-004"]
    assert benign is not None
    assert malignant is not None
    assert (benign.without, benign.somewhere) == (("tumor", "necrosis"), ())
    assert (malignant.without, malignant.somewhere) == ((), ("tumor",))
    assert (
        sources["breakhis"]
        .parts[0]
        .startswith("fields known as a whole: BreaKHis (Spanhol et al. 2016")
    )


def test_a_case_that_nobody_dealt_is_an_error(data: Path, tmp_path: Path) -> None:
    old = data / "breakhis" / "Train" / BREAKHIS[0]
    old.rename(old.with_name("SOB_B_F-14-99999CD-100-001.png"))
    done = run(data, tmp_path / "out")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "case 14-99999 is not in" in line


def test_both_kinds_are_held_out_and_about_a_third_of_the_cases() -> None:
    with (RECIPES / "fields" / "breakhis_cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    held = [row for row in rows if row["split"] == "test"]
    assert {row["split"] for row in rows} == {"train", "test"}
    assert len(rows) == len({row["patient"] for row in rows}) == 22
    assert len(held) == 8
    assert sum("carcinoma" in row["note"] for row in held) == 5


@pytest.mark.skipif(not (SHARED / "gtex_adipose").is_dir(), reason="no shared data here")
def test_real_names_are_known(data: Path, tmp_path: Path) -> None:
    words = [sys.executable, RECIPES / "fields.py", SHARED, data / "breakhis", tmp_path / "out"]
    subprocess.run(words, check=True, capture_output=True)
    assert len(open_source(tmp_path / "out" / "gtex").regions) == 10
    assert len(open_source(tmp_path / "out" / "nct_crc").regions) == 40
