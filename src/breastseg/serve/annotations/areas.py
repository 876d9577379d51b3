"""Which areas and points are kept: classes, outlines that do not cross, places inside the slide, no
more than a page can hold."""

import math
import unicodedata
import uuid
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import shapely

from breastseg.errors import SourceError
from breastseg.serve.refusals import Malformed, TooMuch
from breastseg.sources.annotations import class_name

Feature: TypeAlias = dict[str, object]
"""Of GeoJSON, with whatever other programs keep in it."""

MAX_FEATURES = 20_000
MAX_PLACES = 400_000
"""Corners of all areas together."""

_NAME_LENGTH = 64
_DEFAULT_COLOR = (128, 128, 128)
_DECIMALS = 2
"""QuPath rounds places to these since 0.6, in pixels."""


def checked_areas(
    features: list[Feature],
    shown: list[Feature],
    before: list[Feature],
    size: tuple[int, int],
    colors: dict[str, tuple[int, int, int]],
) -> list[Feature]:
    """Return features as they are kept: those that stand in the file already untouched, all others
    as QuPath writes them.

    Args:
        features: as they came.
        shown: those of the file as they were sent.
        before: the same as they stand in the file.
        size: (width, height) of the slide, which holds all new places.
        colors: of the classes that are known.

    Raises:
        Refused: an area cannot be kept, with its number; too many.
    """
    check_count(features)
    in_file: dict[str, tuple[Feature, Feature]] = {}
    for sent_one, stored_one in zip(shown, before, strict=True):
        in_file[str(sent_one["id"])] = (sent_one, stored_one)
    ids: set[str] = set()
    checked: list[Feature] = []
    for number, feature in enumerate(features, start=1):
        own_id = feature.get("id")
        is_usable = isinstance(own_id, str | int) and 0 < len(str(own_id)) <= _NAME_LENGTH
        if is_usable and str(own_id) not in ids:
            sent, stored = in_file.get(str(own_id), (None, None))
        else:  # none, or one that another area has: a copy that was made in the page
            own_id, sent, stored = str(uuid.uuid4()), None, None
        ids.add(str(own_id))
        if stored is not None and sent == feature:
            checked.append(stored)
            continue
        name = _class_name(feature, number)
        # A place that stood in the file stays, whatever it is: only its class was changed.
        if sent is None or sent.get("geometry") != feature.get("geometry"):
            _check_geometry(feature.get("geometry"), number, size)
        checked.append(_as_annotation({**feature, "id": own_id}, name, colors.get(name)))
    return checked


def check_count(features: list[Feature]) -> None:
    """Raise TooMuch for more than a page can hold."""
    places = sum(_places(feature.get("geometry")) for feature in features)
    if len(features) > MAX_FEATURES or places > MAX_PLACES:
        raise TooMuch(
            f"{len(features)} areas with {places} corners, a page shows up to {MAX_FEATURES} with"
            f" {MAX_PLACES}; open them in QuPath",
        )


def _places(value: object) -> int:
    """Count the corners of a geometry, whatever its form."""
    # A list of what waits, and no function that calls itself: anybody may nest deeply.
    waiting, count = [value], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            if part and not isinstance(part[0], (list, dict)):
                count += 1
            else:
                waiting += part
    return count


def _bad(number: int, what: str) -> Malformed:
    return Malformed(f"area {number} {what}")


def _class_name(feature: Feature, number: int) -> str:
    properties = feature.get("properties")
    try:
        name = class_name(properties, "it") if isinstance(properties, dict) else None
    except SourceError as cause:
        raise _bad(number, f"has no class that can be kept ({cause})") from None
    if name is None:
        raise _bad(number, "has no class; give it one")
    # Of Unicode's category C: control letters, formats, and what is not assigned.
    is_hidden = any(unicodedata.category(letter).startswith("C") for letter in name)
    if len(name) > _NAME_LENGTH or is_hidden:
        raise _bad(
            number,
            f"has a class whose name is longer than {_NAME_LENGTH} letters, or has letters that"
            " cannot be seen",
        )
    return name


