"""Audit: a planted fault of each kind is found and named, and a clean data set is not accused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.data.audit import audit
from breastseg.data.audit.colours import colour_baseline, stain_gap
from breastseg.data.audit.duplicates import NEAR_BITS, difference_hashes, near_pairs
from breastseg.data.audit.look import Looks
from breastseg.data.audit.places import overlapping, place
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import DatasetError, InputError, OutputError, SplitError
from conftest import CROPS, DATA, SHARED, crop, paint, quiet, tcga


def found(report: dict[str, Any], severity: str | None = None) -> list[str]:
    return [f["check"] for f in report["findings"] if severity in {None, f["severity"]}]


def finding(report: dict[str, Any], check: str) -> dict[str, Any]:
    (one,) = [f for f in report["findings"] if f["check"] == check]
    return one


def say_split(data: Dataset, parts: dict[str, str] | list[tuple[str, str]]) -> None:
    """Write split.csv as a person would, past the checks of `breastseg split`."""
    rows = parts.items() if isinstance(parts, dict) else parts
    (data.path / "split.csv").write_text(
        "region,split\n" + "".join(f"{region},{part}\n" for region, part in rows)
    )


def fields(folder: Path, pictures: dict[str, npt.NDArray[np.uint8]], **config: Any) -> Dataset:
    """Prepare pictures at 0.5 um/px, each with the five codes in stripes."""
    for name, picture in pictures.items():
        paint(folder / "src", name, side=picture.shape[0])
        Image.fromarray(picture).save(folder / "src" / "images" / f"{name}.png")
    chosen = {"to_mpp": 0.5, "mpp": 0.5, "labels": "region5", "workers": 1, **config}
    return prepare(folder / "src", folder / "data", PrepareConfig(**chosen), reporter=quiet)


def real(index: int, side: int = 224) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(crop(index)[:side, :side])


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


@pytest.mark.parametrize(
    ("name", "slide", "field", "x_um", "y_um", "named_px"),
    [
        (
            "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0_0_1120_size224",
            "TCGA-A1-A0SK-DX1",
            "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0",
            45749 * 0.25 + 1120 * 0.3,
            25055 * 0.25,
            224,
        ),
        (
            "TCGA-A2-A0D2-DX1_xmin40_ymin80_MPP-0.2500_y10_x20",
            "TCGA-A2-A0D2-DX1",
            "TCGA-A2-A0D2-DX1_xmin40_ymin80_MPP-0.2500",
            16,
            23,
            0,
        ),
        (
            "TCGA-A7-A0D9-01Z-00-DX2_18001_13001_1000_1000_0.9824",
            "TCGA-A7-A0D9-DX2",
            "TCGA-A7-A0D9-01Z-00-DX2_18001_13001_1000_1000_0.9824",
            18001 * 0.2456,
            13001 * 0.2456,
            0,
        ),
        ("TCGA-A1-A0SK-DX1_1001_2x6", "TCGA-A1-A0SK-DX1", "TCGA-A1-A0SK-DX1_1001", 0, 0, 0),
        ("scan7_x30_y10_64", "scan7", "scan7", 9, 3, 64),
        ("scan7", "scan7", "scan7", 0, 0, 0),
    ],
)
def test_places_in_names(
    name: str, slide: str, field: str, x_um: float, y_um: float, named_px: int
) -> None:
    found = place(name, 0.3, (67.2, 67.2))
    assert (found.slide, found.field, found.named_px) == (slide, field, named_px)
    assert (found.x_um, found.y_um) == pytest.approx((x_um, y_um))


def test_overlaps_against_all_pairs() -> None:
    """Oracle: every pair of 60 random boxes in two frames, by hand."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.integers(1, 60, (60, 4)).astype(float),
        columns=["x_um", "y_um", "width_um", "height_um"],
        index=[f"r{k}" for k in range(60)],
    ).assign(frame=["a", "b"] * 30)
    boxes = table.to_dict("index")
    wanted = {}
    for one in boxes:
        for other in boxes:
            a, b = boxes[one], boxes[other]
            sides = [
                min(a[f"{k}_um"] + a[f"{s}_um"], b[f"{k}_um"] + b[f"{s}_um"])
                - max(a[f"{k}_um"], b[f"{k}_um"])
                for k, s in (("x", "width"), ("y", "height"))
            ]
            share = (
                max(0, sides[0])
                * max(0, sides[1])
                / min(a["width_um"] * a["height_um"], b["width_um"] * b["height_um"])
            )
            if one < other and a["frame"] == b["frame"] and share > 0.02:
                wanted[frozenset((one, other))] = share
    told = {frozenset((one, other)): share for one, other, share in overlapping(table)}
    assert told == pytest.approx(wanted)
    assert len(wanted) > 50


