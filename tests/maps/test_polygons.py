"""Regions for QuPath: every pixel in one polygon, borders shared, blocks invisible, and the file
drawn again is the map."""

import gzip
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from breastseg.data.rasterise import draw
from breastseg.errors import InputError, LabelError, OutputError
from breastseg.geometry import Box
from breastseg.labels import BUILT_IN, Labels
from breastseg.maps.polygons import RegionsConfig, RegionsReport, components, write_regions
from breastseg.maps.polygons import write as writing
from breastseg.maps.polygons.components import Components
from breastseg.maps.polygons.islands import cleaned
from breastseg.maps.polygons.redraw import redraw
from breastseg.maps.polygons.scratch import Scratch
from breastseg.maps.raster import Raster
from breastseg.sources.annotations import read_drawn
from conftest import CROPS, DATA

REGION5 = BUILT_IN["region5"]
TUMOR, STROMA, INFLAMMATORY, NECROSIS, OTHER = range(1, 6)
EXACT = RegionsConfig(min_area_um2=0, tolerance_px=0)
SMOOTH = RegionsConfig(min_area_um2=0, tolerance_px=1)

Features = list[dict[str, Any]]
Write = Callable[..., tuple[RegionsReport, Features, np.ndarray]]


def raster(values: Labels, folder: Path) -> Raster:
    """Write an image into a raster, in boxes that are not its tiles."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Raster(folder / "raster", (values.shape[1], values.shape[0]))
    for box in made.blocks(300):
        made.write(box, values[box.y : box.y + box.height, box.x : box.x + box.width])
    made.finish()
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an image as regions: (report, features, polygons in pixels of
    the image)."""

    def run(
        values: Labels,
        config: RegionsConfig = EXACT,
        *,
        scale: tuple[float, float] = (1.0, 1.0),
        mpp: float = 1.0,
    ) -> tuple[RegionsReport, Features, np.ndarray]:
        path = tmp_path / "a.geojson"
        with raster(values, tmp_path / "rasters") as made:
            report = write_regions(made, REGION5, path, config, mpp=mpp, scale=scale)
        features = json.loads(path.read_text())["features"]
        polygons = np.array(
            [shapely.geometry.shape(feature["geometry"]) for feature in features], dtype=object
        )
        return (
            report,
            features,
            (
                shapely.transform(polygons, lambda places: places / scale)
                if len(polygons)
                else polygons
            ),
        )

    return run


def labels_of(features: Features) -> np.ndarray:
    return np.array(
        [
            REGION5.label_of(feature["properties"]["classification"]["name"], "x")
            for feature in features
        ],
        np.uint8,
    )


def drawn(features: Features, polygons: np.ndarray, shape: tuple[int, int]) -> Labels:
    """Draw by asking every polygon for every pixel's middle; one that two polygons hold becomes
    255.

    A middle that lies on a border counts to the right of it, and below it if the border is level.
    """
    rows, columns = np.indices(shape) + 0.5 + np.array([1e-9, 1e-6])[:, None, None]
    image = np.zeros(shape, np.uint8)
    for label, polygon in zip(labels_of(features), polygons, strict=True):
        inside = shapely.contains_xy(polygon, columns, rows)
        image[inside] = np.where(image[inside] > 0, 255, label)
    return image


def noise(height: int, width: int, *, labels: int = 6, cell: int = 1, seed: int = 0) -> Labels:
    """Return random labels, 0 among them, in cells of so many pixels."""
    values = np.random.default_rng(seed).integers(0, labels, (height, width)).astype(np.uint8)
    return np.kron(values, np.ones((cell, cell), np.uint8))


