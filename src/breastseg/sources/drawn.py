"""Annotation that is drawn: areas and dots, read from BRCA-M2C lists, CSV tables and QuPath GeoJSON.

Coordinates are pixels of the picture, (0, 0) its left-top corner, (0.5, 0.5) the middle of its first pixel.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from breastseg.errors import SourceError
from breastseg.tables import read_table

Ring: TypeAlias = tuple[tuple[float, float], ...]
"""A closed line of (x, y)."""

MAX_BYTES = 1_000_000_000
"""A file of areas is held whole while it is read."""

_M2C_CLASSES = {"1": "lymphocytic_infiltrate", "2": "tumor", "3": "stroma"}  # lymphocyte, tumour or epithelial cell, stromal cell


@dataclass(frozen=True)
class Dot:
    """A place of one class."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Area:
    """An area of one class: its outline, and its holes."""

    name: str
    outline: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """What is drawn on one picture."""

    areas: tuple[Area, ...]
    dots: tuple[Dot, ...]

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return left, top, right and bottom of all of it; None when there is nothing."""
        places = [*(place for area in self.areas for place in area.outline), *((dot.x, dot.y) for dot in self.dots)]
        if not places:
            return None
        across, down = [x for x, _ in places], [y for _, y in places]
        return min(across), min(down), max(across), max(down)

    def seen_from(self, x: float, y: float) -> "Drawn":
        """Return the same in pixels of a field whose left-top corner is (x, y)."""

        def moved(ring: Ring) -> Ring:
            return tuple((across - x, down - y) for across, down in ring)

        areas = tuple(Area(area.name, moved(area.outline), tuple(map(moved, area.holes))) for area in self.areas)
        return Drawn(areas, tuple(Dot(dot.name, dot.x - x, dot.y - y) for dot in self.dots))


def read_drawn(path: Path) -> Drawn:
    """Read areas and dots.

    Args:
        path: BRCA-M2C's `.txt` (y x class), a `.csv` with the columns x, y, class, or QuPath's `.geojson` or `.geojson.gz`.

    Raises:
        SourceError: the file cannot be read so; the message names the line or feature.
    """
    if not path.is_file():
        raise SourceError(f"{path}: not found")
    try:
        if path.suffix == ".txt":
            return Drawn((), tuple(_m2c_dots(path)))
        if path.suffix.lower() == ".csv":
            return Drawn((), tuple(_csv_dots(path)))
        return _geojson(path)
    except UnicodeDecodeError:
        raise SourceError(f"{path}: not text; export it again") from None


def _m2c_dots(path: Path) -> Iterator[Dot]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or words[2] not in _M2C_CLASSES:
            raise SourceError(f"{path}: line {number} is '{line[:60]}', wanted y x class with class 1, 2 or 3")
        y, x = (_number(word, f"{path}: line {number}") + 0.5 for word in words[:2])  # they count pixels
        yield Dot(_M2C_CLASSES[words[2]], x, y)


def _csv_dots(path: Path) -> Iterator[Dot]:
    table = read_table(path, SourceError, needed=("x", "y", "class"), passive=("id", "name", "color", "colour"), may_be_empty=True)
    for column in ("x", "y", "class"):
        table.needs(column, f"dot without {column}; give it one, or remove the row")
    for row, x, y in zip(table.rows, table.numbers("x"), table.numbers("y"), strict=True):
        if x is not None and y is not None:
            yield Dot(row["class"], x, y)


def _geojson(path: Path) -> Drawn:
    areas: list[Area] = []
    dots: list[Dot] = []
    for number, feature in enumerate(_features(path), start=1):
        where = f"{path}: feature {number}"
        name = _class_name(feature, where)
        for kind, coordinates in _geometries(feature, where):
            if kind == "Point":
                dots.append(Dot(name, *_place(coordinates, where)))
            else:
                outline, *holes = _rings(coordinates, where)
                areas.append(Area(name, outline, tuple(holes)))
    return Drawn(tuple(areas), tuple(dots))


def _features(path: Path) -> list[Any]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise SourceError(f"{path}: more than {MAX_BYTES // 10**6} MB of GeoJSON; export fewer objects")
        value = json.loads(text)
    except UnicodeDecodeError:
        raise
    except (ValueError, gzip.BadGzipFile, zlib.error, EOFError, RecursionError) as cause:
        raise SourceError(f"{path}: not GeoJSON ({cause}); export it again from QuPath") from None
    if isinstance(value, dict):
        value = value.get("features", [value] if value.get("type") == "Feature" else None)
    if not isinstance(value, list):
        raise SourceError(f"{path}: no features in it, wanted a GeoJSON FeatureCollection as QuPath exports it")
    return value


def _class_name(feature: Any, where: str) -> str:
    try:
        properties = feature["properties"]
        found = properties["class"] if "classification" not in properties else properties["classification"].get("name")
        if found is None:  # "Tumor: Positive" comes as its parts, the class first
            found = properties["classification"]["names"][0]
        if not isinstance(found, str):
            raise TypeError
    except (KeyError, TypeError, IndexError, AttributeError):
        raise SourceError(f"{where}: has no class (properties.classification.name); give it one in QuPath or delete it") from None
    return found


def _geometries(feature: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield ("Point", place) or ("Polygon", rings)."""
    try:
        kind, coordinates = feature["geometry"]["type"], feature["geometry"]["coordinates"]
        if kind in {"MultiPoint", "MultiPolygon"}:
            yield from ((kind.removeprefix("Multi"), part) for part in coordinates)
        elif kind in {"Point", "Polygon"}:
            yield kind, coordinates
        else:
            raise SourceError(f"{where}: is a {kind}, wanted a Polygon or Point, or several; delete it or turn it into an area")
    except (KeyError, TypeError):
        raise SourceError(f"{where}: has no geometry; export it again from QuPath") from None


def _rings(rings: Any, where: str) -> list[Ring]:
    if not isinstance(rings, list) or not rings:
        raise SourceError(f"{where}: area without outline; delete it")
    return [_ring(ring, where) for ring in rings]


def _ring(places: Any, where: str) -> Ring:
    if not isinstance(places, list) or len(places) < 3:
        raise SourceError(f"{where}: outline of fewer than three places; delete it")
    return tuple(_place(place, where) for place in places)


def _place(place: Any, where: str) -> tuple[float, float]:
    if not isinstance(place, list) or len(place) < 2:
        raise SourceError(f"{where}: place {place!r}, wanted [x, y]")
    return _number(place[0], where), _number(place[1], where)


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{where}: '{value}' is not a number of pixels")
    return number