def _check_geometry(geometry: object, number: int, size: tuple[int, int]) -> None:
    """Refuse what `prepare` cannot draw: neither areas nor points."""
    waiting = [geometry]
    while waiting:
        part = waiting.pop()
        members = part if isinstance(part, dict) else {}
        kind, coordinates = str(members.get("type")), members.get("coordinates")
        inside = members.get("geometries")
        if kind == "GeometryCollection" and isinstance(inside, list) and inside:
            waiting += inside
            continue
        check = _CHECKS.get(kind.removeprefix("Multi"))
        if check is None:
            raise _bad(number, "is neither a Polygon nor a Point, nor several; draw it as an area")
        # Of one polygon or point the coordinates are what of several is each part.
        parts = coordinates if kind.startswith("Multi") else [coordinates]
        if not isinstance(parts, list) or not parts:
            raise _bad(number, "has nothing in it")
        check(parts, number, size)


def _check_polygons(parts: list[Any], number: int, size: tuple[int, int]) -> None:
    """Refuse polygons that are not valid, or touch each other along a line: QuPath refuses a whole
    file for one of them."""
    polygons = [_polygon(rings, number, size) for rings in parts]
    # Rounding as QuPath does it may make lines cross that did not.
    rounded = shapely.transform(polygons, partial(np.round, decimals=_DECIMALS))
    for places in (polygons, rounded):
        # Together: polygons that are valid one by one may lie on each other.
        whole = shapely.multipolygons(list(places)) if len(polygons) > 1 else places[0]
        if not shapely.is_valid(whole):
            raise _bad(
                number,
                f"crosses itself or its holes ({shapely.is_valid_reason(whole)}); move the corner"
                " there, or draw it again",
            )
        if not all(shapely.area(places) > 0):
            raise _bad(number, "covers nothing")


def _polygon(rings: Any, number: int, size: tuple[int, int]) -> shapely.Polygon:
    if not isinstance(rings, list) or not rings:
        raise _bad(number, "has no outline")
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 4 or ring[0] != ring[-1]:
            raise _bad(
                number,
                "has an outline of fewer than three corners, or one that does not end where it"
                " begins",
            )
        _check_places(ring, number, size)
    # A third number would be a height, which a slide has not.
    outline, *holes = [[place[:2] for place in ring] for ring in rings]
    return shapely.Polygon(outline, holes)


def _check_places(places: list[Any], number: int, size: tuple[int, int]) -> None:
    width, height = size
    for place in places:
        is_place = isinstance(place, list) and len(place) >= 2 and all(map(_is_number, place))
        if not is_place:
            raise _bad(number, "has a place that is not [x, y] in pixels")
        x, y = place[:2]
        if not (0 <= x <= width and 0 <= y <= height):
            raise _bad(number, f"reaches outside the slide, which has {width} x {height} px")


_CHECKS = {"Polygon": _check_polygons, "Point": _check_places}


def _is_number(value: object) -> bool:
    # A bool is an int for Python; beyond 2**53 a page's numbers are not exact.
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) < 2**53 and math.isfinite(value)


def _as_annotation(feature: Feature, name: str, color: tuple[int, int, int] | None) -> Feature:
    """Fill in what QuPath wants of an annotation and the page left out."""
    given = feature["properties"]
    properties: dict[str, Any] = {"objectType": "annotation", "isLocked": False}
    if isinstance(given, dict):
        properties |= given
    classification = properties.get("classification")
    if not isinstance(classification, dict):
        classification = {"name": name}
    # QuPath before 0.4 wrote colorRGB, one whole number.
    if "color" not in classification and "colorRGB" not in classification:
        classification = {"color": list(color or _DEFAULT_COLOR), **classification}
    return {
        **feature,
        "type": "Feature",
        "properties": {**properties, "classification": classification},
    }
