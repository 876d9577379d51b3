"""audit_regions(): leaks that were put in are found, and what is clean is called so."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from breastseg.cli.main import main
from breastseg.errors import DatasetError, ImageError, InputError
from breastseg.reporter import QUIET, Reporter
from breastseg.studies.rgu_net.crops import TURNS, turned
from breastseg.studies.rois.audit import audit_regions
from breastseg.studies.rois.audit.copies import find_copies
from breastseg.studies.rois.audit.items import resized

Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def tissue(seed: int, side: int = 96, blob: float = 0.0) -> Picture:
    """Paint a region: structure of several sizes, and a bright middle where asked for."""
    rng = np.random.default_rng(seed)
    grey = np.full((side, side), 110.0)
    for size, height in ((20, 200), (8, 90), (3, 25)):
        noise = rng.normal(0, 1, (side, side))
        grey += height * cv2.GaussianBlur(noise, (0, 0), size) * size / 3
    away = (np.arange(side) + 0.5) / side - 0.5
    radius = np.hypot(away[:, None], away[None, :])
    grey += blob * np.exp(-((radius / 0.15) ** 2))
    return np.clip(grey, 1, 255).astype(np.uint8)


def row(
    image: str, label: str = "a", patient: str = "p1", source: str = "s1", split: str = "train"
) -> dict[str, str]:
    return {"image": image, "class": label, "patient": patient, "source": source, "split": split}


def written(folder: Path, rows: Sequence[dict[str, str]], pictures: Sequence[Picture] = ()) -> Path:
    for number, one in enumerate(rows):
        picture = pictures[number] if pictures else tissue(number)
        Image.fromarray(picture).save(folder / one["image"])
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder / "table.csv"


def checks(found: dict[str, list[dict[str, str]]], severity: str = "") -> list[str]:
    return [one["check"] for one in found["findings"] if severity in ("", one["severity"])]


def clean_rows(number: int = 12) -> list[dict[str, str]]:
    return [
        row(
            f"{place}.png",
            "ab"[place % 2],
            f"p{place}",
            f"s{place // 2 % 2}",
            "test" if place >= 8 else "train",
        )
        for place in range(number)
    ]


def test_what_is_clean_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = written(tmp_path, clean_rows())
    assert main(["mammo", "audit", str(table), "--out", str(tmp_path / "out")]) == 0
    assert "nothing found" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert found == {"pictures": {"pictures": 12}, "findings": []}


def test_a_patient_on_both_sides_is_a_leak_and_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = clean_rows()
    rows[-1]["patient"] = "p0"
    table = written(tmp_path, rows)
    assert main(["mammo", "audit", str(table)]) == 1
    told = capsys.readouterr()
    assert "1 of 11 patients are on more than one side of the split: p0" in told.out
    assert "split by patient" in told.err


@pytest.mark.parametrize("turn", range(TURNS))
def test_turned_copies_on_two_sides_are_found(tmp_path: Path, turn: int) -> None:
    pictures = [tissue(place) for place in range(12)]
    pictures[-1] = np.asarray(turned(pictures[0], turn), np.uint8)
    rows = clean_rows()
    rows[-1]["patient"] = ""  # nobody can tell by the table
    found = audit_regions(written(tmp_path, rows, pictures), reporter=QUIET)
    (leak,) = [one for one in found["findings"] if one["severity"] == "leak"]
    assert leak["check"] == "copies on two sides"
    assert leak["numbers"]["names"] == ["0.png = 11.png"]
    assert ("made before the split" in leak["sentence"]) is bool(turn)
    assert "unknown patients" in checks(found, "warning")


def test_shifted_scaled_brighter_and_compressed_copies_are_found(tmp_path: Path) -> None:
    whole = tissue(0, 120)
    first = whole[10:106, 10:106]
    shifted = whole[14:110, 6:102]
    larger = cv2.resize(first, (150, 150), interpolation=cv2.INTER_LINEAR)
    brighter = np.clip(first.astype(float) * 0.8 + 30, 0, 255).astype(np.uint8)
    _, stored = cv2.imencode(".jpg", first, [cv2.IMWRITE_JPEG_QUALITY, 60])
    compressed = cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE)
    others = [tissue(place) for place in range(1, 40)]
    pictures = [first, shifted, larger, brighter, compressed, *others]
    small = np.stack([resized(picture, 64) for picture in pictures])
    pairs = {(pair.one, pair.other) for pair in find_copies(small)}
    assert {(0, 1), (0, 2), (0, 3), (0, 4)} <= pairs
    assert all(other < 5 for _, other in pairs)


def test_borders_and_flat_pictures_are_no_copies() -> None:
    pictures = []
    for seed in range(8):
        picture = tissue(seed).copy()
        picture[:, :30] = 0  # a film's edge at the same place
        pictures.append(picture)
    pictures += [np.full((96, 96), 7, np.uint8)] * 2
    assert find_copies(np.stack([resized(picture, 64) for picture in pictures])) == []


def test_a_class_of_one_source_is_a_leak(tmp_path: Path) -> None:
    rows = clean_rows(20)
    for one in rows[10:]:
        one["class"], one["source"] = "b", "another archive"
        one["split"] = "test"
    rows[8]["split"] = rows[9]["split"] = "train"
    found = audit_regions(written(tmp_path, rows), reporter=QUIET)
    (leak,) = [one for one in found["findings"] if one["severity"] == "leak"]
    assert leak["check"] == "one source"
    assert leak["numbers"] == {
        "source": "another archive",
        "class": "b",
        "pictures": 10,
        "of": 15,
    }


def test_a_class_of_one_size_is_told_when_nobody_names_sources(tmp_path: Path) -> None:
    rows = clean_rows(20)
    sizes = [96] * 20
    for place, one in enumerate(rows):
        one["source"] = ""
        if place >= 12:
            one["class"], sizes[place] = "b", 80
    pictures = [tissue(place, side) for place, side in enumerate(sizes)]
    found = audit_regions(written(tmp_path, rows, pictures), reporter=QUIET)
    assert checks(found, "leak") == []
    assert checks(found, "warning")[0] == "one size of images"


def test_copies_under_two_classes_are_told(tmp_path: Path) -> None:
    pictures = [tissue(place) for place in range(12)]
    pictures[1] = pictures[0]
    rows = clean_rows()
    rows[1]["patient"] = "p0"
    found = audit_regions(written(tmp_path, rows, pictures), reporter=QUIET)
    assert checks(found) == ["copies of two classes", "copies"]


def test_regions_that_give_themselves_away_are_told(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    rows = [row(f"{place}.png", "ab"[place % 2], f"p{place}") for place in range(60)]
    pictures = [tissue(place, blob=120 * (place % 2)) for place in range(60)]
    said: list[str] = []
    found = audit_regions(
        written(tmp_path, rows, pictures), reporter=Reporter(said.append, bars=False)
    )
    assert checks(found) == ["given away", "given away"]
    assert "centre against ring" in said[0]
    assert "random weights" in said[1]
    alike = [tissue(place) for place in range(60)]
    assert checks(audit_regions(written(tmp_path, rows, alike), reporter=QUIET)) == []


def test_prepared_films_and_a_study_are_audited(tmp_path: Path) -> None:
    from test_rois_study import INFO

    from breastseg.mammography.prepare import FilmsConfig, prepare_films
    from breastseg.studies.rois.config import ClassifyConfig
    from breastseg.studies.rois.study import classify
    from mammograms import paint_mini_mias

    films = tmp_path / "films"
    source = paint_mini_mias(tmp_path / "mias", INFO, films=10)
    prepare_films(source, films, FilmsConfig(mm_per_px=0.4), reporter=QUIET)
    for number in range(1, 11):  # painted films are alike but for noise
        grey = tissue(number, 512).astype(np.uint16) * 257
        Image.fromarray(grey).save(films / f"mdb{number:03d}" / "image.png")
    found = audit_regions(films, reporter=QUIET)
    assert checks(found) == ["split"]
    split = tmp_path / "split.csv"
    lines = [f"mdb{place:03d},{'test' if place < 4 else 'train'}\n" for place in range(1, 11)]
    split.write_text("film,split\n" + "".join(lines))
    found = audit_regions(films, split=split, reporter=QUIET)
    (leak,) = found["findings"]
    assert leak["numbers"]["names"] == ["mias002"]  # mdb003 and mdb004
    out = tmp_path / "out"
    config = ClassifyConfig(net="cnn", strategy="scratch", both=True, crop_px=64, folds=2, steps=1)
    classify(films, out, config, reporter=QUIET)
    leaks = [
        one for one in audit_regions(out, reporter=QUIET)["findings"] if one["severity"] == "leak"
    ]
    assert [one["check"] for one in leaks] == ["patients", "copies on two sides"]
    assert all(one["sentence"].startswith("protocol paper") for one in leaks)
    assert "made before the split" in leaks[1]["sentence"]
    split.write_text("film,split\nmdb999,test\n")
    with pytest.raises(DatasetError, match="row 2: no film 'mdb999'"):
        audit_regions(films, split=split, reporter=QUIET)
    with pytest.raises(InputError, match="only for prepared films"):
        audit_regions(out, split=split, reporter=QUIET)
    (out / "crops.npy").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="no crops"):
        audit_regions(out, reporter=QUIET)


def test_what_cannot_be_audited_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted a folder of breastseg mammo prepare"):
        audit_regions(tmp_path, reporter=QUIET)
    table = written(tmp_path, clean_rows())
    (tmp_path / "0.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"0\.png: not an image"):
        audit_regions(table, reporter=QUIET)
    (tmp_path / "0.png").unlink()
    with pytest.raises(DatasetError, match=r"row 2: no image .*0\.png"):
        audit_regions(table, reporter=QUIET)
    table.write_text("image,class\n1.png,\n")
    with pytest.raises(DatasetError, match="row 2: no class"):
        audit_regions(table, reporter=QUIET)
