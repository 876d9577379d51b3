"""Lumens, nests and nuclei, against what was painted; turned and scaled images have the same."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.geometry import Box
from breastseg.histology.nuclei import NUCLEI_MPP, between, nuclei_of, plane_of
from breastseg.images import open_slide
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.maps.measures import explore
from breastseg.maps.measures.exploration import COLUMNS, MOST_FIELDS, _Field, edges, spread
from breastseg.maps.raster import Raster
from breastseg.report.measures import WORDS
from conftest import DATA

Picture = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Explored = Callable[..., dict[str, float]]

PINK, PURPLE, WHITE = (225, 160, 200), (95, 60, 140), (245, 243, 245)
TUMOR, STROMA = 1, 2
AREA = "explore_nuclear_area_median_um2"
LUMEN = "explore_lumen_percent_of_tumor"


def disc(picture: Picture, x: float, y: float, radius: float, colour: tuple[int, ...]) -> None:
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    picture[np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius] = colour


def tissue(width: int, height: int, seed: int = 0) -> Picture:
    """Return pink tissue with a little noise."""
    noise = np.random.default_rng(seed).integers(-6, 7, (height, width, 1))
    return np.clip(np.array(PINK) + noise, 0, 255).astype(np.uint8)


def with_nuclei(
    side_um: float, mpp: float, radius_um: float, apart_um: float = 18.0, seed: int = 0
) -> Picture:
    """Paint nuclei of one size on a shaken grid, their middles more than two radii apart."""
    side = round(side_um / mpp)
    picture = tissue(side, side, seed)
    shaken = np.random.default_rng(seed)
    for y in np.arange(apart_um, side_um - apart_um / 2, apart_um):
        for x in np.arange(apart_um, side_um - apart_um / 2, apart_um):
            dx, dy = shaken.uniform(-1.5, 1.5, 2)
            disc(picture, (x + dx) / mpp, (y + dy) / mpp, radius_um / mpp, PURPLE)
    return picture


@pytest.fixture
def explored(tmp_path: Path) -> Iterator[Explored]:
    """Return `explore` for an image and its labels at the image's um/px."""
    made: list[Raster] = []

    def of(
        picture: Picture, labels: Labels | None = None, *, mpp: float = 0.5, of: str = "region5"
    ) -> dict[str, float]:
        height, width = picture.shape[:2]
        labels = np.full((height, width), TUMOR, np.uint8) if labels is None else labels
        path = tmp_path / f"image{len(made)}.png"
        Image.fromarray(picture).save(path)
        made.append(Raster(tmp_path / f"raster{len(made)}", (width, height)))
        made[-1].write(Box(0, 0, width, height), labels)
        with closing(open_slide(path, mpp=mpp)) as slide:
            return explore(slide, made[-1], BUILT_IN[of], mpp=mpp)

    yield of
    for raster in made:
        raster.close()


@pytest.mark.parametrize("radius_um", [3.0, 4.0, 5.5, 7.0])
@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_painted_nuclei_are_found_within_a_tenth(
    explored: Explored, radius_um: float, mpp: float
) -> None:
    found = explored(with_nuclei(160, mpp, radius_um), mpp=mpp)
    assert found[AREA] == pytest.approx(math.pi * radius_um**2, rel=0.1)
    assert found["explore_nuclei_count"] == pytest.approx(8 * 8, rel=0.1)
    assert found["explore_nuclear_area_iqr_um2"] < 0.15 * found[AREA]
    assert found["explore_nuclei_large_percent"] == (100 if radius_um > 5.3 else 0)


def test_touching_nuclei_are_parted() -> None:
    """Pairs of discs whose middles are 1.6 radii apart count as two, each within a fifth."""
    mpp, radius = 0.5, 4.5
    picture = tissue(400, 400)
    for y in range(25, 180, 30):
        for x in range(25, 180, 30):
            for shift in (-0.8, 0.8):
                disc(picture, (x + shift * radius) / mpp, y / mpp, radius / mpp, PURPLE)
    plane = plane_of(picture, mpp)
    found = [one.area_um2 for one in nuclei_of(plane, between(plane.counts()))]
    assert len(found) == 2 * 6 * 6
    assert np.median(found) == pytest.approx(math.pi * radius**2, rel=0.2)


