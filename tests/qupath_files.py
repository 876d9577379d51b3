"""Objects as versions of QuPath write them, and what is read of a file of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from breastseg.errors import SourceError
from breastseg.sources.annotations import read_drawn

SQUARE = [[10, 20], [30, 20], [30, 50], [10, 50], [10, 20]]
HOLE = [[15, 25], [20, 25], [20, 30], [15, 30], [15, 25]]
LINE = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
OTHER_PLANE = {"type": "Polygon", "coordinates": [SQUARE], "plane": {"c": -1, "z": 2, "t": 0}}

Read = tuple[list[tuple[str, Any, list[Any]]], list[tuple[str, float, float]]]


def read(path: Path) -> Read:
    """Return areas (class, outline, holes) and dots (class, x, y) of a file."""
    found = read_drawn(path)
    areas = [
        (area.name, area.outline.tolist(), [hole.tolist() for hole in area.holes])
        for area in found.areas
    ]
    return areas, [(dot.name, dot.x, dot.y) for dot in found.dots]


def as_written_by(version: str) -> list[dict[str, Any]]:
    """Return one object of each kind as a version of QuPath writes it."""
    kinds = {
        "Tumor": ("annotation", {"type": "Polygon", "coordinates": [SQUARE, HOLE]}),
        "Stroma": ("annotation", {"type": "MultiPoint", "coordinates": [[10.5, 50.25], [20, 51]]}),
        "Other": ("annotation", LINE), "Necrosis": ("annotation", OTHER_PLANE),
        "Immune cells": ("cell", {"type": "Polygon", "coordinates": [HOLE]}),
        "": ("tile", {"type": "Polygon", "coordinates": [SQUARE]}),
    }  # fmt: skip
    ids = {"annotation": "PathAnnotationObject", "cell": "PathCellObject", "tile": "PathTileObject"}
    made = []
    for name, (kind, geometry) in kinds.items():
        color = {"colorRGB": -13578071} if version < "0.4" else {"color": [48, 208, 169]}
        properties = {} if not name else {"classification": {"name": name, **color}}
        one: dict[str, Any] = {
            "type": "Feature",
            "geometry": geometry,
            "properties": {**properties, "isLocked": False},
        }
        if version == "0.2":
            one["id"] = ids[kind]
        else:
            one["properties"]["object_type" if version == "0.3" else "objectType"] = kind
        if version >= "0.4":
            one["id"] = f"85d8649f-9f71-4f79-adff-f3f5b026db{len(made):02d}"
        made.append(one)
    return made


def feature(kind: str, coordinates: Any, name: str = "Tumor") -> dict[str, Any]:
    """Return an object as QuPath 0.5 exports it."""
    return {
        "type": "Feature",
        "id": "2d3f",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": name, "color": [200, 0, 0]},
        },
    }


def geojson(path: Path, *features: Any) -> Path:
    """Write objects as a file."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


def check_refused(path: Path, message: str) -> None:
    """See that a file is refused in one line that begins with its path."""
    with pytest.raises(SourceError, match=message) as caught:
        read_drawn(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
