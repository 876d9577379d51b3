"""Reading areas and dots: each format as its program writes it, and each way a line or feature can
be wrong."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from breastseg.errors import LabelError
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.sources import annotations as reader
from breastseg.sources import objects
from breastseg.sources.annotations import Drawn, read_drawn, said_kinds
from conftest import DATA, SHARED
from qupath_files import (
    HOLE,
    LINE,
    OTHER_PLANE,
    SQUARE,
    as_written_by,
    check_refused,
    feature,
    geojson,
    read,
)

M2C = DATA / "brca_m2c"


def skipped(path: Path) -> str:
    return said_kinds(read_drawn(path).skipped)


def test_qupath_areas_holes_and_points(tmp_path: Path) -> None:
    other = [[40, 40], [50, 40], [45, 48.5], [40, 40]]
    path = geojson(
        tmp_path / "a.geojson",
        feature("Polygon", [SQUARE, HOLE]),
        feature("MultiPolygon", [[SQUARE, HOLE], [other]], "Stroma"),
        feature("Point", [5.5, 6]),
        feature("MultiPoint", [[1, 2], [3, 4]], "Immune cells"),
        feature("Polygon", [other], "Ignore*"),
    )
    assert read(path) == (
        [
            ("Tumor", SQUARE, [HOLE]),
            ("Stroma", SQUARE, [HOLE]),
            ("Stroma", other, []),
            ("Ignore*", other, []),
        ],
        [("Tumor", 5.5, 6.0), ("Immune cells", 1.0, 2.0), ("Immune cells", 3.0, 4.0)],
    )
    assert skipped(path) == ""


CLASSES = {
    "text": ({"classification": "Tumor"}, "Tumor"),
    "class": ({"class": "tumor"}, "tumor"),
    "null beside class": ({"classification": None, "class": "tumor"}, "tumor"),
    "blanks": ({"classification": {"name": " Immune \n cells "}}, "Immune cells"),
    "0.2": (
        {"classification": {"name": "Tumor: Positive", "colorRGB": -3670016}},
        "Tumor: Positive",
    ),
    "0.3": (
        {"classification": {"name": "Positive", "colorRGB": -1, "parentClass": {"name": "Tumor"}}},
        "Tumor: Positive",
    ),
    "0.3 of three": (
        {
            "classification": {
                "name": "C",
                "parentClass": {"name": "B", "parentClass": {"name": "A", "parentClass": None}},
            }
        },
        "A: B: C",
    ),
    "0.4": (
        {"classification": {"names": ["Tumor", "Positive"], "color": [1, 2, 3]}},
        "Tumor: Positive",
    ),
    "both": (
        {"classification": {"name": "Positive", "names": ["Tumor", "Positive"]}},
        "Tumor: Positive",
    ),
    "a list": ({"classification": ["Tumor", "Positive"]}, "Tumor: Positive"),
}


@pytest.mark.parametrize(("properties", "name"), CLASSES.values(), ids=CLASSES)
def test_a_class_as_programs_write_it(tmp_path: Path, properties: Any, name: str) -> None:
    place = {"type": "Point", "coordinates": [1, 2, 0]}
    path = geojson(
        tmp_path / "a.geojson", {"type": "Feature", "geometry": place, "properties": properties}
    )
    assert read(path) == ([], [(name, 1.0, 2.0)])


def test_a_derived_class_goes_by_its_first_name_unless_the_map_names_the_whole() -> None:
    """A bug took "Tumor: Positive" of 0.3 for "Positive"."""
    region5 = BUILT_IN["region5"]
    assert region5.label_of("Tumor: Positive", "x") == region5.label_of("Tumor", "x") == 1
    assert region5.label_of("Stroma: a: b", "x") == 2
    assert region5.label_of("Ignore*: Positive", "x") == 0
    own = LabelMap(
        "own",
        (
            LabelClass("tumor", (1, 2, 3), "Tumor", (1,)),
            LabelClass("hot", (4, 5, 6), "Tumor: Positive", (2,)),
        ),
    )
    assert [
        own.label_of(name, "x") for name in ("Tumor: Positive", "Tumor: Negative", "Tumor")
    ] == [2, 1, 1]
    with pytest.raises(LabelError, match="class 'Gland' is not in label map"):
        own.label_of("Gland: Positive", "x")


def of_type(kind: str, key: str = "objectType", **more: Any) -> dict[str, Any]:
    made = feature("Polygon", [SQUARE])
    del made["properties"]["objectType"]
    return {**made, "properties": {**made["properties"], key: kind}, **more}


def without_type(**more: Any) -> dict[str, Any]:
    made = of_type("x")
    del made["properties"]["objectType"]
    return {**made, **more}


SKIPPED = {
    "no class": (
        {**feature("Point", [1, 2]), "properties": {"objectType": "annotation", "name": "Tumor"}},
        "1 without class",
    ),
    "class of nothing": (feature("Point", [1, 2], ""), "1 without class"),
    "no properties": (
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [1, 2]},
            "properties": None,
        },
        "1 without class",
    ),
    "a geometry alone": ({"type": "Polygon", "coordinates": [SQUARE]}, "1 without class"),
    "a line": (feature("LineString", SQUARE), "1 line"),
    "lines": (feature("MultiLineString", [SQUARE, HOLE]), "1 line"),
    "an unclassified line": ({"type": "Feature", "geometry": LINE, "properties": {}}, "1 line"),
    "a collection of lines": (
        {
            **feature("Point", [1, 2]),
            "geometry": {"type": "GeometryCollection", "geometries": [LINE, LINE]},
        },
        "2 lines",
    ),
    "detection": (of_type("detection"), "1 detection"),
    "cell": (of_type("cell"), "1 cell"),
    "cell of 0.3": (of_type("cell", "object_type"), "1 cell"),
    "cell of 0.2": (without_type(id="PathCellObject"), "1 cell"),
    "by its nucleus": (
        without_type(nucleusGeometry={"type": "Polygon", "coordinates": [HOLE]}),
        "1 cell",
    ),
    "tile": (of_type("tile"), "1 tile"),
    "TMA core": (of_type("tma_core"), "1 TMA core"),
    "root": (of_type("root"), "1 root object"),
    "another kind": (of_type("probe"), "1 of another kind"),
    "plane": ({**feature("Point", [1, 2]), "geometry": OTHER_PLANE}, "1 on plane z 2"),
    "time": ({**feature("Point", [1, 2]), "plane": {"t": 3}}, "1 at time 3"),
    "no geometry": ({**feature("Point", [1, 2]), "geometry": None}, "1 empty"),
    "no coordinates": (feature("Polygon", None), "1 empty"),
    "no rings": (feature("Polygon", []), "1 empty"),
    "two places": (feature("Polygon", [SQUARE[:2]]), "1 empty"),
    "nothing in it": (feature("MultiPolygon", []), "1 empty"),
    "an empty collection": (
        {**feature("Point", [1, 2]), "geometry": {"type": "GeometryCollection", "geometries": []}},
        "1 empty",
    ),
    "a circle": (feature("Circle", [1, 2]), "1 of another shape"),
}


@pytest.mark.parametrize(("other", "said"), SKIPPED.values(), ids=SKIPPED)
def test_what_is_no_annotation_with_a_class_is_counted(
    tmp_path: Path, other: Any, said: str
) -> None:
    """One of them refused the whole file, or was taken for an area."""
    path = geojson(
        tmp_path / "a.geojson",
        other,
        feature("Polygon", [SQUARE]),
        of_type("annotation", "object_type"),
        without_type(),
    )
    assert read(path) == ([("Tumor", SQUARE, [])] * 3, [])
    assert skipped(path) == said


def test_kinds_are_counted_in_one_line(tmp_path: Path) -> None:
    many = [of_type("cell") for _ in range(1200)]
    path = geojson(
        tmp_path / "a.geojson",
        *many,
        feature("LineString", SQUARE),
        feature("LineString", SQUARE),
        feature("Point", [1, 2]),
    )
    assert skipped(path) == "2 lines, 1,200 cells"
    planes = [{**feature("Point", [1, 2]), "plane": {"z": z}} for z in range(1, 2000)]
    assert len(read_drawn(geojson(tmp_path / "b.geojson", *planes)).skipped) < 30


def test_cells_alone_stand_for_annotations(tmp_path: Path) -> None:
    """Whoever exports nothing but cells means them; beside any annotation they are skipped."""
    cells = [
        of_type("cell"),
        of_type("detection"),
        {**of_type("tile"), "properties": {"objectType": "tile"}},
    ]
    found = read_drawn(geojson(tmp_path / "a.geojson", *cells))
    assert ([area.name for area in found.areas], found.skipped) == (
        ["Tumor", "Tumor"],
        {"without class": 1},
    )
    assert found.instead == {"cell": 1, "detection": 1, "tile": 1}
    for number, order in enumerate(([0, 1, 2, 3], [3, 0, 1, 2], [0, 3, 1, 2])):
        unclassified = {
            "type": "Feature",
            "geometry": None,
            "properties": {"objectType": "annotation"},
        }
        path = geojson(tmp_path / f"{number}.geojson", *[[*cells, unclassified][k] for k in order])
        assert read(path) == ([], [])
        assert read_drawn(path).instead == {}
        assert sum(read_drawn(path).skipped.values()) == 4


def test_collections_are_taken_apart(tmp_path: Path) -> None:
    inner = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "MultiPoint", "coordinates": [[1, 2, 9], [3, 4, 9]]},
            LINE,
            OTHER_PLANE,
        ],
    }
    outer = {
        "type": "GeometryCollection",
        "geometries": [{"type": "Polygon", "coordinates": [SQUARE, HOLE]}, inner],
    }
    path = geojson(tmp_path / "a.geojson", {**feature("Point", [1, 2]), "geometry": outer})
    assert read(path) == ([("Tumor", SQUARE, [HOLE])], [("Tumor", 1.0, 2.0), ("Tumor", 3.0, 4.0)])
    assert skipped(path) == "1 line, 1 on plane z 2"
    (tmp_path / "b.geojson").write_text(json.dumps(outer))
    assert skipped(tmp_path / "b.geojson") == "1 without class"


def test_rings_in_every_form(tmp_path: Path) -> None:
    """Three numbers a place, open, places twice, exponents, a hole of nothing."""
    high = [[x, y, 7] for x, y in SQUARE]
    mixed = [[10, 20, 1], *SQUARE[1:]]
    four = [[x, y, 1, 2] for x, y in SQUARE]
    twice = [place for place in SQUARE for _ in range(2)]
    path = geojson(
        tmp_path / "a.geojson",
        *(feature("Polygon", [ring, HOLE[:2]]) for ring in (high, mixed, four, SQUARE[:-1], twice)),
    )
    assert [(outline, holes) for _, outline, holes in read(path)[0]] == [(SQUARE, [])] * 3 + [
        (SQUARE[:-1], []),
        (twice, []),
    ]
    (tmp_path / "b.geojson").write_text(
        json.dumps(feature("Polygon", "HERE")).replace(
            '"HERE"', "[[[1e1,-2E-1] , [ 30.5,0],\n[0.5e+1,50]]]"
        )
    )
    assert read(tmp_path / "b.geojson")[0] == [
        ("Tumor", [[10.0, -0.2], [30.5, 0.0], [5.0, 50.0]], [])
    ]


def test_numbers_that_are_none_may_be_measurements(tmp_path: Path) -> None:
    measured = {
        **feature("Polygon", [SQUARE])["properties"],
        "measurements": {"a": float("nan"), "b": float("-inf"), "c": "NaN"},
    }
    path = geojson(tmp_path / "a.geojson", {**feature("Polygon", [SQUARE]), "properties": measured})
    assert read(path) == ([("Tumor", SQUARE, [])], [])


@pytest.mark.parametrize("version", ["0.2", "0.3", "0.4", "0.7"])
def test_every_version_of_qupath(tmp_path: Path, version: str) -> None:
    path = geojson(tmp_path / "a.geojson", *as_written_by(version))
    assert read(path) == (
        [("Tumor", SQUARE, [HOLE])],
        [("Stroma", 10.5, 50.25), ("Stroma", 20.0, 51.0)],
    )
    assert read_drawn(path).skipped == {"line": 1, "on plane z 2": 1, "cell": 1, "tile": 1}


@pytest.mark.skipif(not (SHARED / "qupath_exports").is_dir(), reason="needs real exports")
def test_real_exports() -> None:
    paths = sorted((SHARED / "qupath_exports").glob("qupath_*.geojson"))
    assert len(paths) >= 10
    for path in paths:
        areas, dots = read(path)
        assert [name for name, *_ in areas] == [
            "Tumor",
            "Stroma",
            "Immune cells",
            "Immune cells",
            "Ignore*",
            "Necrosis",
        ]
        assert len(dots) == 4
        assert read_drawn(path).skipped == {
            "line": 2,
            "on plane z 2": 1,
            "detection": 1,
            "cell": 1,
            "tile": 1,
        }


def test_nothing_drawn_is_no_error(tmp_path: Path) -> None:
    assert read_drawn(geojson(tmp_path / "a.geojson")) == Drawn((), ())
    for name, text in (("a.txt", "\n\n"), ("a.csv", "x,y,class\n")):
        (tmp_path / name).write_text(text)
        assert read_drawn(tmp_path / name) == Drawn((), ())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3 4", r"line 2 is '1 2 3 4', wanted y x class with class 1, 2 or 3"),
        ("1 2", r"line 2 is '1 2', wanted y x class"),
        ("1 2 4", r"line 2 is '1 2 4', wanted y x class with class 1, 2 or 3"),
        ("1 2 tumor", r"line 2 is '1 2 tumor', wanted"),
        ("1 x 3", r"line 2: 'x' is not a number of pixels"),
        ("nan 1 3", r"line 2: 'nan' is not a number of pixels"),
    ],
)
def test_bad_m2c_lines(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(f"1 2 3\n{line}\n3 4 1\n")
    check_refused(tmp_path / "a.txt", message)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("words", r"feature 2: is no object; export it again from QuPath"),
        (None, r"feature 2: is no object"),
        (
            feature("Point", [1, 2], 3),
            (
                r"feature 2: its class is not a name \(properties\.classification\.name\); give it"
                r" one in QuPath or del"
            ),
        ),
        (
            feature("Point", [1, 2], "a\0b"),
            (
                r"feature 2: its class has letters that cannot be shown, or more than 200; rename"
                r" it in QuPath"
            ),
        ),
        (
            feature("Point", [1, 2], "a" * 201),
            r"feature 2: its class has letters that cannot be shown, or more than 200",
        ),
        (feature("MultiPolygon", 5), r"feature 2: its coordinates are no list; export it again"),
        (feature("Polygon", {"x": 1}), r"feature 2: its coordinates are no list; export it again"),
        (
            feature("Polygon", [SQUARE, 7]),
            r"feature 2: its outline is '7', wanted a list of \[x, y\]",
        ),
        (
            feature("Polygon", SQUARE),
            r"feature 2: its outline is '\[10\. 20\.\]', wanted a list of \[x, y\]",
        ),
        (feature("Polygon", [[SQUARE]]), r"feature 2: '\[10\. 20\.\]' is not a number of pixels"),
        (feature("Polygon", [[[1, 2], [3, 4], [5]]]), r"feature 2: place '\[5\]', wanted \[x, y\]"),
        (
            feature("Polygon", [[[1, 2], [3, "4"], [5, 6]]]),
            r"feature 2: '4' is not a number of pixels",
        ),
        (
            feature("Polygon", [[[1, 2], [3, True], [5, 6]]]),
            r"feature 2: 'True' is not a number of pixels",
        ),
        (
            feature("Polygon", [[[1, 2], [3, float("nan")], [5, 6]]]),
            r"feature 2: 'nan' is not a number of pixels",
        ),
        (
            feature("Polygon", [[[1, 2], [3, 10**20], [5, 6]]]),
            r"feature 2: a corner is no number of pixels; export it again",
        ),
        (feature("Point", "12"), r"feature 2: its coordinates are no list"),
        (feature("Point", [1]), r"feature 2: place '\[1\]', wanted \[x, y\]"),
        (feature("Point", [1, None]), r"feature 2: 'None' is not a number of pixels"),
        (feature("Point", [1, float("inf")]), r"feature 2: 'inf' is not a number of pixels"),
        (feature("Point", [1, 10**400]), r"feature 2: '1000+' is not a number of pixels"),
        (
            {**feature("Point", [1, 2]), "plane": {"z": "1"}},
            r"feature 2: '1' is not a plane's number",
        ),
        ({**feature("Point", [1, 2]), "plane": 1}, r"feature 2: its plane is no object"),
    ],
)
def test_bad_features(tmp_path: Path, bad: Any, message: str) -> None:
    check_refused(geojson(tmp_path / "a.geojson", feature("Polygon", [SQUARE]), bad), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not GeoJSON \(.*\); export it again from QuPath"),
        (
            b'{"type": "FeatureCollection", "features": [',
            r"not GeoJSON \(.*\); export it again from QuPath",
        ),
        (b"[" * 200_000, r"not GeoJSON \(nested too deeply\); export it again from QuPath"),
        (b"[" + b"1" * 5000 + b"]", r"not GeoJSON \(.*\); export it again from QuPath"),
        (
            b'[{"coordinates": [' + b"1" * 5000 + b",2]}]",
            r"not GeoJSON \(.*\); export it again from QuPath",
        ),
        (b'[{"coordinates": [[1,2],[3 4]]}]', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'[{"coordinates": [[1,2],[01,4]]}]', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'[{"coordinates": ]1[}]', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'[{"coordinates": [1],[2]}]', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'[{"a": [}]', r"not GeoJSON \(brackets that do not match\); export it again from QuPath"),
        (
            b'[{"a": "\\ud800"}]',
            r"not GeoJSON \(half a letter in a name\); export it again from QuPath",
        ),
        (b"[] []", r"not GeoJSON \(something follows its end\); export it again from QuPath"),
        (
            b'{"features": [], "features": []}',
            r"not GeoJSON \(two lists of features\); export it again from QuPath",
        ),
        (b"[,]", r"not GeoJSON \(.*\); export it again from QuPath"),
        (b"<html>", r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'{"features": [] 3', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b"3 ", r"no features in it, wanted a GeoJSON FeatureCollection as QuPath exports it"),
        (b'{"type": "Topology"}', r"no features in it, wanted a GeoJSON FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": 3}', r"no features in it"),
        (b'["\xff\xfe"]', r"not text; export it again"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_no_geojson(
    tmp_path: Path, content: bytes, message: str, packed: bool
) -> None:
    path = tmp_path / ("a.geojson.gz" if packed else "a.geojson")
    path.write_bytes(gzip.compress(content) if packed else content)
    check_refused(path, message)


def test_gzip_that_is_none_is_cut_short_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson.gz"
    whole = gzip.compress(
        json.dumps([feature("Polygon", [[[i, i * 7 % 31] for i in range(500)]])]).encode()
    )
    for content in (
        b"[]",
        whole[: len(whole) // 2],
        whole[:60] + bytes(40) + whole[100:],
        whole[:10] + b"\xff" * 50,
    ):
        path.write_bytes(content)
        check_refused(path, r"not GeoJSON \(.*\); export it again from QuPath")


def test_a_file_too_large_to_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a packed file, what counts is what it unpacks to."""
    monkeypatch.setattr(objects, "MAX_BYTES", 2_000_000)
    monkeypatch.setattr(objects, "_PIECE", 100_000)
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 2_000_000 + b"]"))
    assert path.stat().st_size < 10_000
    check_refused(path, r"more than 2 MB of GeoJSON; export fewer objects")