def test_only_nuclei_in_tumour_count(explored: Explored) -> None:
    picture = with_nuclei(250, 0.5, 3.0)
    large = with_nuclei(250, 0.5, 6.0, seed=1)
    half = picture.shape[1] // 2
    picture[:, :half] = large[:, :half]
    labels = np.full(picture.shape[:2], STROMA, np.uint8)
    labels[:, half:] = TUMOR
    assert explored(picture, labels)[AREA] == pytest.approx(math.pi * 9, rel=0.12)
    labels = (TUMOR + STROMA - labels).astype(np.uint8)
    assert explored(picture, labels)[AREA] == pytest.approx(math.pi * 36, rel=0.12)


def turned(array: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield an array in the seven other ways to lay it."""
    for mirrored in (array, array[:, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(mirrored, quarters))


@pytest.mark.parametrize(("mpp", "size"), [(0.5, (503, 330)), (0.25, (1000, 640))])
def test_a_turned_picture_has_the_same_values(
    explored: Explored, monkeypatch: pytest.MonkeyPatch, mpp: float, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("breastseg.maps.measures.exploration.FIELD_UM", 50.0)
    width, height = size
    picture = tissue(width, height)
    labels = np.full((height, width), STROMA, np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(14):
        x, y = rng.uniform(0, (width, height))
        rows, columns = np.ogrid[:height, :width]
        inside = np.hypot(columns - x, rows - y) <= rng.uniform(15, 40) / mpp
        labels[inside] = TUMOR
    for _ in range(250):
        disc(picture, *rng.uniform(0, (width, height)), rng.uniform(2.5, 6) / mpp, PURPLE)
    for _ in range(15):
        disc(picture, *rng.uniform(0, (width, height)), rng.uniform(5, 8) / mpp, WHITE)
    ways = zip(turned(picture), turned(labels), strict=True)
    first, *others = [explored(*way, mpp=mpp) for way in ways]
    assert not any(math.isnan(value) for value in first.values())
    assert first[LUMEN] > 0
    for other in others:
        assert other == pytest.approx(first, rel=1e-12)


def test_more_fields_than_are_looked_at_are_spread_the_same_way_when_turned() -> None:
    width, height = 3571, 2210
    fields, mirrored = [], []
    values = {}
    for top, bottom in pairwise(edges(height, 100)):
        for left, right in pairwise(edges(width, 100)):
            from_middle = (left + right - width) ** 2 + (top + bottom - height) ** 2
            tumor = values.setdefault((left, top), len(values))
            fields.append(_Field(Box(left, top, right - left, bottom - top), (from_middle, tumor)))
            other = Box(width - right, top, right - left, bottom - top)
            mirrored.append(_Field(other, (from_middle, tumor)))
    chosen, others = spread(fields, MOST_FIELDS), spread(mirrored[::-1], MOST_FIELDS)
    assert len(chosen) == MOST_FIELDS
    assert [one.order for one in chosen] == [one.order for one in others]
    near, far = chosen[0].order[0], chosen[-1].order[0]
    assert near < 0.1 * far, "from the middle to the edge"


@pytest.mark.parametrize("length", [1, 7, 99, 100, 299, 300, 1000, 1403])
def test_edges_lie_the_same_from_either_end(length: int) -> None:
    found = edges(length, 100)
    assert found[0] == 0
    assert found[-1] == length
    assert len(found) % 2 == 0, "an odd number of fields"
    assert [length - edge for edge in reversed(found)] == found
    assert all(b - a >= min(length, 99) for a, b in pairwise(found))


def with_holes(mpp: float, radius_um: float, rim: int = TUMOR) -> tuple[Picture, Labels]:
    """Paint nine white holes in tumour, with labels of their own around each."""
    side = round(300 / mpp)
    picture, labels = tissue(side, side), np.full((side, side), TUMOR, np.uint8)
    for y in (60, 150, 240):
        for x in (60, 150, 240):
            at = x / mpp, y / mpp
            ringed = np.zeros((side, side, 3), np.uint8)
            disc(ringed, *at, (radius_um + 12) / mpp, (1, 1, 1))
            labels[ringed[..., 0] > 0] = rim
            disc(picture, *at, radius_um / mpp, WHITE)
    return picture, labels


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_holes_in_tumour_are_lumens(explored: Explored, mpp: float) -> None:
    picture, labels = with_holes(mpp, 12.0)
    wanted = 100 * 9 * math.pi * 12**2 / 300**2
    assert explored(picture, labels, mpp=mpp)[LUMEN] == pytest.approx(wanted, rel=0.15)


def test_holes_in_stroma_or_of_no_lumens_size_are_none(explored: Explored) -> None:
    assert explored(*with_holes(0.5, 12.0, rim=STROMA))[LUMEN] == 0
    assert explored(*with_holes(0.5, 2.0))[LUMEN] == 0
    picture, labels = with_holes(0.5, 12.0)
    picture[:, :, :] = tissue(*picture.shape[1::-1])
    assert explored(picture, labels)[LUMEN] == 0


def test_round_nests_are_round_and_stars_are_not(explored: Explored) -> None:
    picture = tissue(1600, 1600)
    labels = np.full((1600, 1600), STROMA, np.uint8)
    rows, columns = np.ogrid[:1600, :1600]
    for y in (400, 1200):
        for x in (400, 1200):
            labels[np.hypot(rows - y, columns - x) < 250] = TUMOR
    round_ = explored(picture, labels)
    assert round_["explore_nest_solidity_median"] > 0.95
    assert round_["explore_nest_circularity_median"] > 0.85
    labels[:] = STROMA
    for y in (400, 1200):
        for x in (400, 1200):
            labels[y - 25 : y + 25, x - 250 : x + 250] = TUMOR
            labels[y - 250 : y + 250, x - 25 : x + 25] = TUMOR
    crosses = explored(picture, labels)
    assert crosses["explore_nest_solidity_median"] < 0.5
    assert crosses["explore_nest_circularity_median"] < 0.4


def test_without_tumour_all_is_blank(explored: Explored) -> None:
    picture = with_nuclei(250, 0.5, 4.0)
    found = explored(picture, np.full(picture.shape[:2], STROMA, np.uint8))
    assert tuple(found) == COLUMNS
    assert (found.pop("explore_fields"), found.pop("explore_fields_of")) == (0, 0)
    assert all(math.isnan(value) for value in found.values())
    none = explored(picture, np.zeros(picture.shape[:2], np.uint8))
    assert none["explore_fields"] == 0


def test_a_map_without_such_a_class_is_blank(tmp_path: Path) -> None:
    picture = with_nuclei(100, 0.5, 4.0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    classes = (LabelClass("a", (1, 2, 3), "A", (1,)), LabelClass("b", (4, 5, 6), "B", (2,)))
    size = picture.shape[1], picture.shape[0]
    with (
        Raster(tmp_path / "raster", size) as raster,
        closing(open_slide(tmp_path / "a.png", mpp=0.5)) as slide,
    ):
        raster.write(Box(0, 0, *size), np.ones(picture.shape[:2], np.uint8))
        found = explore(slide, raster, LabelMap("two", classes), mpp=0.5)
    assert all(math.isnan(value) for value in found.values())


def test_a_coarse_slide_has_no_nuclei(explored: Explored) -> None:
    found = explored(with_nuclei(250, 1.0, 4.0), mpp=1.0)
    assert math.isnan(found[AREA])
    assert math.isnan(found["explore_nuclei_count"])
    assert found["explore_fields"] == 1
    assert NUCLEI_MPP == 0.5


def test_few_nuclei_have_no_size(explored: Explored) -> None:
    found = explored(with_nuclei(80, 0.5, 4.0))
    assert 0 < found["explore_nuclei_count"] < 30
    assert math.isnan(found[AREA])


def test_predict_explores_where_it_is_asked_to(lively_bundle: Bundle, tmp_path: Path) -> None:
    Image.fromarray(with_nuclei(120, 0.5, 4.0)).save(tmp_path / "a.png")
    words = ["predict", str(tmp_path / "a.png"), "--mpp", "0.5", "--threads", "1"]
    words += ["--model", str(lively_bundle.path)]
    for folder, more in (("plain", []), ("more", ["--explore"])):
        assert main([*words, "--out", str(tmp_path / folder), *more]) == 0
    plain, more_ = (pd.read_csv(tmp_path / name / "measures.csv") for name in ("plain", "more"))
    assert [name for name in more_ if name not in plain] == list(COLUMNS)
    assert [name for name in plain if name not in more_] == []
    said = json.loads((tmp_path / "plain" / "breastseg-work.json").read_text(encoding="utf-8"))
    assert "explore" not in said["settings"], "folders of before go on"
    assert main([*words, "--out", str(tmp_path / "plain"), "--explore"]) == 2, "other work"


def test_every_column_has_words_and_is_in_the_glossary() -> None:
    text = (DATA.parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
    for name in COLUMNS:
        assert f"`{name}`" in text
        assert name in WORDS