def blobs(height: int, width: int, *, seed: int = 0, labels: int = 5) -> Labels:
    """Return smooth patches of labels 1 and up, like those of a map."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    waves = [
        rng.uniform(0.03, 0.2, 2) @ np.stack([rows, columns]).reshape(2, -1) + rng.uniform(0, 6)
        for _ in range(4 * labels)
    ]
    fields = np.sin(waves).reshape(labels, 4, height, width).sum(axis=1)
    return (fields.argmax(axis=0) + 1).astype(np.uint8)


def crop(number: int) -> Labels:
    """Return the labels of a real field, where some pixels are not annotated."""
    return REGION5.apply(np.asarray(Image.open(DATA / "bcss" / "masks" / CROPS[number].name)), "x")


PATTERNS = {
    "noise": noise(40, 50),
    "noise of two": noise(64, 64, labels=2, seed=1) + 1,
    "checkerboard": (np.indices((17, 23)).sum(axis=0) % 2 + 1).astype(np.uint8),
    "checkerboard on nothing": (np.indices((16, 16)).sum(axis=0) % 2 * TUMOR).astype(np.uint8),
    "cells": noise(13, 11, cell=5, seed=2),
    "blobs": blobs(90, 120),
    "one pixel": np.full((1, 1), NECROSIS, np.uint8),
    "a row": noise(1, 60, seed=3),
    "a column": noise(60, 1, seed=4),
    "one class": np.full((30, 20), STROMA, np.uint8),
    "a spiral": np.array(
        [[1, 1, 1, 1, 1], [2, 2, 2, 2, 1], [1, 1, 1, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]],
        np.uint8,
    ),
    "an area that touches itself": np.array(
        [[1, 1, 1, 0], [1, 2, 1, 0], [1, 1, 2, 1], [0, 0, 1, 1], [1, 1, 1, 0]], np.uint8
    ),
}


@pytest.mark.parametrize("block_px", [16, 2048])
@pytest.mark.parametrize("values", PATTERNS.values(), ids=PATTERNS.keys())
@pytest.mark.parametrize(
    "config", [EXACT, SMOOTH, replace(SMOOTH, tolerance_px=4)], ids=["exact", "smooth", "smoother"]
)
def test_every_pixel_is_in_one_polygon_and_neighbours_share_their_border(
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    values: Labels,
    config: RegionsConfig,
    block_px: int,
) -> None:
    """Whatever the blocks: a vertex of a border is a vertex of both sides, there is no gap and no
    overlap."""
    monkeypatch.setattr(writing, "BLOCK_PX", block_px)
    report, features, polygons = write(values, config)
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    again = drawn(features, polygons, values.shape)
    assert not (again == 255).any()
    assert min(report.agreement.values()) >= 0.99
    if values.all():
        assert shapely.area(polygons).sum() == values.size
        assert shapely.equals(
            shapely.union_all(polygons), shapely.box(0, 0, values.shape[1], values.shape[0])
        )
    if config == EXACT:
        assert np.array_equal(again, values)
        assert set(report.agreement.values()) == {1.0}


def test_a_ring_has_its_hole(write: Write) -> None:
    """TIAToolbox 2.1.3 leaves holes out: +38 % of tumour on one slide."""
    values = np.full((60, 80), STROMA, np.uint8)
    values[10:50, 10:60] = TUMOR
    values[20:40, 20:50] = 0
    values[25:30, 25:30] = NECROSIS
    _, features, polygons = write(values)
    areas = {
        name: (len(p.interiors), p.area)
        for name, p in zip(
            (f["properties"]["classification"]["name"] for f in features), polygons, strict=True
        )
    }
    assert areas == {
        "Stroma": (1, 80 * 60 - 40 * 50),
        "Tumor": (1, 40 * 50 - 20 * 30),
        "Necrosis": (0, 25),
    }


@pytest.mark.parametrize("values", PATTERNS.values(), ids=PATTERNS.keys())
def test_blocks_do_not_change_the_regions(
    write: Write, monkeypatch: pytest.MonkeyPatch, values: Labels
) -> None:
    """Only vertices on straight lines may tell where a border of blocks was."""
    config = replace(EXACT, min_area_um2=4)
    found = []
    for block_px in (2048, 16, 5):
        monkeypatch.setattr(writing, "BLOCK_PX", block_px)
        report, features, polygons = write(values, config)
        plain = (
            shapely.normalize(shapely.simplify(shapely.normalize(polygons), 0))
            if len(polygons)
            else []
        )
        found.append(
            (
                sorted(zip(labels_of(features).tolist(), map(shapely.to_wkt, plain), strict=True)),
                report.merged_share,
            )
        )
    assert found[0] == found[1] == found[2]


def test_a_block_that_holds_too_much_is_made_smaller(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is set by us: a map full of specks is gone through in smaller blocks."""
    values, sides = noise(64, 64, seed=6), []
    monkeypatch.setattr(writing, "BLOCK_PX", 64)
    monkeypatch.setattr(
        writing,
        "cleaned",
        lambda raster, min_px, side_px: sides.append(side_px) or cleaned(raster, min_px, side_px),
    )
    _, _, whole = write(values)
    monkeypatch.setattr(components, "MAX_RUNS", 300)
    _, features, polygons = write(values)
    assert sides == [64, 64, 32, 16]
    assert np.array_equal(drawn(features, polygons, values.shape), values)
    assert len(polygons) == len(whole)


