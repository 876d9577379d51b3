"""Audit: a planted fault of each kind is found and named, and a clean data set is not accused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from audited import finding, found, say_split
from breastseg.cli import main
from breastseg.data.audit import audit
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import DatasetError, OutputError, SplitError
from conftest import SHARED, quiet


def test_a_clean_set_is_not_accused(painted_data: Dataset) -> None:
    split(painted_data, SplitConfig("random", val=0.2, test=0.2))
    report = audit(painted_data.path)
    assert report["findings"] == []
    held = report["splits"]["split.csv"]["parts"]
    assert (
        sum(part["regions"] for part in held.values())
        == sum(part["patients"] for part in held.values())
        == 6
    )
    assert (
        sum(part["pixels"]["tumor"] for part in held.values())
        == painted_data.class_pixels["tumor"].sum()
    )
    assert main(["audit", str(painted_data.path)]) == 0


def test_an_unsplit_set_is_audited_and_says_so(
    painted_data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(audit(painted_data.path)) == ["not split"]
    assert main(["audit", str(painted_data.path)]) == 0
    assert "not split yet: nothing can be in two parts" in capsys.readouterr().out


def test_the_folder(
    painted_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Same data, same bytes; a changed split may be audited into the same folder; the page needs
    nothing from outside."""
    out = tmp_path / "out"
    assert main(["audit", str(painted_data.path), "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"{out / 'audit.html'}\n")
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(written) == {"audit.json", "audit.html", "breastseg-work.json"}
    assert json.loads(written["audit.json"]) == audit(painted_data.path)
    assert main(["audit", str(painted_data.path), "--out", str(out)]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == written
    page = written["audit.html"].decode()
    assert "not split yet" in page
    assert not any(word in page for word in ("http:", "https:", "<script", "src="))
    split(painted_data, SplitConfig("random"))
    audit(painted_data.path, out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    with pytest.raises(OutputError, match="not empty"):
        audit(painted_data.path, tmp_path / "other")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "region,split\nA,train\n",
            "row 2: region 'A' is not in regions.csv; split the data set again",
        ),
        ("region;split\n", "a head without rows, wanted a CSV with region, split"),
        (
            "region,part\nA,train\n",
            (
                "columns are region, part; wanted a CSV with region, split .*did you mean split by"
                " 'part'?"
            ),
        ),
        ("", "empty, wanted a CSV with region, split"),
    ],
)
def test_a_broken_split(painted_data: Dataset, content: str, message: str) -> None:
    (painted_data.path / "split.csv").write_text(content)
    with pytest.raises(SplitError, match=message):
        audit(painted_data.path)


def test_an_unknown_part(painted_data: Dataset) -> None:
    say_split(painted_data, dict.fromkeys(map(str, painted_data.regions.index), "holdout"))
    with pytest.raises(SplitError, match="has the part 'holdout', wanted train, val, test"):
        audit(painted_data.path)


def test_a_broken_data_set_is_one_line(
    painted_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(tmp_path / "nothing")]) == 2
    name = str(painted_data.regions.index[2])
    labels = painted_data.path / "arrays" / f"{name}.labels.npy"
    np.save(labels, np.zeros((5, 5), np.uint8))
    with pytest.raises(
        DatasetError,
        match=r"labels of \(5, 5\) \|u1, regions.csv tells \(96, 96\) \|u1",
    ):
        audit(painted_data.path)
    labels.write_bytes(b"words")
    assert main(["audit", str(painted_data.path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.skipif(not (SHARED / "brca_m2c").is_dir(), reason="needs the whole BRCA-M2C release")
def test_the_official_lists_of_brca_m2c_share_two_patients(tmp_path: Path) -> None:
    folder = tmp_path / "m2c"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for path in (SHARED / "brca_m2c").rglob("*.*"):
        if path.suffix == ".txt" or "A0DB" in path.name or "A13G" in path.name:
            keep = path.parent == SHARED / "brca_m2c" or "A0DB" in path.name or "A13G" in path.name
            if keep:
                shutil.copy(path, folder / path.relative_to(SHARED / "brca_m2c"))
    data = prepare(folder, tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet)
    shared = finding(audit(data.path), "shared patient")
    assert shared["severity"] == "leak"
    assert shared["numbers"]["names"] == ["TCGA-A7-A0DB", "TCGA-A7-A13G"]


def test_open_dataset_is_what_audit_reads(painted_data: Dataset) -> None:
    assert audit(painted_data.path)["data"] == open_dataset(painted_data.path).fingerprint()
