"""What a data set takes of slides on which areas or dots were drawn, and of a folder in which not
every image was."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.cli import main
from breastseg.data import region_labels
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.images import open_slide
from conftest import CROPS, DATA

AREA = [[300, 310], [340, 310], [340, 360], [300, 310]]
MPP = 0.499


def feature(kind: str, coordinates: Any, name: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"classification": {"name": name}},
    }


def draw_beside(picture: Path, *features: Any) -> None:
    picture.with_suffix(".geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """A folder of one slide, and of what `breastseg serve` keeps there."""
    folder = tmp_path / "slides"
    (folder / "breastseg" / "maps").mkdir(parents=True)
    (folder / "breastseg" / "maps" / "overlay.png").write_bytes(CROPS[0].read_bytes())
    return Path(shutil.copy(DATA / "slides" / "cmu1.svs", folder / "cmu1.svs"))


def prepared(slide: Path, *words: str) -> Dataset:
    out = slide.parent.parent / "data"
    assert (
        main(
            [
                "prepare",
                str(slide.parent),
                "--out",
                str(out),
                "--to-mpp",
                "1",
                "--labels",
                "region5",
                *words,
            ]
        )
        == 0
    )
    return open_dataset(out)


def test_a_slide_gives_what_lies_around_the_drawn_areas(slide: Path) -> None:
    draw_beside(slide, feature("Polygon", [AREA], "Immune cells"))
    data = prepared(slide)
    row = data.regions.loc["cmu1"]
    assert (row["source_mpp"], row["mpp_source"], row["annotation"]) == (
        MPP,
        "Aperio's MPP",
        "areas",
    )
    x, y, width, height = map(int, row["box_level0_px"].split(","))
    assert (x, y) == (300 - 257, 310 - 257), "128 px of 1 um"
    assert (x + width, y + height) == (480, 480)
    labels, image = data.labels("cmu1"), data.image("cmu1")
    assert labels.shape == image.shape[:2] == (round(height * MPP), round(width * MPP))
    assert labels[round((320 - y) * MPP), round((335 - x) * MPP)] == 3
    assert labels[round((350 - y) * MPP), round((305 - x) * MPP)] == 0
    assert (labels > 0).sum() == pytest.approx(
        1000 * MPP**2, rel=0.2
    )  # half the box of 40 x 50; borders are drawn too
    opened = open_slide(slide)
    np.testing.assert_array_equal(image, opened.resampled((x, y, 480, 480), image.shape[1::-1]))
    opened.close()


def test_dots_on_a_slide(slide: Path) -> None:
    draw_beside(slide, feature("MultiPoint", [[470.5, 470.5], [479, 479]], "Tumor"))
    data = prepared(slide)
    assert data.regions.loc["cmu1", "annotation"] == "dots"
    x, y, *_ = map(int, data.regions.loc["cmu1", "box_level0_px"].split(","))
    assert data.dots("cmu1").tolist() == [
        [1, int((place - y) * MPP), int((place - x) * MPP)] for place in (470.5, 479)
    ]


def test_a_slide_that_is_a_folder(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(DATA / "slides" / "cmu1_dicom", slide.parent / "dicom.1")
    draw_beside(
        slide.parent / "dicom.1.all",
        feature("Polygon", [[[1, 1], [200, 1], [200, 200], [1, 1]]], "Tumor"),
    )
    data = prepared(slide)
    assert (data.labels(data.regions.index[0]) == 1).any()
    before = (data.path / "regions.csv").read_bytes()
    assert (prepared(slide).path / "regions.csv").read_bytes() == before
    shutil.copy(slide, slide.with_name("dicom.1.svs"))
    words = [
        "prepare",
        str(slide.parent),
        "--out",
        str(slide.parent.parent / "two"),
        "--labels",
        "region5",
    ]
    assert main(words) == 2
    assert (
        "dicom.1: second region named 'dicom.1' beside dicom.1.svs; rename one"
        in capsys.readouterr().err
    )


def test_what_a_person_says_of_um_per_px_goes_over_the_slide(slide: Path) -> None:
    draw_beside(slide, feature("Polygon", [AREA], "Tumor"))
    row = prepared(slide, "--mpp", "0.25").regions.loc["cmu1"]
    assert (row["source_mpp"], row["mpp_source"]) == (0.25, "given")


def test_a_slide_that_is_drawn_on_all_over_is_taken_whole(slide: Path) -> None:
    draw_beside(slide, feature("Polygon", [[[-20, 5], [500, 5], [500, 475], [-20, 5]]], "Tumor"))
    data = prepared(slide)
    assert "box_level0_px" not in data.regions.columns
    assert data.image("cmu1").shape == (240, 240, 3)


@pytest.mark.parametrize(
    ("features", "line"),
    [
        ([], "cmu1.geojson: nothing is drawn in it; draw an area, or take the file away"),
        (
            [feature("Point", [900, 900], "Tumor")],
            (
                "cmu1.geojson: dot 1 at x 900, y 900 is outside the image of 480 x 480 px;"
                " coordinates"
            ),
        ),
        (
            [feature("Polygon", [[[0, 0], [480, 0], [480, 480], [0, 0]]], "Tumor")],
            (
                "cmu1.geojson: areas are spread over 240 x 240 px at 1 um/px, wanted up to 0 Mpx of"
                " a slide; draw them nearer together, or cut"
            ),
        ),
    ],
    ids=["nothing", "outside", "too far apart"],
)
def test_a_slide_of_which_nothing_can_be_taken(
    slide: Path,
    features: list[Any],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(region_labels, "_MOST_PX", 50_000)
    draw_beside(slide, *features)
    assert (
        main(
            [
                "prepare",
                str(slide.parent),
                "--out",
                str(slide.parent.parent / "data"),
                "--to-mpp",
                "1",
                "--labels",
                "region5",
            ]
        )
        == 2
    )
    assert line in capsys.readouterr().err


def test_pictures_and_slides_on_which_nothing_was_drawn_are_left_out_and_counted(
    slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, crop in enumerate(CROPS):
        shutil.copy(crop, slide.parent / f"{number}.png")
    draw_beside(
        slide.parent / "1.png",
        feature("Polygon", [[[10, 10], [50, 10], [50, 50], [10, 10]]], "Stroma"),
    )
    data = prepared(slide, "--mpp", "0.3")
    assert list(data.regions.index) == ["1"]
    assert "  3 images without NAME.geojson left out\n" in capsys.readouterr().out
    draw_beside(slide, feature("Polygon", [AREA], "Tumor"))
    assert (
        main(
            [
                "prepare",
                str(slide.parent),
                "--out",
                str(slide.parent.parent / "two"),
                "--labels",
                "region5",
            ]
        )
        == 2
    )
    assert "1.png: no microns per pixel (looked at --mpp," in capsys.readouterr().err


def test_the_scanner_of_a_slide_is_kept_where_its_file_names_one(slide: Path) -> None:
    draw_beside(slide, feature("Polygon", [AREA], "Tumor"))
    with closing(open_slide(slide)) as opened:
        told = opened.scanner
    assert told.startswith("aperio")
    assert list(prepared(slide).regions["scanner"]) == [told]