@pytest.mark.parametrize("number", range(3))
def test_a_real_field_is_smooth_and_agrees(
    write: Write, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    values = crop(number)
    _, _, exact = write(values)
    monkeypatch.setattr(writing, "BLOCK_PX", 100)
    report, features, polygons = write(values, SMOOTH)
    assert shapely.coverage_is_valid(polygons)
    assert report.tolerance_px == 1
    assert report.polygons == len(features) == len(exact)
    assert report.vertices == shapely.get_num_coordinates(polygons).sum() - sum(
        1 + len(p.interiors) for p in polygons
    )
    assert report.vertices < 0.4 * shapely.get_num_coordinates(exact).sum()
    again = drawn(features, polygons, values.shape)
    for name, share in report.agreement.items():
        label = REGION5.label_of(name, "x")
        assert (
            share
            == ((again == label) & (values == label)).sum()
            / ((again == label) | (values == label)).sum()
        )
        assert share >= 0.99


@pytest.mark.parametrize("slope", [0.05, 0.25, 0.5, 1, 2, 4, 20])
def test_a_staircase_becomes_a_line(write: Write, slope: float) -> None:
    """Between its ends, where the steps stop short."""
    rows, columns = np.indices((200, 200)) + 0.5
    values = np.where(rows - 100 > slope * (columns - 100), TUMOR, STROMA).astype(np.uint8)
    report, _, polygons = write(values, SMOOTH)
    middle = shapely.box(20, 20, 180, 180)
    places = shapely.get_coordinates(polygons)
    assert not shapely.contains_xy(middle, places).any()
    assert report.agreement == {"tumor": 1.0, "stroma": 1.0}


def test_areas_in_the_file_are_counts_of_pixels(write: Write) -> None:
    values, scale, mpp = noise(20, 24, cell=3, seed=5), (2.5, 2.0), 0.25
    _, features, polygons = write(values, scale=scale, mpp=mpp)
    found = Components(values)
    um2 = found.sizes[found.labels > 0] * 2.5 * 2.0 * 0.25**2
    measured = [feature["properties"]["measurements"] for feature in features]
    assert sorted(m["area_um2"] for m in measured) == pytest.approx(sorted(um2))
    assert [m["area_mm2"] for m in measured] == pytest.approx(
        [m["area_um2"] / 1e6 for m in measured]
    )
    assert [m["area_um2"] for m in measured] == pytest.approx(
        shapely.area(polygons) * 2.5 * 2.0 * 0.25**2
    )


@pytest.mark.parametrize("config", [EXACT, SMOOTH], ids=["exact", "smooth"])
def test_level_0_pixels_that_are_not_whole(write: Write, config: RegionsConfig) -> None:
    """40,001 px of a slide are 20,000 of the map: x and y have scales of their own, and rounding
    breaks no border."""
    values, scale = np.maximum(blobs(150, 200, seed=3), 1), (1.98347, 2.01655)
    report, features, polygons = write(values, config, scale=scale)
    _, _, plain = write(values, config)
    places, wanted = (shapely.get_coordinates(found) for found in (polygons, plain))
    assert np.abs(places - wanted).max() < 1e-3
    in_file = shapely.geometry.shape(features[0]["geometry"])
    assert in_file.bounds == pytest.approx(
        tuple(np.array(plain[0].bounds) * [*scale, *scale]), abs=1e-3
    )
    raw = np.array([shapely.geometry.shape(feature["geometry"]) for feature in features])
    assert shapely.is_valid(raw).all()
    assert shapely.coverage_is_valid(raw)
    assert min(report.agreement.values()) >= (0.99 if config == SMOOTH else 1)


def test_names_and_colours_are_the_label_maps(write: Write) -> None:
    _, features, _ = write(blobs(60, 60, labels=5))
    found = {
        f["properties"]["classification"]["name"]: tuple(f["properties"]["classification"]["color"])
        for f in features
    }
    assert found == {c.qupath: c.color for c in REGION5.classes}


def test_the_form_is_the_one_qupath_reads(write: Write, tmp_path: Path) -> None:
    _, features, _ = write(crop(0))
    whole = json.loads((tmp_path / "a.geojson").read_text())
    assert (whole["type"], set(whole)) == ("FeatureCollection", {"type", "features"})
    for feature in features:
        assert set(feature) == {"type", "id", "properties", "geometry"}
        assert feature["geometry"]["type"] == "Polygon"
        assert all(
            ring[0] == ring[-1] and len(ring) >= 4 for ring in feature["geometry"]["coordinates"]
        )
        properties = feature["properties"]
        assert (properties["objectType"], properties["isLocked"]) == ("annotation", False)
        assert all(isinstance(value, float) for value in properties["measurements"].values())
        assert uuid.UUID(feature["id"]).version == 5
    assert len({feature["id"] for feature in features}) == len(features)


def test_the_same_result_is_the_same_bytes(tmp_path: Path) -> None:
    """Compressed too, under another name and at another time; and what is compressed is the plain
    file."""
    files = [
        tmp_path / name
        for name in ("a.geojson", "b/other.geojson", "c.geojson.gz", "d/d.geojson.gz")
    ]
    with raster(crop(1), tmp_path / "rasters") as made:
        for path in files:
            write_regions(made, REGION5, path, mpp=0.25, scale=(2, 2))
    plain, same, packed, packed_same = (path.read_bytes() for path in files)
    assert plain == same
    assert packed == packed_same
    assert packed[:9] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00", "no name, no time"
    assert gzip.decompress(packed) == plain
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.geojson",
        "b",
        "c.geojson.gz",
        "d",
        "rasters",
    ]


