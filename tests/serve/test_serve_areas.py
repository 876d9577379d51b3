"""Which areas are kept, and what is said of those that are not."""

import copy
from typing import Any

import pytest

pytest.importorskip("fastapi")

from breastseg.serve.annotations import areas
from breastseg.serve.annotations.areas import check_count, checked_areas
from breastseg.serve.refusals import Malformed, TooMuch

SIZE = (100, 80)
SQUARE = [[10, 10], [20, 10], [20, 20], [10, 20], [10, 10]]


def feature(geometry: Any, name: str | None = "Tumor", **more: Any) -> dict[str, Any]:
    properties = {} if name is None else {"classification": {"name": name}}
    return {"type": "Feature", "geometry": geometry, "properties": properties, **more}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def keep(*features: dict[str, Any]) -> list[dict[str, Any]]:
    return checked_areas(list(features), [], [], SIZE, {"Tumor": (200, 0, 0)})


def test_a_new_area_gets_what_qupath_wants() -> None:
    [kept] = keep(feature(polygon(SQUARE)))
    assert kept["geometry"] == polygon(SQUARE)
    assert len(kept["id"]) == 36
    assert kept["properties"] == {
        "objectType": "annotation",
        "isLocked": False,
        "classification": {"color": [200, 0, 0], "name": "Tumor"},
    }


def test_what_a_program_said_of_an_area_stays() -> None:
    given = feature(polygon(SQUARE), id="a", more=[1])
    given["properties"] |= {"isLocked": True, "name": "one"}
    given["properties"]["classification"]["colorRGB"] = -1
    [kept] = keep(copy.deepcopy(given))
    assert kept == {**given, "properties": {"objectType": "annotation", **given["properties"]}}


def test_two_of_one_name_are_told_apart() -> None:
    first, second, third = keep(*[feature(polygon(SQUARE), id=name) for name in ("a", "a", "")])
    assert first["id"] == "a"
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_what_stands_in_the_file_already_is_not_checked_or_changed() -> None:
    outside = [[x + 500, y] for x, y in SQUARE]
    shown = feature(polygon(outside), id="a")
    stored = {**shown, "extra": "of another program"}
    kept = checked_areas([copy.deepcopy(shown)], [shown], [stored], SIZE, {})
    assert kept == [stored]
    # Another class on the same place: written again, but its place is not looked at.
    renamed = feature(polygon(outside), "Stroma", id="a")
    [changed] = checked_areas([renamed], [shown], [stored], SIZE, {})
    assert changed["properties"]["classification"]["name"] == "Stroma"
    moved = feature(polygon([[x + 501, y] for x, y in SQUARE]), id="a")
    with pytest.raises(Malformed, match="outside the slide"):
        checked_areas([moved], [shown], [stored], SIZE, {})


@pytest.mark.parametrize(
    "geometry",
    [
        polygon(SQUARE, [[12, 12], [12, 14], [14, 14], [12, 12]]),
        {"type": "Point", "coordinates": [0, 80]},
        {"type": "MultiPoint", "coordinates": [[0, 0], [100, 80]]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[x + 30, y] for x, y in SQUARE]]]},
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE)]},
    ],
)
def test_areas_and_points_are_kept(geometry: dict[str, Any]) -> None:
    assert keep(feature(geometry))[0]["geometry"] == geometry


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        (None, "neither a Polygon nor a Point"),
        ({"type": "LineString", "coordinates": SQUARE}, "neither a Polygon nor a Point"),
        ({"type": "GeometryCollection", "geometries": []}, "neither a Polygon nor a Point"),
        ({"type": "MultiPolygon", "coordinates": []}, "nothing in it"),
        ({"type": "Polygon", "coordinates": []}, "no outline"),
        (polygon(SQUARE[:-1]), "does not end where it begins"),
        (polygon([[1, 1], [2, 2], [1, 1]]), "fewer than three corners"),
        (polygon([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]), "crosses itself"),
        (polygon([[1, 1], [5, 1], [9, 1], [1, 1]]), "crosses itself|covers nothing"),
        (polygon([[1, 1], ["2", 1], [2, 2], [1, 1]]), r"not \[x, y\]"),
        (polygon([[1, 1], [True, 1], [2, 2], [1, 1]]), r"not \[x, y\]"),
        (polygon([[1, 1], [101, 1], [2, 2], [1, 1]]), "outside the slide, which has 100 x 80"),
        ({"type": "Point", "coordinates": [1]}, r"not \[x, y\]"),
        ({"type": "Point", "coordinates": [-0.1, 1]}, "outside the slide"),
    ],
)
def test_what_cannot_be_rasterised_is_refused_with_its_number(geometry: Any, said: str) -> None:
    with pytest.raises(Malformed, match=f"^area 2 .*({said})"):
        keep(feature(polygon(SQUARE)), feature(geometry))


def test_polygons_that_share_a_line_are_refused() -> None:
    beside = [[x + 10, y] for x, y in SQUARE]
    both = {"type": "MultiPolygon", "coordinates": [[SQUARE], [beside]]}
    with pytest.raises(Malformed, match="crosses itself"):
        keep(feature(both))


@pytest.mark.parametrize("name", [None, "a" * 65, "a\u202eb", ""])
def test_a_name_that_cannot_be_shown_is_refused(name: str | None) -> None:
    with pytest.raises(Malformed, match=r"area 1 has (no|a) class"):
        keep(feature(polygon(SQUARE), name))


def test_more_than_a_page_shows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = [[12, 12], [12, 14], [14, 14], [12, 12]]
    both = [feature(polygon(SQUARE, hole)), feature({"type": "Point", "coordinates": [1, 1]})]
    monkeypatch.setattr(areas, "MAX_PLACES", 10)  # 5 of the outline, 4 of the hole, a point
    check_count(both)
    monkeypatch.setattr(areas, "MAX_PLACES", 9)
    with pytest.raises(TooMuch, match="2 areas with 10 corners"):
        check_count(both)
    monkeypatch.setattr(areas, "MAX_PLACES", 10)
    monkeypatch.setattr(areas, "MAX_FEATURES", 1)
    with pytest.raises(TooMuch, match="up to 1 "):
        check_count(both)
