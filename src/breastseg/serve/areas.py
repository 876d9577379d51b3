"""Which areas and points are kept: classes, outlines that do not cross, places inside the slide, no more than a page can hold."""

import math
import unicodedata
import uuid
from typing import Any, TypeAlias

import shapely
from fastapi import HTTPException

Feature: TypeAlias = dict[str, object]
"""Of GeoJSON, with whatever other programs keep in it."""

MAX_FEATURES = 20_000
MAX_PLACES = 400_000
"""Corners of all areas together."""

_NAME_LENGTH = 64
_DEFAULT_COLOR = (128, 128, 128)


def checked_areas(
    features: list[Feature], before: list[Feature], size: tuple[int, int], colors: dict[str, tuple[int, int, int]]
) -> list[Feature]:
    """Return features as they are kept: those that stand in the file already untouched, all others as QuPath writes them.

    Args:
        features: as they came.
        before: those of the file.
        size: (width, height) of the slide, which holds all new places.
        colors: of the classes that are known.

    Raises:
        HTTPException: 400, an area cannot be kept, with its number; 413, too many.
    """
    check_count(features)
    known = {str(feature["id"]): feature for feature in before}
    kept: list[Feature] = []
    for number, feature in enumerate(features, start=1):
        if known.get(str(feature.get("id"))) == feature:
            kept.append(feature)
            continue
        name = _class_name(feature, number)
        _check_geometry(feature.get("geometry"), number, size)
        kept.append(_as_annotation(feature, name, colors.get(name)))
    return kept


def check_count(features: list[Feature]) -> None:
    """Raise HTTPException 413 for more than a page can hold."""
    places = sum(_places(feature.get("geometry")) for feature in features)
    if len(features) > MAX_FEATURES or places > MAX_PLACES:
        raise HTTPException(
            413, f"{len(features)} areas with {places} corners, a page shows up to {MAX_FEATURES} with {MAX_PLACES}; open them in QuPath"
        )


def _places(value: object) -> int:
    """Count the corners of a geometry, whatever its form."""
    waiting, count = [value], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            if one and not isinstance(one[0], (list, dict)):
                count += 1
            else:
                waiting += one
    return count


def _bad(number: int, what: str) -> HTTPException:
    return HTTPException(400, f"area {number} {what}")


def _class_name(feature: Feature, number: int) -> str:
    properties = feature.get("properties")
    given = properties.get("classification") if isinstance(properties, dict) else None
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise _bad(number, "has no class; give it one")
    if len(name) > _NAME_LENGTH or any(unicodedata.category(letter).startswith("C") for letter in name):
        raise _bad(number, f"has a class whose name is longer than {_NAME_LENGTH} letters, or has letters that cannot be seen")
    return name


def _check_geometry(geometry: object, number: int, size: tuple[int, int]) -> None:
    """Refuse what `prepare` cannot draw: neither areas nor points."""
    kind, coordinates = (geometry.get("type"), geometry.get("coordinates")) if isinstance(geometry, dict) else (None, None)
    check = {"Polygon": _check_rings, "Point": _check_place}.get(str(kind).removeprefix("Multi"))
    if check is None:
        raise _bad(number, "is neither a Polygon nor a Point, nor several; draw it as an area")
    parts = coordinates if str(kind).startswith("Multi") else [coordinates]
    if not isinstance(parts, list) or not parts:
        raise _bad(number, "has nothing in it")
    for part in parts:
        check(part, number, size)


def _check_rings(rings: Any, number: int, size: tuple[int, int]) -> None:
    if not isinstance(rings, list) or not rings:
        raise _bad(number, "has no outline")
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 4 or ring[0] != ring[-1]:
            raise _bad(number, "has an outline of fewer than three corners, or one that does not end where it begins")
        for place in ring:
            _check_place(place, number, size)
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid:
        raise _bad(number, f"crosses itself or its holes ({shapely.is_valid_reason(polygon)}); move the corner there, or draw it again")
    if polygon.area <= 0:
        raise _bad(number, "covers nothing")


def _check_place(place: Any, number: int, size: tuple[int, int]) -> None:
    if not isinstance(place, list) or len(place) != 2 or not all(_is_number(value) for value in place):
        raise _bad(number, "has a place that is not [x, y] in pixels")
    if not all(0 <= value <= side for value, side in zip(place, size, strict=True)):
        raise _bad(number, f"reaches outside the slide, which has {size[0]} x {size[1]} px")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53 and math.isfinite(value)


def _as_annotation(feature: Feature, name: str, color: tuple[int, int, int] | None) -> Feature:
    """Fill in what QuPath wants of an annotation and the page left out."""
    given = feature["properties"]
    properties = {"objectType": "annotation", "isLocked": False, **(given if isinstance(given, dict) else {})}
    classification = {"color": list(color or _DEFAULT_COLOR), **properties["classification"], "name": name}
    told = feature.get("id")
    identity = told if isinstance(told, str) and 0 < len(told) <= _NAME_LENGTH else str(uuid.uuid4())
    return {**feature, "type": "Feature", "id": identity, "properties": {**properties, "classification": classification}}