def test_another_class_or_place_is_another_id(write: Write) -> None:
    values = np.full((10, 20), STROMA, np.uint8)
    values[2:5, 2:5] = values[2:5, 12:15] = TUMOR
    _, one, _ = write(values)
    values[2:5, 12:15] = NECROSIS
    _, other, _ = write(values)
    before, after = ({f["id"] for f in features} for features in (one, other))
    assert len(before) == len(after) == 3
    assert len(before & after) == 2, "the stroma and the first nest are what they were"


def test_no_class_is_an_empty_collection(tmp_path: Path) -> None:
    with raster(np.zeros((500, 700), np.uint8), tmp_path / "rasters") as made:
        report = write_regions(made, REGION5, tmp_path / "a.geojson", mpp=0.25, scale=(2, 2))
    assert json.loads((tmp_path / "a.geojson").read_text()) == {
        "type": "FeatureCollection",
        "features": [],
    }
    assert report == RegionsReport(0, 0, {}, 0.5, 0.0)
    assert str(report) == (
        "0 regions, 0 vertices; drawn again, intersection over union with the map: no class"
        " present; 0 % of it was small islands or holes"
    )


def test_the_line_that_is_said(tmp_path: Path) -> None:
    values = np.full((100, 100), TUMOR, np.uint8)
    values[10:12, 10:20] = STROMA
    with raster(values, tmp_path / "rasters") as made:
        report = write_regions(
            made,
            REGION5,
            tmp_path / "a.geojson.gz",
            RegionsConfig(min_area_um2=21),
            mpp=1,
            scale=(1, 1),
        )
    assert str(report) == (
        "1 region, 4 vertices; drawn again, intersection over union with the map: tumor 1.0000;"
        " 0.2 % of it was small islands or holes"
    )


