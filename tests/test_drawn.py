"""Reading areas and dots: each format as its program writes it, and each way a line or feature can be wrong."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from breastseg.errors import SourceError
from breastseg.sources import drawn as reader
from breastseg.sources import open_source
from breastseg.sources.drawn import Area, Dot, Drawn, read_drawn
from conftest import DATA

M2C = DATA / "brca_m2c"
SQUARE = [[10, 20], [30, 20], [30, 50], [10, 50], [10, 20]]
HOLE = [[15, 25], [20, 25], [20, 30], [15, 30], [15, 25]]


def corners(ring: list[list[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in ring)


def feature(kind: str, coordinates: Any, name: str = "Tumor") -> dict[str, Any]:
    """Return an object as QuPath 0.5 exports it."""
    return {
        "type": "Feature", "id": "2d3f", "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": name, "color": [200, 0, 0]}},
    }  # fmt: skip


def geojson(path: Path, *features: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


def test_the_real_m2c_sample() -> None:
    """A line is y x class, counted from 0; so its dot lies in the middle of that pixel."""
    source = open_source(M2C)
    assert source.description == "BRCA-M2C dots: 2 image-mask pairs, 2 patients, 2 hospitals"
    assert [(r.patient, r.site, r.mpp, r.split) for r in source.regions] == [
        ("TCGA-A7-A0DA", "A7", 0.5, "train"), ("TCGA-A8-A082", "A8", 0.5, "val"),
    ]  # fmt: skip
    assert source.label_map == "region5"
    names = {"1": "lymphocytic_infiltrate", "2": "tumor", "3": "stroma"}
    for region, count in zip(source.regions, (97, 62), strict=True):
        lines = [line.split() for line in region.labels.read_text().splitlines()]
        assert read_drawn(region.labels) == Drawn((), tuple(Dot(names[k], int(x) + 0.5, int(y) + 0.5) for y, x, k in lines))
        assert len(lines) == count
        assert {k for *_, k in lines} == {"1", "2", "3"}


def test_lists_that_put_one_patient_on_both_sides_are_said(tmp_path: Path) -> None:
    for sub in ("images", "labels"):
        (tmp_path / sub).mkdir()
    for slide in ("DX1", "DX2"):
        (tmp_path / "images" / f"TCGA-A7-A0DA-01Z-00-{slide}_1.png").write_bytes(next((M2C / "images").iterdir()).read_bytes())
        (tmp_path / "labels" / f"TCGA-A7-A0DA-01Z-00-{slide}_1_gt_class_coords.txt").write_text("1 2 3\n")
    (tmp_path / "brca_ds_train.txt").write_text("TCGA-A7-A0DA-01Z-00-DX1_1.png\n")
    (tmp_path / "brca_ds_val.txt").write_text("TCGA-A7-A0DA-01Z-00-DX2_1.png\n")
    assert "its own lists put TCGA-A7-A0DA into training and validation: split it again by patient" in open_source(tmp_path).notes
    (tmp_path / "brca_ds_val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match=r"brca_ds_val\.txt: not a list of file names; copy the release again"):
        open_source(tmp_path)


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "as Excel writes it"])
def test_csv(tmp_path: Path, start: str) -> None:
    path = tmp_path / "a_points.CSV"
    path.write_text(start + "Y; X ;Class\n2,5;1e1;tumor\n0,0;96;Immune cells\n;;\n", encoding="utf-8")
    assert read_drawn(path) == Drawn((), (Dot("tumor", 10.0, 2.5), Dot("Immune cells", 96.0, 0.0)))
    path.write_text(start + 'id,class,y,x\n1,tumor,2.5,1e1\n2,"Immune cells",0,96\n\n', encoding="utf-8")
    assert read_drawn(path) == Drawn((), (Dot("tumor", 10.0, 2.5), Dot("Immune cells", 96.0, 0.0)))


def test_qupath_areas_holes_and_points(tmp_path: Path) -> None:
    other = [[40, 40], [50, 40], [45, 48.5], [40, 40]]
    path = geojson(
        tmp_path / "a.geojson", feature("Polygon", [SQUARE, HOLE]), feature("MultiPolygon", [[SQUARE, HOLE], [other]], "Stroma"),
        feature("Point", [5.5, 6]), feature("MultiPoint", [[1, 2], [3, 4]], "Immune cells"), feature("Polygon", [other], "Ignore*"),
    )  # fmt: skip
    square, hole, triangle = corners(SQUARE), corners(HOLE), corners(other)
    assert read_drawn(path) == Drawn(
        (Area("Tumor", square, (hole,)), Area("Stroma", square, (hole,)), Area("Stroma", triangle), Area("Ignore*", triangle)),
        (Dot("Tumor", 5.5, 6.0), Dot("Immune cells", 1.0, 2.0), Dot("Immune cells", 3.0, 4.0)),
    )


def test_a_list_of_features_one_feature_and_gzip_are_read_alike(tmp_path: Path) -> None:
    one = feature("Polygon", [SQUARE])
    wanted = Drawn((Area("Tumor", corners(SQUARE)),), ())
    for number, value in enumerate(({"type": "FeatureCollection", "features": [one]}, [one], one)):
        text = json.dumps(value).encode()
        (tmp_path / f"{number}.geojson").write_bytes(text)
        (tmp_path / f"{number}.geojson.gz").write_bytes(gzip.compress(text))
        assert read_drawn(tmp_path / f"{number}.geojson") == wanted
        assert read_drawn(tmp_path / f"{number}.geojson.gz") == wanted


def test_a_class_as_other_programs_write_it(tmp_path: Path) -> None:
    place = {"type": "Point", "coordinates": [1, 2, 0]}
    path = geojson(tmp_path / "a.geojson", {"type": "Feature", "geometry": place, "properties": {"class": "tumor"}})
    assert read_drawn(path).dots == (Dot("tumor", 1.0, 2.0),)


def test_nothing_drawn_is_no_error(tmp_path: Path) -> None:
    assert read_drawn(geojson(tmp_path / "a.geojson")) == Drawn((), ())
    for name, text in (("a.txt", "\n\n"), ("a.csv", "x,y,class\n")):
        (tmp_path / name).write_text(text)
        assert read_drawn(tmp_path / name) == Drawn((), ())


def check_refused(path: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_drawn(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


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
    ("text", "message"),
    [
        ("", r": empty, wanted a CSV with x, y, class"),
        ("x,y,label\n1,2,tumor\n", r": columns are x, y, label; wanted a CSV with x, y, class; did you mean class by 'label'\?"),
        ("x,y,z,class\n1,2,3,tumor\n", r": unknown column 'z', wanted a CSV with x, y, class"),
        ("x,y,class\n1,2,tumor\n1,2,\n", r", row 3: dot without class"),
        ("x,y,class\n1,2\n", r", row 2: 2 cells, the head has 3; give class too"),
        ("x,y,class\n1 um,2,tumor\n", r", row 2: x '1 um', wanted a number alone"),
        ("x,y,class\n1,,tumor\n", r", row 2: dot without y"),
        ("x,y,class\n1,inf,tumor\n", r", row 2: y 'inf', wanted a number alone"),
        ("x;y;class\n1,250;2,5;tumor\n", r", row 2: x '1,250' may be a number with decimals or one of thousands; write it with a point"),
        (f'x,y,class\n1,2,"{"a" * 200_000}"\n', r", row 2: not a CSV table \(field larger than field limit \(131072\)\)"),
        (f'x,y,class\n1,2,"{"a" * 40_000}"\n', r", row 2: a cell of 40,000 letters, wanted up to 32,767"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    check_refused(tmp_path / "a.csv", message)


NO_CLASS = r"feature 2: has no class \(properties\.classification\.name\); give it one in QuPath or delete it"
NO_GEOMETRY = r"feature 2: has no geometry; export it again from QuPath"
POINT = {"type": "Point", "coordinates": [1, 2]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"type": "Feature", "geometry": POINT, "properties": {"objectType": "annotation"}}, NO_CLASS),
        ({"type": "Feature", "geometry": POINT, "properties": {"classification": None}}, NO_CLASS),
        ({"type": "Feature", "geometry": POINT, "properties": {"classification": {"name": 3}}}, NO_CLASS),
        ({"type": "Feature", "geometry": POINT, "properties": None}, NO_CLASS),
        ({"type": "Feature", "geometry": POINT}, NO_CLASS),
        ("words", NO_CLASS),
        ({**feature("Point", [1, 2]), "geometry": None}, NO_GEOMETRY),
        ({**feature("Point", [1, 2]), "geometry": {"type": "GeometryCollection", "geometries": []}}, NO_GEOMETRY),
        (feature("MultiPolygon", None), NO_GEOMETRY),
        (feature("LineString", SQUARE), r"feature 2: is a LineString, wanted a Polygon or Point, or several; delete it or turn it into an"),
        (feature("Polygon", None), r"feature 2: area without outline; delete it"),
        (feature("Polygon", []), r"feature 2: area without outline; delete it"),
        (feature("MultiPolygon", [[SQUARE], []]), r"feature 2: area without outline; delete it"),
        (feature("Polygon", [SQUARE[:2]]), r"feature 2: outline of fewer than three places; delete it"),
        (feature("Polygon", [SQUARE, 7]), r"feature 2: outline of fewer than three places"),
        (feature("Polygon", [[[1, 2], [3, 4], [5]]]), r"feature 2: place \[5\], wanted \[x, y\]"),
        (feature("Polygon", SQUARE), r"feature 2: outline of fewer than three places"),
        (feature("Point", "12"), r"feature 2: place '12', wanted \[x, y\]"),
        (feature("Point", [1, None]), r"feature 2: 'None' is not a number of pixels"),
        (feature("Point", [1, float("inf")]), r"feature 2: 'inf' is not a number of pixels"),
        (feature("Point", [1, 10**400]), r"feature 2: '1000+' is not a number of pixels"),
    ],
)
def test_bad_features(tmp_path: Path, bad: Any, message: str) -> None:
    check_refused(geojson(tmp_path / "a.geojson", feature("Polygon", [SQUARE]), bad), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not GeoJSON \(.*\); export it again from QuPath"),
        (b'{"type": "FeatureCollection", "features": [', r"not GeoJSON \(.*\); export it again from QuPath"),
        (b"[" * 200_000, r"not GeoJSON \(.*\); export it again from QuPath"),
        (b"[" + b"1" * 5000 + b"]", r"not GeoJSON \(.*\); export it again from QuPath"),
        (b"3", r"no features in it, wanted a GeoJSON FeatureCollection as QuPath exports it"),
        (b'{"type": "Topology"}', r"no features in it, wanted a GeoJSON FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": 3}', r"no features in it"),
        (b'["\xff\xfe"]', r"not text; export it again"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_no_geojson(tmp_path: Path, content: bytes, message: str, packed: bool) -> None:
    path = tmp_path / ("a.geojson.gz" if packed else "a.geojson")
    path.write_bytes(gzip.compress(content) if packed else content)
    check_refused(path, message)


def test_gzip_that_is_none_is_cut_short_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson.gz"
    whole = gzip.compress(json.dumps([feature("Polygon", [[[i, i * 7 % 31] for i in range(500)]])]).encode())
    for content in (b"[]", whole[: len(whole) // 2], whole[:60] + bytes(40) + whole[100:], whole[:10] + b"\xff" * 50):
        path.write_bytes(content)
        check_refused(path, r"not GeoJSON \(.*\); export it again from QuPath")


def test_a_file_too_large_to_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a packed file, what counts is what it unpacks to."""
    monkeypatch.setattr(reader, "MAX_BYTES", 2_000_000)
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 2_000_000 + b"]"))
    assert path.stat().st_size < 10_000
    check_refused(path, r"more than 2 MB of GeoJSON; export fewer objects")


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.geojson", "a.geojson.gz"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path / name, "not found")


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_file_that_is_no_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\x00\x80\x81")
    check_refused(tmp_path / name, "not text")