CHANGES = {
    "itself": lambda p: p,
    "jpeg": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1),
    "smaller": lambda p: cv2.resize(p, (100, 100), interpolation=cv2.INTER_AREA),
    "recoloured": lambda p: np.clip(p * [1.1, 0.85, 0.95] + [-10, 12, 5], 0, 255).astype(np.uint8),
    "turned": lambda p: np.ascontiguousarray(np.rot90(p)),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "turned and mirrored": lambda p: np.ascontiguousarray(np.rot90(p[::-1], 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_near_and_others_are_not(change: str) -> None:
    pictures = [real(i) for i in range(len(CROPS))]
    pairs = list(
        near_pairs(
            np.stack(
                [difference_hashes(p) for p in [*pictures, *(CHANGES[change](p) for p in pictures)]]
            )
        )
    )
    assert [(i, j) for i, j, _ in pairs] == [(i, i + len(pictures)) for i in range(len(pictures))]


def test_near_pairs_against_all_pairs() -> None:
    """Oracle: bits counted one by one; blocks of 256 are crossed, some hashes are planted near
    others."""
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, (300, 8, 4), dtype=np.uint64)
    hashes[290:, 3] = hashes[:10, 0] ^ np.uint64(2**40 + 2**7 + 1)
    bits = np.unpackbits(hashes.view(np.uint8), axis=2)
    wanted = {
        (i, j): int((bits[i, 0] != bits[j]).sum(axis=1).min())
        for i in range(300)
        for j in range(i + 1, 300)
    }
    assert {(i, j): n for i, j, n in near_pairs(hashes)} == {
        pair: n for pair, n in wanted.items() if n <= NEAR_BITS
    }
    assert next(iter(near_pairs(hashes))) == (0, 290, 12)


def test_a_copy_under_another_name_in_another_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mirrored JPEG of a training picture, as another patient, in test."""
    copy = np.ascontiguousarray(CHANGES["jpeg"](real(0))[:, ::-1])
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): real(0), tcga("A2", "A002"): real(1), tcga("OL", "C001"): copy},
    )
    names = list(data.regions.index)
    say_split(data, dict(zip(names, ("train", "train", "test"), strict=True)))
    twin = finding(audit(data.path), "near-identical")
    assert (twin["severity"], twin["numbers"]["pairs"]) == ("leak", 1)
    assert f"{names[0]} + {names[2]}" in twin["numbers"]["names"][0]
    assert main(["audit", str(data.path)]) == 1
    assert capsys.readouterr().err.endswith(
        "scores on this split say nothing, keep one of each pair, then split again\n"
    )
    say_split(data, dict.fromkeys(names, "train"))
    twin = finding(audit(data.path), "near-identical")
    assert (twin["severity"], twin["numbers"]["where"]) == (
        "warning",
        "under the names of different patients",
    )


def test_pictures_that_show_nothing_are_no_copies_of_each_other_but_blank(tmp_path: Path) -> None:
    glass = np.full((96, 96, 3), 240, np.uint8)
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): glass, tcga("OL", "C001"): glass, tcga("A1", "B001"): real(0)},
    )
    report = audit(data.path)
    assert "near-identical" not in found(report)
    assert finding(report, "blank")["numbers"]["count"] == 2


@pytest.mark.parametrize("mpp", [0.3, 0.5])
def test_blur_of_real_crops(tmp_path: Path, mpp: float) -> None:
    """Real crops at 0.30 are sharp; blurred by 2 um they are not."""
    blurred = cv2.GaussianBlur(crop(1), (0, 0), 2 / 0.3)
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): crop(0), tcga("A2", "A002"): blurred, tcga("A2", "A003"): crop(2)},
        to_mpp=mpp,
        mpp=0.3,
    )
    report = audit(data.path)
    assert finding(report, "blurred")["numbers"]["count"] == 1
    assert list(finding(report, "blurred")["numbers"]["regions"]) == [tcga("A2", "A002")]


def kaggle(folder: Path, **changes: int) -> Dataset:
    """The real tiles of the Kaggle layout, one in train and one in val, with a code painted below a
    row."""
    shutil.copytree(DATA / "kaggle224", folder / "k")
    for kind in ("", "_mask"):
        tile = sorted((folder / "k" / f"train{kind}").iterdir())[0]
        (folder / "k" / f"val{kind}").mkdir()
        tile.rename(folder / "k" / f"val{kind}" / tile.name)
    if changes:
        for path in (folder / "k").glob("*_mask/*.png"):
            codes = np.asarray(Image.open(path)).copy()
            codes[changes["above"] :] = changes["become"]
            Image.fromarray(codes).save(path)
    return prepare(folder / "k", folder / "data", PrepareConfig(workers=1), reporter=quiet)


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


def test_um_per_pixel_that_the_names_tell_and_one_that_differs(tmp_path: Path) -> None:
    for patient in ("A001", "A002", "A003"):
        paint(tmp_path / "src", tcga("A2", patient))
    (tmp_path / "t.csv").write_text(f"image,mpp\n{tcga('A2', 'A003')},0.25\n")
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.30, table=str(tmp_path / "t.csv"), workers=1),
        reporter=quiet,
    )
    odd, believed = [f for f in audit(data.path)["findings"] if f["check"] == "um/px"]
    assert odd["numbers"]["names"] == [tcga("A2", "A003")]
    assert "1 BCSS region taken for 0.25 um/px, as file names say" in believed["sentence"]
    assert "31% too small" in believed["sentence"]


def test_sizes_against_names_and_bounds(tmp_path: Path) -> None:
    """A whole region of 100 px whose bounds are 120 base pixels of 0.25 um: 0.3 um/px; and a tile
    named 224 that has 96 px."""
    whole = "TCGA-A2-A0D2-DX1_xmin1000_ymin7_MPP-0.2500"
    paint(tmp_path / "src", whole, side=100)
    paint(tmp_path / "src", "TCGA-A2-A001-DX1_xmin0_ymin0_MPP-0.2500_y0_x0_224")
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.5, mpp=0.4, workers=1),
        reporter=quiet,
    )
    assert finding(audit(data.path), "size")["numbers"]["count"] == 1
    with pytest.raises(InputError, match=r"roiBounds\.csv: not found; wanted the BCSS folder"):
        audit(data.path, source=tmp_path / "src")
    (tmp_path / "src" / "meta").mkdir()
    (tmp_path / "src" / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A2-A0D2-DX1,1000,7,1120,127,x\n"
    )
    (tmp_path / "src" / "meta" / "slide_magnifications.csv").write_text(
        ",name,_id,magnification\nTCGA-A2-A0D2,x.svs,1,40.0\n"
    )
    assert finding(audit(data.path, source=tmp_path / "src"), "um/px")["numbers"]["measured"] == {
        whole: pytest.approx(0.3, abs=1e-4)
    }


def test_unknown_patients_are_told(tmp_path: Path) -> None:
    report = audit(fields(tmp_path, {"one": real(0), "two": real(1)}).path)
    assert finding(report, "patients unknown")["numbers"]["count"] == 2


def windows(region: list[int], colours: list[int], labels: list[int]) -> Looks:
    """Return windows of one pure colour and one pure class each."""
    return Looks(
        pd.DataFrame(),
        np.zeros((0, 8, 4), np.uint64),
        np.array(region),
        np.eye(64, dtype=np.float32)[colours],
        100 * np.eye(2, dtype=np.int64)[labels],
    )


def test_colours_that_belong_to_patients_fall_apart_by_patient() -> None:
    """Each of four patients has its own colour of each class, and the next patient's colours mean
    the other class."""
    rows = [
        (patient, label, 2 * (patient // 2) + (label + patient) % 2)
        for patient in range(4)
        for label in (0, 1)
        for _ in range(20)
    ]
    patients, labels, colours = (list(column) for column in zip(*rows, strict=True))
    own = [2 * p + y for p, y, _ in rows]
    number = np.arange(4)
    told = colour_baseline(windows(patients, own, labels), number, number, None)
    assert told["tile"]["balanced_accuracy"] == 1.0
    told = colour_baseline(
        windows(patients, colours, labels),
        number,
        number,
        np.array(["train", "test", "train", "test"]),
    )
    assert (
        told["patient"]["balanced_accuracy"]
        == told["image"]["balanced_accuracy"]
        == told["split"]["balanced_accuracy"]
        == 0.0
    )
    assert told["patient"]["overlap"] == 0.0


@pytest.mark.parametrize(("by_patient", "severity"), [(False, "warning"), (True, "note")])
def test_a_gap_between_tiles_and_patients_is_a_finding(by_patient: bool, severity: str) -> None:
    rows = [
        (patient, label, (label + patient) % 2 + 2 * (patient // 2))
        for patient in range(4)
        for label in (0, 1)
        for _ in range(20)
    ]
    patients, labels, colours = (list(column) for column in zip(*rows, strict=True))
    number = np.arange(4)
    (stain,) = stain_gap(
        colour_baseline(windows(patients, colours, labels), number, number, None), by_patient
    )
    assert (stain.severity, stain.numbers["patient"]) == (severity, 0.0)
    assert stain.numbers["tile"] > 0.1
    assert (
        list(
            stain_gap(
                colour_baseline(windows(patients, labels, labels), number, number, None), by_patient
            )
        )
        == []
    )


def test_a_class_of_one_patient_is_no_stain() -> None:
    """Nobody else can tell it, whatever the stain: its windows would be wrong by patient and right
    by tile."""
    rows = [
        (patient, label)
        for patient in range(3)
        for label in (0, 1, 2)
        if label < 2 or patient == 0
        for _ in range(10)
    ]
    patients, labels = (list(column) for column in zip(*rows, strict=True))
    looks = replace(
        windows(patients, labels, [0] * len(rows)), pixels=100 * np.eye(3, dtype=np.int64)[labels]
    )
    told = colour_baseline(looks, np.arange(3), np.arange(3), None)
    assert [
        (told[name]["balanced_accuracy"], told[name]["classes"])
        for name in ("tile", "image", "patient")
    ] == [(1.0, 2)] * 3
    assert told["patient"]["overlap"] < 1
    assert list(stain_gap(told, by_patient=False)) == []


def test_colours_that_mean_tissue_hold_for_every_patient() -> None:
    rows = [(patient, label) for patient in range(3) for label in (0, 1) for _ in range(10)]
    patients, labels = (list(column) for column in zip(*rows, strict=True))
    number = np.arange(3)
    told = colour_baseline(windows(patients, labels, labels), number, number, None)
    assert [told[name]["balanced_accuracy"] for name in ("tile", "image", "patient")] == [1.0] * 3
    assert told["windows"] == 60


def test_one_patient_has_nobody_to_be_compared_with() -> None:
    told = colour_baseline(
        windows([0] * 12, [0, 1] * 6, [0, 1] * 6), np.zeros(1, int), np.zeros(1, int), None
    )
    assert (told["patient"], told["image"]) == (None, None)
    assert told["tile"]["balanced_accuracy"] == 1.0


def test_one_class_is_nothing_to_tell_apart() -> None:
    told = colour_baseline(
        windows([0, 1] * 6, [0, 1] * 6, [0] * 12), np.arange(2), np.arange(2), None
    )
    assert told == {"windows": 12, "tile": None, "image": None, "patient": None}


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
