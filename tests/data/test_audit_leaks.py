"""Who is in two parts of a split: patients, slides, regions, and images that overlap."""

from pathlib import Path

import pandas as pd
import pytest

from audited import fields, finding, found, kaggle, real, say_split
from breastseg.cli import main
from breastseg.data.audit import audit
from breastseg.data.audit.leaks import Split, overlaps, shared, splits
from breastseg.data.audit.places import places
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from conftest import paint, quiet


def test_a_patient_slide_and_region_in_two_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P1 has two slides, P2 two regions of one slide, P3 two tiles of one region; each pair is torn
    apart, P4 is not."""
    names = {
        "P1": (
            "TCGA-A2-P001-DX1_xmin0_ymin0_MPP-0.2500",
            "TCGA-A2-P001-DX2_xmin0_ymin0_MPP-0.2500",
        ),
        "P2": (
            "TCGA-A2-P002-DX1_xmin0_ymin0_MPP-0.2500",
            "TCGA-A2-P002-DX1_xmin9000_ymin0_MPP-0.2500",
        ),
        "P3": (
            "TCGA-A2-P003-DX1_xmin0_ymin0_MPP-0.2500_y0_x0_96",
            "TCGA-A2-P003-DX1_xmin0_ymin0_MPP-0.2500_y0_x96_96",
        ),
        "P4": (
            "TCGA-A2-P004-DX1_xmin0_ymin0_MPP-0.2500",
            "TCGA-A2-P004-DX1_xmin9000_ymin0_MPP-0.2500",
        ),
    }
    for pair in names.values():
        for name in pair:
            paint(tmp_path / "src", name)
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.30, mpp=0.30, workers=1),
        reporter=quiet,
    )
    say_split(
        data,
        {
            name: part
            for pair in list(names.values())[:3]
            for name, part in zip(pair, ("train", "test"), strict=True)
        }
        | dict.fromkeys(names["P4"], "test"),
    )
    report = audit(data.path)
    assert found(report) == ["shared patient", "shared slide", "shared region"]
    assert finding(report, "shared patient")["numbers"]["names"] == [
        "TCGA-A2-P001",
        "TCGA-A2-P002",
        "TCGA-A2-P003",
    ]
    assert finding(report, "shared slide")["numbers"]["names"] == [
        "TCGA-A2-P002-DX1",
        "TCGA-A2-P003-DX1",
    ]
    assert finding(report, "shared region")["numbers"]["names"] == [
        "TCGA-A2-P003-DX1_xmin0_ymin0_MPP-0.2500"
    ]
    assert {f["severity"] for f in report["findings"]} == {"leak"}
    assert main(["audit", str(data.path)]) == 1
    told = capsys.readouterr()
    assert "3 of 4 patients are in more than one part of split.csv (train + test)" in told.out
    assert told.err.count("\n") == 1
    assert "leak: 3 of 4 patients" in told.err


def test_a_region_listed_twice(painted_data: Dataset) -> None:
    names = [str(name) for name in painted_data.regions.index]
    say_split(painted_data, [(name, "train") for name in names] + [(names[0], "val")])
    assert finding(audit(painted_data.path), "shared region")["numbers"]["names"] == [names[0]]


def test_overlapping_fields_of_one_slide_in_two_parts(tmp_path: Path) -> None:
    """The second begins 60 um to the right of the first, which is 112 um wide; the third touches
    the second."""
    names = [f"TCGA-A2-P001-DX1_xmin{x}_ymin0_MPP-0.2500" for x in (0, 240, 688)]
    data = fields(tmp_path, {name: real(i) for i, name in enumerate(names)})
    say_split(data, dict(zip(names, ("train", "test", "train"), strict=True)))
    overlap = finding(audit(data.path), "overlap")
    assert (overlap["severity"], overlap["numbers"]["pairs"]) == ("leak", 1)
    assert overlap["numbers"]["largest_share"] == pytest.approx((112 - 60) / 112, abs=1e-3)
    assert overlap["numbers"]["names"] == [f"{names[0]} + {names[1]}"]


def test_the_kaggle_copy_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = kaggle(tmp_path, above=200, become=0)
    report = audit(data.path)
    named = finding(report, "kaggle 224")
    assert named["severity"] == "leak"
    assert named["numbers"]["regions_in_two_parts"] == {"the source's own split": 1}
    assert named["numbers"]["codes_above_2"] is False
    assert "merged into 0" in named["sentence"]
    assert finding(report, "absent classes")["numbers"]["absent"] == [
        "inflammatory",
        "necrosis",
        "other",
    ]
    assert main(["audit", str(data.path)]) == 1
    assert "224-px tiles of BCSS on Kaggle" in capsys.readouterr().out


def test_the_sources_own_split_is_a_warning_once_there_is_another(tmp_path: Path) -> None:
    data = kaggle(tmp_path, above=200, become=4)
    say_split(data, dict.fromkeys(map(str, data.regions.index), "train"))
    report = audit(data.path)
    assert found(report, "leak") == []
    assert "shared patient" in found(report, "warning")
    assert finding(report, "kaggle 224")["severity"] == "warning"
    assert finding(report, "kaggle 224")["numbers"]["codes_above_2"] is True
    assert report["splits"]["the source's own split"]["used"] is False


def rows(*entries: tuple[str, str, str, str]) -> pd.DataFrame:
    """Rows of (region, part, patient, slide); each region is a field of its own."""
    table = pd.DataFrame(entries, columns=["region", "part", "patient", "slide"])
    return table.assign(site="", field=table["region"])


def test_a_split_by_patient_shares_nothing() -> None:
    table = rows(("a", "train", "P", "P-1"), ("b", "train", "P", "P-2"), ("c", "test", "Q", "Q-1"))
    assert list(shared(Split("x", table, True))) == []


def test_what_is_in_two_parts_is_counted_by_kind() -> None:
    table = rows(("a", "train", "P", "S"), ("b", "test", "P", "S"), ("a", "val", "P", "S"))
    findings = {one.check: one for one in shared(Split("x", table, False))}
    assert set(findings) == {"shared patient", "shared slide", "shared region"}
    assert {one.severity for one in findings.values()} == {"warning"}, "nobody uses this split"
    assert findings["shared patient"].numbers["parts"] == ["train + val + test"]
    assert findings["shared region"].numbers["names"] == ["a"]


def test_the_splits_of_a_data_set(painted_data: Dataset) -> None:
    where = places(painted_data)
    assert splits(painted_data, where) == []
    split(painted_data, SplitConfig("random"))
    (own,) = splits(painted_data, where)
    assert (own.name, own.used, own.severity) == ("split.csv", True, "leak")
    assert set(own.parts()) == set(painted_data.regions.index)
    assert list(overlaps(own, where)) == []
