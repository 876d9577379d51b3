"""What the truth holds: classes that never occur, and regions without annotation."""

from pathlib import Path

from audited import fields, finding, real, say_split
from breastseg.data.audit import audit
from breastseg.data.audit.leaks import Split
from breastseg.data.audit.masks import contents, lopsided, merged, unannotated, unknown_patients
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from conftest import paint, quiet, tcga


def test_classes_that_never_occur_are_a_suspicion(tmp_path: Path) -> None:
    for k in range(6):
        paint(tmp_path / "src", tcga("A2", f"A00{k}"), codes=(1, 2))
    data = prepare(
        tmp_path / "src", tmp_path / "data", PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet
    )
    absent = finding(audit(data.path), "absent classes")
    assert absent["severity"] == "warning"
    assert absent["numbers"] == {
        "absent": ["inflammatory", "necrosis", "other"],
        "annotated_px": 6 * 96 * 96,
        "patients": 6,
        "share_not_annotated": 0.0,
    }


def test_classes_in_one_part_only_and_regions_without_truth(tmp_path: Path) -> None:
    codes = {"A001": (1, 2, 3), "A002": (1, 2, 4), "A003": (0,)}
    for patient, chosen in codes.items():
        paint(tmp_path / "src", tcga("A2", patient), codes=chosen)
    data = prepare(
        tmp_path / "src", tmp_path / "data", PrepareConfig(to_mpp=0.30, workers=1), reporter=quiet
    )
    say_split(
        data, {tcga("A2", "A001"): "train", tcga("A2", "A002"): "test", tcga("A2", "A003"): "train"}
    )
    report = audit(data.path)
    told = {
        f["severity"]: f["numbers"]["classes"]
        for f in report["findings"]
        if f["check"] == "class support"
    }
    assert told == {"warning": ["necrosis"], "note": ["inflammatory"]}
    assert finding(report, "no annotation")["numbers"]["names"] == [tcga("A2", "A003")]


def test_unknown_patients_are_told(tmp_path: Path) -> None:
    report = audit(fields(tmp_path, {"one": real(0), "two": real(1)}).path)
    assert finding(report, "patients unknown")["numbers"]["count"] == 2


def halves(data: Dataset) -> Split:
    """The first half of the regions trains, the other tests."""
    names = [str(name) for name in data.regions.index]
    part = ["train" if number < 3 else "test" for number in range(len(names))]
    about = data.regions[["patient", "site"]].reset_index(drop=True)
    table = about.assign(region=names, part=part, slide=names, field=names)
    return Split("halves", table, True)


def test_parts_hold_what_is_in_them(painted_data: Dataset) -> None:
    parts = contents(painted_data, halves(painted_data))
    assert set(parts) == {"train", "test"}
    assert [parts[part]["regions"] for part in ("train", "test")] == [3, 3]
    whole = painted_data.class_pixels.sum()
    for name, total in whole.items():
        both = parts["train"]["pixels"][str(name)] + parts["test"]["pixels"][str(name)]
        assert both == total


def test_a_set_with_all_classes_everywhere_is_not_accused(painted_data: Dataset) -> None:
    assert list(merged(painted_data)) == []
    assert list(unannotated(painted_data)) == []
    assert list(unknown_patients(painted_data)) == []
    assert list(lopsided(painted_data, halves(painted_data))) == []
