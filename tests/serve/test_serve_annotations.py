"""Corrections: drawn here, kept as QuPath GeoJSON beside the slide, and taken by `breastseg
prepare` where they were drawn."""

import copy
import gzip
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from breastseg.cli import main  # noqa: E402
from breastseg.data.dataset import open_dataset  # noqa: E402
from breastseg.errors import SourceError  # noqa: E402
from breastseg.serve.annotations import annotations  # noqa: E402
from breastseg.sources.annotations import read_drawn  # noqa: E402
from conftest import CROPS, DATA  # noqa: E402
from qupath_files import as_written_by, read  # noqa: E402
from serve_app import serving  # noqa: E402

SQUARE = [[20, 30], [120, 30], [120, 90], [20, 90], [20, 30]]
HOLE = [[40, 40], [60, 40], [60, 60], [40, 60], [40, 40]]


def feature(*rings: Any, name: str = "Tumor", **more: Any) -> dict[str, Any]:
    """Return an area as the page sends it."""
    properties = {"objectType": "annotation", "classification": {"name": name}}
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": list(rings or (SQUARE,))},
        "properties": properties,
        **more,
    }


class Beside:
    """What a browser does with the areas of one slide."""

    def __init__(self, client: Any, folder: Path, name: str) -> None:
        self.client, self.file = client, (folder / name).with_suffix(".geojson")
        entries = client.get("/api/gallery").json()["entries"]
        self.address = (
            f"/api/entries/{next(one['id'] for one in entries if one['name'] == name)}/annotation"
        )

    def load(self) -> Any:
        return self.client.get(self.address).json()

    def save(self, *features: Any, version: str | None = None) -> Any:
        version = self.load()["version"] if version is None else version
        return self.client.put(self.address, json={"version": version, "features": list(features)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "Präparate"
    place.mkdir()
    shutil.copy(CROPS[0], place / "Schnitt 1 (HE).png")
    shutil.copy(CROPS[1], place / "b.png")
    shutil.copy(DATA / "slides" / "cmu1.svs", place / "cmu1.svs")
    return place


@pytest.fixture
def client(folder: Path) -> Iterator[Any]:
    with (
        serving(folder) as served,
        httpx.Client(base_url=served.address, headers={"X-Breastseg": "1"}, timeout=300) as opened,
    ):
        yield opened


def test_what_is_drawn_is_kept_as_qupath_writes_it(client: Any, folder: Path) -> None:
    beside = Beside(client, folder, "Schnitt 1 (HE).png")
    before = beside.load()
    assert (before["version"], before["file"], before["features"]) == ("", None, [])
    assert [one["name"] for one in before["classes"]] == [
        "Tumor",
        "Stroma",
        "Immune cells",
        "Necrosis",
        "Other",
        "Ignore*",
    ]
    answer = beside.save(
        feature(SQUARE, HOLE), feature([[0, 0], [256, 0], [256, 9.5], [0, 0]], name="Gewebe §")
    )
    assert answer.status_code == 200, answer.text
    kept = json.loads((folder / "Schnitt 1 (HE).geojson").read_text(encoding="utf-8"))
    assert kept["type"] == "FeatureCollection"
    first, second = kept["features"]
    assert first["geometry"] == {"type": "Polygon", "coordinates": [SQUARE, HOLE]}
    look = {"name": "Tumor", "color": [200, 0, 0]}
    assert first["properties"] == {
        "objectType": "annotation",
        "isLocked": False,
        "classification": look,
    }
    assert len({first["id"], second["id"]}) == 2
    assert second["properties"]["classification"]["name"] == "Gewebe §"
    now = beside.load()
    assert now == answer.json()
    assert (now["file"], now["features"]) == ("Schnitt 1 (HE).geojson", kept["features"])
    assert now["version"]
    entries = {
        one["name"]: one["annotated"] for one in client.get("/api/gallery").json()["entries"]
    }
    assert entries == {"Schnitt 1 (HE).png": True, "b.png": False, "cmu1.svs": False}
    assert beside.save(version=now["version"]).json()["version"] == ""
    assert not (folder / "Schnitt 1 (HE).geojson").exists()


def test_of_two_browsers_the_second_is_told(client: Any, folder: Path) -> None:
    beside = Beside(client, folder, "b.png")
    first = beside.save(feature(), version="")
    second = beside.save(feature(HOLE, name="Stroma"), version="")
    line = (
        "b.geojson: was changed meanwhile, here or in another program; load it again, then draw"
        " again"
    )
    assert (second.status_code, second.json()) == (409, {"error": line})
    assert beside.load() == first.json()
    assert (
        beside.save(
            *first.json()["features"], feature(HOLE, name="Stroma"), version=first.json()["version"]
        ).status_code
        == 200
    )
    assert beside.save(version=first.json()["version"]).status_code == 409
    assert len(beside.load()["features"]) == 2


def test_what_another_program_wrote_stays_as_it_is(client: Any, folder: Path) -> None:
    crossing = [[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]
    other: dict[str, Any] = {
        "type": "FeatureCollection",
        "name": "mine",
        "features": [
            feature(SQUARE, id="a", kind={"deep": [1.0, None]}, bbox=[1, 2]),
            feature(crossing, name="Old"),
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": [[1, 2], [300.5, 4]]},
                "properties": None,
            },
        ],
    }
    (folder / "b.geojson").write_text(json.dumps(other))
    beside = Beside(client, folder, "b.png")
    loaded = beside.load()["features"]
    assert [{**one, "id": None} for one in loaded] == [
        {**one, "id": None} for one in other["features"]
    ]
    assert len({one["id"] for one in loaded}) == 3
    loaded[0]["kind"]["deep"][0] = 1  # as a browser gives it back
    assert beside.save(*loaded, feature(HOLE)).status_code == 200
    kept = json.loads((folder / "b.geojson").read_text())
    assert kept["name"] == "mine"
    assert kept["features"][:3] == loaded
    changed = copy.deepcopy(loaded)
    changed[1]["geometry"]["coordinates"][0][1] = [11, 11]
    assert (
        beside.save(*changed)
        .json()["error"]
        .startswith("area 2 crosses itself or its holes (Self-intersection")
    )
    gone = beside.save(loaded[0])
    assert [one["id"] for one in gone.json()["features"]] == ["a"]


def test_a_compressed_file_is_kept_compressed(client: Any, folder: Path) -> None:
    packed = folder / "b.geojson.gz"
    packed.write_bytes(
        gzip.compress(
            json.dumps({"type": "FeatureCollection", "features": [feature(id="x")]}).encode()
        )
    )
    beside = Beside(client, folder, "b.png")
    loaded = beside.load()
    assert loaded["file"] == "b.geojson.gz"
    assert beside.save(*loaded["features"], feature(HOLE)).status_code == 200
    assert len(json.loads(gzip.decompress(packed.read_bytes()))["features"]) == 2
    assert not beside.file.exists()


BROKEN = {
    "cut": ('{"type": "FeatureCollection", "features": [{', "not GeoJSON (it ends too early)"),
    "binary": ("\0\xff", "not GeoJSON ("),
    "no features": (
        '{"type": "Topology"}',
        "no features in it, wanted a GeoJSON FeatureCollection",
    ),
    "numbers": ('{"features": [1, 2]}', "feature 1: is no object"),
    "no number": (
        json.dumps({"features": [feature([[0, 0], [9, math.nan], [9, 9]])]}),
        "feature 1: 'nan' is not a number of pixels",
    ),
    "half a letter": (
        '{"features": [{"geometry": "\\ud800"}]}',
        "not GeoJSON (half a letter in a name)",
    ),
    "deep": ('{"features": [' + "[" * 100_000, "not GeoJSON (nested too deeply)"),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_and_never_overwritten_by_who_has_not_seen_it(
    client: Any, folder: Path, text: str, line: str
) -> None:
    (folder / "b.geojson").write_text(text, encoding="utf-8")
    beside = Beside(client, folder, "b.png")
    answer = client.get(beside.address)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"b.geojson: {line}")
    assert beside.save(feature(), version="").status_code == 409
    assert (folder / "b.geojson").read_text(encoding="utf-8") == text
    version = answer.headers["etag"].strip('"')
    assert beside.save(feature(), version=version).status_code == 200
    assert len(beside.load()["features"]) == 1


def shaped(kind: str, coordinates: Any) -> dict[str, Any]:
    return feature(geometry={"type": kind, "coordinates": coordinates})


SMALL = [[45, 45], [55, 45], [50, 55], [45, 45]]
POLYGON, POINT = (
    {"type": "Polygon", "coordinates": [SQUARE]},
    {"type": "Point", "coordinates": [3, 3, 0]},
)
REFUSED = {
    "bow tie": (
        feature([[0, 0], [100, 100], [100, 0], [0, 100], [0, 0]]),
        400,
        "area 2 crosses itself or its holes (Self-intersection[50 50])",
    ),
    "hole outside": (
        feature(HOLE, SQUARE),
        400,
        "area 2 crosses itself or its holes (Hole lies outside shell",
    ),
    "outside": (
        feature([[0, 0], [256.5, 0], [200, 100], [0, 0]]),
        400,
        "area 2 reaches outside the slide, which has 256 x 256 px",
    ),
    "far outside": (
        feature([[0, 0], [-1e300, 0], [200, 100], [0, 0]]),
        400,
        "area 2 has a place that is not [x, y] in pixels",
    ),
    "flat": (feature([[0, 0], [10, 0], [0, 0], [0, 0]]), 400, "area 2 "),
    "open": (
        feature([[0, 0], [10, 0], [10, 10], [0, 10]]),
        400,
        "area 2 has an outline of fewer than three corners, or one",
    ),
    "two corners": (
        feature([[0, 0], [10, 0], [0, 0]]),
        400,
        "area 2 has an outline of fewer than three corners, or one",
    ),
    "no outline": (feature([]), 400, "area 2 has an outline"),
    "words": (
        feature([["a", "b"], [10, 0], [0, 0], ["a", "b"]]),
        400,
        "area 2 has a place that is not [x, y] in pixels",
    ),
    "truths": (
        feature([[True, False], [10, 0], [0, 9], [True, False]]),
        400,
        "area 2 has a place that is not [x, y] in pixels",
    ),
    "line": (
        feature(geometry={"type": "LineString", "coordinates": SQUARE}),
        400,
        "area 2 is neither a Polygon nor a Point, nor several; draw it as an area",
    ),
    "half a point": (shaped("Point", [3]), 400, "area 2 has a place that is not [x, y] in pixels"),
    "point outside": (
        shaped("MultiPoint", [[3, 3], [3, 257]]),
        400,
        "area 2 reaches outside the slide, which has 256 x 256 px",
    ),
    "no points": (shaped("MultiPoint", []), 400, "area 2 has nothing in it"),
    "points": (shaped("MultiPoint", [[3, 3], [0, 256]]), 200, ""),
    "areas": (shaped("MultiPolygon", [[SQUARE, HOLE], [SMALL]]), 200, ""),
    "areas that share a border": (
        shaped("MultiPolygon", [[SQUARE, HOLE], [HOLE]]),
        400,
        "area 2 crosses itself or its holes (Self-inter",
    ),
    "areas on each other": (
        shaped("MultiPolygon", [[SQUARE], [HOLE]]),
        400,
        "area 2 crosses itself or its holes (Nested shells",
    ),
    "a hundredth of a pixel": (
        feature([[10, 10], [10.001, 10.004], [10.004, 10], [10, 10]]),
        400,
        "area 2 crosses itself or its holes (Too few points",
    ),
    "a collection": (
        feature(geometry={"type": "GeometryCollection", "geometries": [POLYGON, POINT]}),
        200,
        "",
    ),
    "an empty collection": (
        feature(geometry={"type": "GeometryCollection", "geometries": []}),
        400,
        "area 2 is neither a Polygon nor",
    ),
    "a class that is a number": (feature(name=3), 400, "area 2 has no class that can be kept"),
    "nothing": ({}, 400, "area 2 has no class; give it one"),
    "no class": (
        {"type": "Feature", "geometry": POLYGON, "properties": {}},
        400,
        "area 2 has no class; give it one",
    ),
    "long class": (
        feature(name="a" * 65),
        400,
        "area 2 has a class whose name is longer than 64 letters",
    ),
    "hidden letters": (
        feature(name="Tumor\u202e"),
        400,
        "area 2 has a class whose name is longer than 64 letters, or has letters that cannot",
    ),
    "too many": (
        feature([[0, 0]] * 400_001),
        413,
        "2 areas with 400006 corners, a page shows up to 20000 with 400000; open them in QuPath",
    ),
    "deep": (
        feature(more=json.loads("[" * 400 + "]" * 400)),
        400,
        "an area has a value that cannot be kept",
    ),
}


@pytest.mark.parametrize(("bad", "status", "line"), REFUSED.values(), ids=REFUSED)
def test_an_area_that_cannot_be_kept(
    client: Any, folder: Path, bad: Any, status: int, line: str
) -> None:
    beside = Beside(client, folder, "b.png")
    answer = beside.save(feature(), bad, version="")
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"].startswith(line)
        assert not beside.file.exists()


def test_a_link_is_not_followed(client: Any, folder: Path) -> None:
    secret = folder.parent / "secret.geojson"
    secret.write_text(json.dumps({"type": "FeatureCollection", "features": [feature()]}))
    (folder / "b.geojson").symlink_to(secret)
    beside = Beside(client, folder, "b.png")
    for answer in (client.get(beside.address), beside.save(feature(), version="")):
        assert (answer.status_code, answer.json()) == (
            422,
            {"error": "b.geojson: is a link; put the file itself here"},
        )
    assert json.loads(secret.read_text())["features"] == [feature()]


def test_two_slides_that_would_share_a_file(client: Any, folder: Path) -> None:
    shutil.copy(folder / "b.png", folder / "b.tif")
    answer = Beside(client, folder, "b.png").save(feature(), version="")
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "b.geojson would belong to b.png and to b.tif; rename one of them"},
    )