def test_what_is_held_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed file of 60 MB took 1.4 GB."""
    path = geojson(
        tmp_path / "a.geojson",
        *[{**feature("Polygon", [SQUARE * 40]), "name": "b" * 5000} for _ in range(3)],
    )
    for module, limit, value, message in (
        (
            objects,
            "MAX_OBJECT_BYTES",
            3000,
            "an object of more than 0 MB; split it, or export fewer objects",
        ),
        (
            objects,
            "MAX_REST_BYTES",
            3000,
            "feature 1 has more than 0 MB beside its outlines; export it without",
        ),
        (objects, "MAX_OBJECTS", 2, "more than 2 objects; export the annotations alone"),
        (reader, "MAX_HELD_BYTES", 8000, "outlines of more than 0 MB; export fewer objects"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            check_refused(path, message)
    assert len(read(path)[0]) == 3


def test_a_file_takes_a_few_times_its_size(tmp_path: Path) -> None:
    """It took 24 times as much. Measured by the interpreter, where arrays count too."""
    ring = [[k % 4001 + 0.25, k % 3001] for k in range(100_000)]
    path = geojson(tmp_path / "a.geojson", feature("Polygon", [ring]))
    text = path.stat().st_size
    tracemalloc.start()
    read_drawn(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * text


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.geojson", "a.geojson.gz"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path / name, "not found")


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_file_that_is_no_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\x00\x80\x81")
    check_refused(tmp_path / name, "not text")