SMALL_CASES = {
    "an island joins what surrounds it": "22222 21222 22222 -> 22222 22222 22222",
    "a hole of what was not analysed is filled": "22222 20222 22222 -> 22222 22222 22222",
    "but not at the edge of the slide": "02222 22222 22222 -> 02222 22222 22222",
    "and not when it is large": "222222 200022 200222 222222 -> 222222 200022 200222 222222",
    "a speck on glass is gone": "00000 01100 00000 -> 00000 00000 00000",
    "at the edge of tissue it joins the tissue, though glass has the longer border": (
        "222222 222222 002000 001000 000000 -> 222222 222222 002000 002000 000000"
    ),
    "the longest border wins": "222223 222133 222133 222233 -> 222223 222233 222233 222233",
    "of equal borders the lower label": "2233 2133 2233 -> 2233 2233 2233",
    "a nest with a smaller hole is measured as a whole": (
        "2222222 2211122 2214122 2222222 -> 2222222 2211122 2211122 2222222"
    ),
    "areas that touch diagonally are two": (
        "222222 211222 211222 222112 222112 222222 -> 222222 222222 222222 222222 222222 222222"
    ),
    "small ones that touch become one that is large enough": (
        "22222 21112 21322 22222 -> 22222 21112 21122 22222"
    ),
    "small ones of one label that meet are one": (
        "2222222 2114112 2222222 -> 2222222 2111112 2222222"
    ),
    "nothing to join": "11 -> 11",
}


@pytest.mark.parametrize("block_px", [2, 3, 4, 100])
@pytest.mark.parametrize("case", SMALL_CASES.values(), ids=SMALL_CASES.keys())
def test_what_is_small_joins_its_neighbour(tmp_path: Path, case: str, block_px: int) -> None:
    """Fewer than five pixels are small here; blocks decide nothing."""
    values, wanted = (
        np.array([list(line) for line in rows.split()]).astype(np.uint8)
        for rows in case.split("->")
    )
    with raster(values, tmp_path) as made:
        result = cleaned(made, 5, block_px)
        assert np.array_equal(result.read(Box(0, 0, *made.size_px)), wanted)
        assert result.changed_px == (values != wanted).sum()


