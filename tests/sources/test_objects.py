"""Objects of a GeoJSON file, one at a time, wherever a piece of the file ends."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.errors import SourceError
from breastseg.sources import objects
from breastseg.sources.objects import read_objects
from qupath_files import HOLE, SQUARE, feature, geojson, read


def encoded(value: Any, encoding: str) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_outer_form_is_read_alike(tmp_path: Path, encoding: str) -> None:
    one = feature("Polygon", [SQUARE], "Drüse µ")
    forms = [
        {"type": "FeatureCollection", "features": [one], "name": "after"},
        [one],
        one,
        {"bbox": [[0, 1], {"a": "[{"}], "features": [one]},
    ]
    for number, value in enumerate(forms):
        text = encoded(value, encoding)
        (tmp_path / f"{number}.geojson").write_bytes(text)
        (tmp_path / f"{number}.GEOJSON.GZ").write_bytes(gzip.compress(text))
        for name in (f"{number}.geojson", f"{number}.GEOJSON.GZ"):
            assert read(tmp_path / name) == ([("Drüse µ", SQUARE, [])], [])


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_a_file_is_read_by_and_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """Wherever a piece ends: in a name, in a number, between brackets."""
    monkeypatch.setattr(objects, "_PIECE", piece)
    tricky = {
        **feature("Polygon", [SQUARE, HOLE], 'a "b\\'),
        "name": '[{"coordinates": [[1,2]]}, "\\"',
        "more": [[], {}, [[1], "x]"], -1.5e3, None],
    }
    path = geojson(tmp_path / "a.geojson", tricky, feature("MultiPoint", [[1, 2], [3.25, 4]]))
    assert read(path) == ([('a "b\\', SQUARE, [HOLE])], [("Tumor", 1.0, 2.0), ("Tumor", 3.25, 4.0)])


def objects_of(text: str) -> list[Any]:
    return list(read_objects(io.BytesIO(text.encode()), "a.geojson"))


def test_rings_are_arrays_and_all_else_is_json() -> None:
    text = (
        '[{"geometry": {"type": "Polygon", "coordinates": [[[0, 1], [2.5, -3e1], [4, 5]]]},'
        ' "properties": {"numbers": [[1, 2], [3, 4]], "name": "[[1, 2]]"}}]'
    )
    (found,) = objects_of(text)
    (ring,) = found["geometry"]["coordinates"]
    assert isinstance(ring, np.ndarray)
    assert ring.tolist() == [[0, 1], [2.5, -30], [4, 5]]
    assert found["properties"] == {"numbers": [[1, 2], [3, 4]], "name": "[[1, 2]]"}


def test_a_third_number_of_a_place_is_left_out() -> None:
    (found,) = objects_of('{"type": "Polygon", "coordinates": [[[0, 1, 9], [2, 3, 9], [4, 5, 9]]]}')
    assert found["geometry"]["coordinates"][0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert found["type"] == "Feature"


@pytest.mark.parametrize(
    "text",
    [
        "{}x",
        '{"features": [1, 2}',
        '{"features": [}',
        '{"a" 1}',
        "[1, 2",
        '{"features": [], "features": []}',
        '[{"a": [}]}]',
        '["\\ud800"]',
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the json module's own words
        objects_of(text)


@pytest.mark.parametrize("text", ['"x"', "{}", '{"type": "Feature"}'])
def test_json_without_features_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="no features"):
        objects_of(text)


def test_nesting_is_bounded() -> None:
    deep = "[" * 40 + "]" * 40
    assert objects_of(f"[{deep}]")
    deep = "[" * 100 + "]" * 100
    with pytest.raises(ValueError, match="nested"):
        objects_of(f"[{deep}]")


def test_more_objects_than_a_person_draws_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_OBJECTS", 3)
    assert len(objects_of("[1, 2, 3]")) == 3
    with pytest.raises(SourceError, match="more than 3 objects"):
        objects_of("[1, 2, 3, 4]")
