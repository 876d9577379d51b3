"""Bad areas and dots through the command line: one line, exit status 2, nothing half-written;
mended, the command goes on."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_bad_input_data import check_nothing_half_written, fails

from breastseg.cli import main
from breastseg.data.dataset import open_dataset
from conftest import DATA

SQUARE = [[10, 20], [30, 20], [30, 50], [10, 50], [10, 20]]
CLASSES = "it has tumor, stroma, inflammatory, necrosis, other"
WORDS = ("--mpp", "0.5", "--labels", "region5", "--workers", "1")


def feature(
    kind: str = "Polygon", coordinates: Any = (SQUARE,), name: str | None = "Tumor"
) -> dict[str, Any]:
    properties = {"objectType": "annotation"} | (
        {} if name is None else {"classification": {"name": name}}
    )
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


def fields(folder: Path, suffix: str, text: str) -> Path:
    """Write two images of 96 x 60 px with annotation; return that of the second."""
    folder.mkdir()
    for name in ("one", "two"):
        Image.fromarray(np.full((60, 96, 3), 150, np.uint8)).save(folder / f"{name}.png")
        (folder / f"{name}{suffix}").write_text(text)
    return folder / f"two{suffix}"


def check_told_and_mended(
    capsys: pytest.CaptureFixture[str], source: Path, path: Path, bad: str, found: str, *words: str
) -> None:
    """Spoil the one file, see it named, mend it, and see the same command end as if it had never
    been spoilt."""
    out, good = source.parent / "out", path.read_text()
    path.write_text(bad)
    line = fails(capsys, "prepare", source, "--out", out, *words)
    assert re.sub(", (?=row)", ": ", line).startswith(f"breastseg: {path}: {found}")
    check_nothing_half_written(out)
    path.write_text(good)
    assert main(["prepare", str(source), "--out", str(out), *words]) == 0
    assert main(["prepare", str(source), "--out", str(out.with_name("never")), *words]) == 0
    whole = {p.name: p.read_bytes() for p in out.with_name("never").rglob("*.*")}
    assert {p.name: p.read_bytes() for p in out.rglob("*.*")} == whole
    assert len(open_dataset(out).regions) == 2


GEOJSON = {
    "cut short": (json.dumps([feature()])[:-20], "not GeoJSON ("),
    "a web page": ("<html>404</html>", "not GeoJSON ("),
    "no collection": (
        '{"type": "Topology"}',
        "no features in it, wanted a GeoJSON FeatureCollection",
    ),
    "nothing left": (
        json.dumps([feature(name=None), feature("LineString", SQUARE)]),
        (
            "nothing in it can be taken (skipped: 1 without class, 1 line); wanted annotations of a"
            " class on plane z 0, time 0; give them"
        ),
    ),
    "unknown class": (
        json.dumps([feature(name="Gland")]),
        f"class 'Gland' is not in label map 'region5' ({CLASSES}); rename it there or",
    ),
    "no number": (
        json.dumps([feature(coordinates=[[[1, 2], [3, "4"], [5, 6]]])]),
        "feature 1: '4' is not a number of pixels",
    ),
    "area outside": (
        json.dumps([feature(), feature(coordinates=[[[x + 500, y] for x, y in SQUARE]])]),
        (
            "area 2 at x 510, y 20 is outside the image of 96 x 60 px; coordinates are pixels of"
            " this image, those of 1 of 2 areas are not"
        ),
    ),
    "dot outside": (
        json.dumps([feature(), feature("MultiPoint", [[5, 5], [97, 5]])]),
        (
            "dot 2 at x 97, y 5 is outside the image of 96 x 60 px; coordinates are pixels of"
            " this image, those of 1 of 2 dots are not"
        ),
    ),
}


@pytest.mark.parametrize("case", list(GEOJSON))
def test_bad_geojson(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    bad, found = GEOJSON[case]
    path = fields(
        tmp_path / "source",
        ".geojson",
        json.dumps({"type": "FeatureCollection", "features": [feature()]}),
    )
    check_told_and_mended(capsys, path.parent, path, bad, found, *WORDS)


POINTS = {
    "other columns": (
        "X,Y,type\n1,2,tumor\n",
        (
            "columns are X, Y, type; wanted a CSV with x, y, class and any of width, height,"
            " radius_um; did you mean class by 'type'?"
        ),
    ),
    "nothing": ("", "empty, wanted a CSV with x, y, class"),
    "thousands": (
        "x;y;class\n1,250;2;tumor\n",
        "row 2: x '1,250' may be a number with decimals or one of thousands; write it with a point",
    ),
    "no class": ("x,y,class\n1,2,tumor\n3,4,\n", "row 3: dot without class"),
    "unknown class": (
        "x,y,class\n1,2,lymphocyte\n",
        f"class 'lymphocyte' is not in label map 'region5' ({CLASSES})",
    ),
    "no number": ("x,y,class\n1,two,tumor\n", "row 2: y 'two', wanted a number alone"),
    "outside": (
        "x,y,class\n1,2,tumor\n5,60.5,tumor\n",
        "dot 2 at x 5, y 60.5 is outside the image of 96 x 60 px",
    ),
}


@pytest.mark.parametrize("case", list(POINTS))
def test_bad_points(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    bad, found = POINTS[case]
    path = fields(tmp_path / "source", "_points.csv", "x,y,class\n40,30,tumor\n")
    check_told_and_mended(capsys, path.parent, path, bad, found, *WORDS)


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ("10 20 1\n10 20 1 7\n", "line 2 is '10 20 1 7', wanted y x class with class 1, 2 or 3"),
        ("10 20 9\n", "line 1 is '10 20 9', wanted y x class with class 1, 2 or 3"),
        ("10 ? 1\n", "line 1: '?' is not a number of pixels"),
        ("10 20 1\n20 192 1\n", "dot 2 at x 192.5, y 20.5 is outside the image of 192 x 192 px"),
    ],
    ids=["four words", "unknown class", "no number", "outside"],
)
def test_bad_m2c(tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str, found: str) -> None:
    source = Path(shutil.copytree(DATA / "brca_m2c", tmp_path / "source"))
    path = sorted((source / "labels").iterdir())[1]
    check_told_and_mended(capsys, source, path, bad, found, "--workers", "1")


def test_annotation_without_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fields(tmp_path / "source", ".geojson", "[]")
    path.rename(path.with_name("three.geojson"))
    line = fails(capsys, "prepare", path.parent, "--out", tmp_path / "out", *WORDS)
    assert (
        f"three.geojson: has no image, wanted {path.with_name('three.png')}; add it or take the"
        " mask away" in line
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("radius", ["0", "-3", "200", "nan"])
def test_an_impossible_radius(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], radius: str
) -> None:
    line = fails(
        capsys, "prepare", DATA / "brca_m2c", "--out", tmp_path / "out", f"--dot-radius={radius}"
    )
    assert f"--dot-radius {radius}: wanted more than 0 and up to 100 um" in line
    assert not (tmp_path / "out").exists()


def test_another_radius_is_other_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["prepare", str(DATA / "brca_m2c"), "--out", str(tmp_path / "out"), "--workers", "1"])
        == 0
    )
    line = fails(
        capsys, "prepare", DATA / "brca_m2c", "--out", tmp_path / "out", "--dot-radius", "4"
    )
    assert (
        "holds 'prepare' work with other settings (dot_radius_um: 3.0 there, 4.0 now); choose"
        " another folder or remove it" in line
    )


def test_what_is_skipped_and_cut_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line for all files; kept with the data set; the same after an interrupted run."""
    features = [
        feature(),
        feature("LineString", SQUARE),
        feature(name=None),
        feature(coordinates=[[[x + 80, y] for x, y in SQUARE]]),
    ]
    path = fields(tmp_path / "source", ".geojson", json.dumps(features))
    path.write_text(json.dumps([feature()]))
    out = tmp_path / "out"
    assert main(["prepare", str(path.parent), "--out", str(out), *WORDS]) == 0
    said = capsys.readouterr().out
    assert "  skipped: 1 line, 1 without class (in one)\n" in said
    assert "  cut at the border of their images: 1 area (in one)\n" in said
    notes = json.loads((out / "dataset.json").read_text())["notes"]
    assert notes[-2:] == [
        "skipped: 1 line, 1 without class (in one)",
        "cut at the border of their images: 1 area (in one)",
    ]
    assert list(open_dataset(out).regions.columns) == list(
        open_dataset(plain(tmp_path)).regions.columns
    )
    whole = (out / "dataset.json").read_bytes()
    (out / "dataset.json").unlink()
    (out / "arrays" / "two.json").unlink()
    assert main(["prepare", str(path.parent), "--out", str(out), *WORDS]) == 0
    assert (out / "dataset.json").read_bytes() == whole


def plain(tmp_path: Path) -> Path:
    """Prepare files of which all is taken."""
    source = fields(tmp_path / "plain", ".geojson", json.dumps([feature()])).parent
    assert main(["prepare", str(source), "--out", str(tmp_path / "plain_out"), *WORDS]) == 0
    return tmp_path / "plain_out"


def test_cells_alone_are_taken_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = {**feature(), "properties": {"objectType": "cell", "classification": {"name": "Tumor"}}}
    path = fields(tmp_path / "source", ".geojson", json.dumps([cell, cell]))
    assert main(["prepare", str(path.parent), "--out", str(tmp_path / "out"), *WORDS]) == 0
    assert (
        "  no annotations, so taken in their place: 4 cells (in one, two)\n"
        in capsys.readouterr().out
    )
    assert (np.asarray(open_dataset(tmp_path / "out").labels("one")) == 1).sum() == 20 * 30