@pytest.mark.parametrize("seed", range(8))
def test_nothing_small_is_left_and_blocks_decide_nothing(tmp_path: Path, seed: int) -> None:
    cell = 1 + seed % 3
    values = noise(60 // cell, 90 // cell, cell=cell, seed=seed, labels=3 + seed % 3)
    limit = 12 * cell
    with raster(values, tmp_path) as made:
        results = {side: cleaned(made, limit, side) for side in (7, 16, 33, 1000)}
        whole = Box(0, 0, *made.size_px)
        image = results[1000].read(whole)
        for result in results.values():
            assert np.array_equal(result.read(whole), image)
            for box in made.blocks(13):
                wanted = np.pad(image, 2)[
                    box.y : box.y + box.height + 4, box.x : box.x + box.width + 4
                ]
                assert np.array_equal(
                    result.read(Box(box.x - 2, box.y - 2, box.width + 4, box.height + 4)), wanted
                )
    found = Components(image)
    edge = np.unique(
        np.concatenate([found.sides.left, found.sides.top, found.sides.right, found.sides.bottom])
    )
    small = np.flatnonzero(found.sizes < limit)
    assert not found.labels[small].any(), "only what was not analysed, at the edge, stays small"
    assert np.isin(small, edge).all()


def test_a_limit_in_um2(write: Write) -> None:
    """25 pixels of 2 x 2 level-0 pixels at 0.25 um/px are 6.25 um2."""
    values = np.full((40, 40), STROMA, np.uint8)
    values[10:15, 10:15] = TUMOR
    for limit, count in ((6.25, 2), (6.26, 1)):
        report, features, _ = write(
            values, RegionsConfig(min_area_um2=limit), scale=(2.0, 2.0), mpp=0.25
        )
        assert len(features) == count
        assert report.merged_share == (2 - count) * 25 / 1600


def drawn_again(path: Path, size: tuple[int, int], scale: tuple[float, float]) -> Labels:
    """Draw a file as `prepare` does, on an image that is `scale` times as large."""
    picture = round(size[0] * scale[0]), round(size[1] * scale[1])
    return draw(read_drawn(path), REGION5, picture, size, radius_px=1, where="x")[0]


@pytest.mark.parametrize("scale", [(1.0, 1.0), (2.0, 2.0), (3.7, 3.7)])
@pytest.mark.parametrize("values", PATTERNS.values(), ids=PATTERNS.keys())
def test_labels_come_back_to_train_again(
    write: Write, tmp_path: Path, values: Labels, scale: tuple[float, float]
) -> None:
    """Every one, with holes and what was not analysed; a bug changed 0.5 % of them, half a pixel
    round every area."""
    write(values, EXACT, scale=scale)
    assert np.array_equal(drawn_again(tmp_path / "a.geojson", values.shape[::-1], scale), values)


@pytest.mark.parametrize("number", range(3))
def test_simplified_as_by_default_fewer_than_one_label_in_2000_changes(
    write: Write, tmp_path: Path, number: int
) -> None:
    values = crop(number)
    write(values, RegionsConfig(min_area_um2=0), scale=(2.0, 2.0))
    again = drawn_again(tmp_path / "a.geojson", values.shape[::-1], (2.0, 2.0))
    assert (again != values).mean() < 0.0005


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [(1.0, 1.0), (2.013, 2.007), (0.37, 0.37)])
def test_the_file_stays_valid_when_qupath_rounds_it(
    write: Write, seed: int, scale: tuple[float, float]
) -> None:
    """QuPath rounds to 0.01 px since 0.6 and refuses a whole file for one polygon that is not valid
    then."""
    rng = np.random.default_rng(seed)
    values = (
        noise(40, 50, seed=seed, cell=int(rng.integers(1, 4)))
        if seed % 2
        else blobs(90, 120, seed=seed)
    )
    _, features, _ = write(
        values,
        RegionsConfig(
            min_area_um2=float(rng.choice([0, 4])), tolerance_px=float(rng.choice([0, 0.5, 1]))
        ),
        scale=scale,
    )
    for feature in features:
        for ring in feature["geometry"]["coordinates"]:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
    raw = np.array([shapely.geometry.shape(feature["geometry"]) for feature in features])
    assert set(shapely.get_type_id(raw)) == {shapely.GeometryType.POLYGON}
    rounded = shapely.transform(raw, lambda places: np.round(places, 2))
    for polygons in (raw, rounded):
        assert shapely.is_valid(polygons).all()
        assert (shapely.area(polygons) > 0).all()
    tree = shapely.STRtree(rounded)
    one, other = tree.query(rounded, predicate="overlaps")
    shared = shapely.area(shapely.intersection(rounded[one], rounded[other]))
    assert (shared <= 0.02 * shapely.length(rounded[one])).all(), (
        "rounding moves borders by less than a hundredth of a pixel"
    )
    one, other = shapely.STRtree(raw).query(raw, predicate="overlaps")
    assert shapely.area(shapely.intersection(raw[one], raw[other])).max(initial=0) < 0.02
    assert len({feature["id"] for feature in features}) == len(features)


def test_qupaths_own_reader_takes_the_file(write: Write, tmp_path: Path) -> None:
    """qubalab, of QuPath's authors: classes, colours, measurements, ids and areas."""
    qubalab = pytest.importorskip("qubalab.objects")
    _, features, polygons = write(blobs(90, 120), scale=(2.0, 2.0))
    taken = [
        qubalab.ImageFeature.create_from_feature(one)
        for one in qubalab.geojson_features_from_string((tmp_path / "a.geojson").read_text())
    ]
    assert [one["id"] for one in taken] == [one["id"] for one in features]
    for one, feature, polygon in zip(taken, features, polygons, strict=True):
        look = feature["properties"]["classification"]
        assert (one.classification.names, list(one.classification.color)) == (
            (look["name"],),
            look["color"],
        )
        assert one.object_type == qubalab.ObjectType.ANNOTATION
        assert one.measurements == feature["properties"]["measurements"]
        shape = shapely.geometry.shape(one.geometry)
        assert shape.is_valid
        assert shape.area == pytest.approx(4 * polygon.area)


