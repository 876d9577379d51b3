"""The audit names classes that come from one hospital or one scanner alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from breastseg.data.audit import audit
from breastseg.data.audit.confounded import confounded
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from conftest import paint, quiet, tcga

TUMOR, STROMA, NECROSIS = 1, 2, 4


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Three patients at A2 and two at OL; necrosis in two of A2 alone."""
    for site, patient, codes in (
        ("A2", "P1", (TUMOR, STROMA, NECROSIS)),
        ("A2", "P2", (TUMOR, STROMA, NECROSIS)),
        ("A2", "P3", (TUMOR, STROMA)),
        ("OL", "P4", (TUMOR, STROMA)),
        ("OL", "P5", (TUMOR, STROMA)),
    ):
        paint(tmp_path / "source", tcga(site, patient * 2), codes=codes)
    config = PrepareConfig(to_mpp=0.30, workers=1)
    return prepare(tmp_path / "source", tmp_path / "data", config, reporter=quiet)


def told(data: Dataset) -> list[tuple[object, ...]]:
    found = confounded(data, None)
    return [
        (one.numbers["class"], one.numbers["of"], one.numbers["group"], one.numbers["patients"])
        for one in found
    ]


def test_a_class_of_one_hospital_is_named(data: Dataset) -> None:
    assert told(data) == [("necrosis", "hospital", "A2", 2)]
    [finding] = [one for one in audit(data.path)["findings"] if one["check"] == "confounded"]
    assert finding["severity"] == "warning"
    assert finding["sentence"].startswith(
        "necrosis comes from one hospital alone, A2 (2 patients), and not from 1 other with 2"
        " patients"
    )


def test_a_class_of_one_scanner_is_named(data: Dataset) -> None:
    sites = data.regions["site"]
    scanners = ["aperio SS1" if site == "A2" else "aperio SS2" for site in sites]
    with_scanner = replace(data, regions=data.regions.assign(scanner=scanners))
    assert ("necrosis", "scanner", "aperio SS1", 2) in told(with_scanner)
    one = replace(data, regions=data.regions.assign(scanner="aperio SS1"))
    assert [which for _, which, *_ in told(one)] == ["hospital"], "one scanner of all: no finding"


def test_an_unknown_hospital_may_be_any(data: Dataset) -> None:
    sites = ["" if "P1" in str(region) else site for region, site in data.regions["site"].items()]
    assert told(replace(data, regions=data.regions.assign(site=sites))) == []


def test_what_is_not_taught_is_not_looked_at(data: Dataset, tmp_path: Path) -> None:
    lines = ["patient,split"]
    for patient in data.regions["patient"]:
        has_necrosis = patient.endswith(("P1P1", "P2P2"))
        lines.append(f"{patient},{'test' if has_necrosis else 'train'}")
    table = tmp_path / "split.csv"
    table.write_text("\n".join(lines))
    split(data, SplitConfig(str(table)))
    checks = [one["check"] for one in audit(data.path)["findings"]]
    assert "confounded" not in checks