@pytest.mark.parametrize(
    ("image", "annotation", "kind"),
    [
        ("images/a.png", "annotations/a.geojson", "pictures with areas or dots"),
        ("images/a.png", "annotations/a.geojson.gz", "pictures with areas or dots"),
        ("images/a_MPP-0.2500.png", "annotations/a_MPP-0.2500.geojson.gz", "pictures with areas or dots"),
        ("images/a.png", "points/a.csv", "pictures with areas or dots"),
        ("a.png", "a.geojson", "pictures with QuPath GeoJSON"),
        ("a.jpg", "a.GeoJSON", "pictures with QuPath GeoJSON"),
        ("a.png", "a.geojson.gz", "pictures with QuPath GeoJSON"),
        ("a.png", "a_points.csv", "pictures with dots"),
    ],
)
def test_layouts(tmp_path: Path, image: str, annotation: str, kind: str) -> None:
    for name in (image, annotation):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "labels.yaml").touch()
    (tmp_path / "patients.csv").touch()
    source = open_source(tmp_path, mpp=0.5)
    assert source.description.startswith(f"{kind}: 1 ")
    assert source.label_map == str(tmp_path / "labels.yaml")
    (region,) = source.regions
    assert (region.image, region.labels) == (tmp_path / image, tmp_path / annotation)
    (tmp_path / annotation).rename((tmp_path / annotation).with_name(f"b{annotation.partition('/')[2][1:] or annotation[1:]}"))
    missing = "mask" if "/" in image else "image"  # beside pictures, one without annotation is not annotated yet
    with pytest.raises(SourceError, match=rf": has no {missing}, wanted .*; add it or take the (image|mask) away"):
        open_source(tmp_path, mpp=0.5)