def test_a_file_that_cannot_be_written(
    client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, status, words in (
        (28, 507, "the disk is full"),
        (13, 403, "the folder cannot be written to"),
    ):

        def failing(path: Path, collection: Any, number: int = number, **more: Any) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(annotations, "_write", failing)
        answer = Beside(client, folder, "b.png").save(feature(), version="")
        assert answer.status_code == status
        assert answer.json()["error"].startswith(f"b.geojson: {words}")


def test_a_file_too_large_for_a_page(client: Any, folder: Path) -> None:
    (folder / "b.geojson").write_bytes(b" " * (annotations.MAX_BYTES + 1))
    (folder / "cmu1.geojson.gz").write_bytes(gzip.compress(b" " * (annotations.MAX_BYTES + 1)))
    for name in ("b.png", "cmu1.svs"):
        answer = client.get(Beside(client, folder, name).address)
        assert (answer.status_code, answer.json()["error"]) == (
            413,
            "areas of 17 MB or more, a page shows up to 17; open them in QuPath",
        )


def test_the_classes_are_those_of_the_folders_own_label_map(client: Any, folder: Path) -> None:
    classes = [{"name": "gland", "color": [1, 2, 3], "qupath": "Gland", "codes": [1]}]
    (folder / "labels.json").write_text(
        json.dumps({"name": "mine", "classes": classes, "not_annotated": [0]})
    )
    assert [
        (one["name"], one["color"]) for one in Beside(client, folder, "b.png").load()["classes"]
    ] == [
        ("Gland", [1, 2, 3]),
        ("Ignore*", [180, 180, 180]),
    ]


OF_OTHERS = {
    **{version: (as_written_by(version), 200) for version in ("0.2", "0.3", "0.4", "0.7")},
    "the same id": ([feature(id="x"), feature(HOLE, id="x"), feature(HOLE, id="x")], 200),
    "measurements that are none": (
        [feature(measurements={"a": math.nan, "b": [math.inf, {"c": -math.inf}]})],
        200,
    ),
    "a collection": (
        [feature(geometry={"type": "GeometryCollection", "geometries": [POLYGON, POINT]})],
        200,
    ),
    "one feature": (feature(), 200),
    "a geometry": (POLYGON, 200),
    "nothing left": ([{"type": "Feature", "geometry": POLYGON, "properties": {}}], 200),
    "words": (["a"], 422),
    "text for a number": ([feature([["1", 2], [3, 4], [5, 6]])], 422),
    "no number": ([feature([[math.nan, 2], [3, 4], [5, 6]])], 422),
    "a number as class": ([feature(name=3)], 422),
    "an object": ({"type": "Topology"}, 422),
}


@pytest.mark.parametrize(("value", "status"), OF_OTHERS.values(), ids=OF_OTHERS)
def test_the_view_takes_what_prepare_takes_and_no_more(
    client: Any, folder: Path, value: Any, status: int
) -> None:
    """A bug refused a measurement that is NaN here, and took it there. What is saved again without
    a change says the same."""
    path = folder / "b.geojson"
    path.write_text(json.dumps(value), encoding="utf-8-sig")
    beside = Beside(client, folder, "b.png")
    answer = client.get(beside.address)
    assert answer.status_code == status, answer.text
    if status == 422:
        with pytest.raises(SourceError) as refused:
            read_drawn(path)
        assert answer.json()["error"] == str(refused.value).replace(str(path), "b.geojson")
        return
    before, loaded = read(path), answer.json()["features"]
    assert len({one["id"] for one in loaded}) == len(loaded)
    assert beside.save(*loaded, version=answer.json()["version"]).status_code == 200
    assert read(path) == before
    assert ("NaN" in path.read_text()) == ("NaN" in json.dumps(value))
    assert beside.save(*beside.load()["features"], feature(HOLE, name="Stroma")).status_code == 200
    kept = json.loads(path.read_text())["features"]
    assert len({one["id"] for one in kept}) == len(kept) == len(loaded) + 1
    assert len(read(path)[0]) == len(before[0]) + 1


@pytest.mark.parametrize("name", ["b.geojson", "b.png.geojson", "b.GeoJSON", "b.png.geojson.gz"])
def test_areas_are_found_under_each_name_that_prepare_looks_for(
    client: Any, folder: Path, name: str
) -> None:
    text = json.dumps([feature()]).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    beside = Beside(client, folder, "b.png")
    assert beside.load()["file"] == name
    assert beside.save(feature(), feature(HOLE)).json()["file"] == name
    assert len(read(folder / name)[0]) == 2
    (folder / "b.geojson.gz").write_bytes(gzip.compress(text))
    answer = client.get(beside.address)
    assert answer.status_code == 409
    assert answer.json()["error"].endswith(" both belong to b.png; keep one of them")


def test_a_file_that_would_take_too_much_memory(client: Any, folder: Path) -> None:
    """Bounded by what it takes when it is read: 3 bytes of text may become 64."""
    (folder / "b.geojson").write_text('{"features": [{"a": [' + "[]," * 2_000_000 + "1]}]}")
    answer = client.get(Beside(client, folder, "b.png").address)
    assert answer.status_code == 413
    assert (
        "reading these areas takes 316 MB of memory, up to 134 are there for it; open them in"
        " QuPath" in answer.json()["error"]
    )


def test_prepare_takes_what_was_drawn_where_it_was_drawn(
    client: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stroma = feature([[150, 0], [256, 0], [256, 256], [150, 0]], name="Stroma")
    ignored = feature([[30, 70], [50, 70], [50, 80], [30, 70]], name="Ignore*")
    assert (
        Beside(client, folder, "Schnitt 1 (HE).png")
        .save(feature(SQUARE, HOLE), stroma, ignored)
        .status_code
        == 200
    )
    assert (
        Beside(client, folder, "cmu1.svs").save(feature(SQUARE, name="Necrosis")).status_code == 200
    )
    words = [
        "prepare",
        str(folder),
        "--out",
        str(tmp_path / "data"),
        "--mpp",
        "0.5",
        "--to-mpp",
        "0.5",
        "--labels",
        "region5",
    ]
    assert main(words) == 0
    assert "1 image without NAME.geojson left out" in capsys.readouterr().out
    data = open_dataset(tmp_path / "data")
    assert list(data.regions.index) == ["Schnitt 1 (HE)", "cmu1"]
    assert set(np.unique(data.labels("cmu1"))) == {0, 4}
    labels = data.labels("Schnitt 1 (HE)")
    assert labels.shape == (256, 256)
    assert (labels[31:39, 21:119] == 1).all()
    assert (labels[41:59, 41:59] == 0).all()
    assert (labels[:29, :140] == 0).all()
    assert labels[5, 200] == 2
    assert labels[71, 48] == 0
    assert set(np.unique(labels)) == {0, 1, 2}