def test_what_agrees_too_little_is_simplified_less(write: Write) -> None:
    """Strips of three pixels would lose their form; pixels keep it."""
    values = np.where(np.indices((90, 90)).sum(axis=0) % 6 < 3, TUMOR, STROMA).astype(np.uint8)
    values[:, ::7] = INFLAMMATORY
    report, features, polygons = write(values, replace(SMOOTH, tolerance_px=8))
    assert report.tolerance_px in (4.0, 2.0, 0.0)
    assert min(report.agreement.values()) >= 0.99
    assert (drawn(features, polygons, values.shape) == values).mean() >= 0.99


@pytest.mark.parametrize("damage", ["gone", "moved", "twice", "without its hole"])
def test_a_damaged_file_is_found_out(write: Write, tmp_path: Path, damage: str) -> None:
    """The check reads the file, not what was meant to be in it."""
    values = np.full((300, 400), STROMA, np.uint8)
    values[100:200, 100:200] = TUMOR
    write(values)
    path = tmp_path / "a.geojson"
    lines = path.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if '"Tumor"' in line)
    if damage == "gone":
        lines[start : start + 3] = []
    elif damage == "moved":
        lines[start + 1] = lines[start + 1].replace("[100,", "[110,")
    elif damage == "twice":
        lines[start:start] = lines[start : start + 3]
    else:
        stroma = next(k for k, line in enumerate(lines) if '"Stroma"' in line)
        del lines[stroma + 2]
    path.write_text("\n".join(lines))
    with raster(values, tmp_path / "rasters") as made, Scratch(tmp_path) as scratch:
        found = redraw(
            path, cleaned(made, 0, 100), REGION5, scale=(1.0, 1.0), scratch=scratch, is_gzip=False
        )
    assert found.agreement["tumor"] < 0.95


def test_regions_that_never_agree_are_not_written(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MIN_AGREEMENT", 1.1)
    with pytest.raises(
        OutputError,
        match=(r"a\.geojson: 1 region, .* stroma 1\.0000; .*wanted 1\.1 "),
    ):
        write(np.full((30, 30), STROMA, np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["rasters"]


def test_classes_that_share_a_qupath_class(tmp_path: Path) -> None:
    """They stay two polygons, and are compared as one: the file cannot tell them apart."""
    shared = replace(
        REGION5,
        classes=tuple(
            replace(c, qupath="Other") if c.name == "necrosis" else c for c in REGION5.classes
        ),
    )
    values = np.full((40, 40), NECROSIS, np.uint8)
    values[:, 20:] = OTHER
    with raster(values, tmp_path / "rasters") as made:
        report = write_regions(made, shared, tmp_path / "a.geojson", EXACT, mpp=1, scale=(1, 1))
    assert report.polygons == 2
    assert report.agreement == {"necrosis": 1.0}


def test_a_label_without_a_class(write: Write) -> None:
    with pytest.raises(LabelError, match="label 6 in the map, label map 'region5' has 5 classes"):
        write(np.full((5, 5), 6, np.uint8))


@pytest.mark.parametrize("name", ["a.json", "a.gz", "a"])
def test_another_suffix(tmp_path: Path, name: str) -> None:
    with (
        raster(np.ones((5, 5), np.uint8), tmp_path / "rasters") as made,
        pytest.raises(
            InputError, match=rf"{name}: wanted a name that ends with \.geojson or \.geojson\.gz"
        ),
    ):
        write_regions(made, REGION5, tmp_path / name, mpp=1, scale=(1, 1))


@pytest.mark.parametrize("name", ["min_area_um2", "tolerance_px"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_setting_that_is_no_size(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} {value:g}: wanted 0 or more"):
        RegionsConfig(**{name: value})
