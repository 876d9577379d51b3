"""Annotation that is drawn: areas and dots, read from BRCA-M2C lists, CSV tables, QuPath GeoJSON
and ASAP XML (asap.py).

Coordinates are pixels of the image, (0, 0) its left-top corner, (0.5, 0.5) the middle of its
first pixel.

Of a GeoJSON the annotations of plane z = 0, t = 0 that have a class are taken, as every QuPath
since 0.2 writes them; all else is counted by kind. Detections, cells and tiles count as
annotations in a file that has no annotation at all: whoever exports them alone means them.
`prepare` and the browser view read with the same functions.
"""

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from breastseg.errors import SourceError
from breastseg.sources.asap import read_asap
from breastseg.sources.drawn import (
    DOT_BYTES,
    FARTHEST,
    LONGEST_NAME,
    MAX_HELD_BYTES,
    RING_BYTES,
    shows,
)
from breastseg.sources.drawn import Area as Area
from breastseg.sources.drawn import Drawn as Drawn
from breastseg.sources.drawn import Ring as Ring
from breastseg.sources.drawn import said_kinds as said_kinds
from breastseg.sources.objects import read_objects
from breastseg.sources.points import Dot as Dot
from breastseg.sources.points import read_points

# Lymphocyte, tumour or epithelial cell, stromal cell.
_M2C_CLASSES = {"1": "lymphocytic_infiltrate", "2": "tumor", "3": "stroma"}
_ANNOTATION = "annotation"
_OBJECT_TYPES = {
    "annotation": _ANNOTATION,
    "detection": "detection",
    "cell": "cell",
    "tile": "tile",
    "tma_core": "TMA core",
    "tmacore": "TMA core",
    "root": "root object",
    "pathannotationobject": _ANNOTATION,
    "pathdetectionobject": "detection",
    "pathcellobject": "cell",
    "pathtileobject": "tile",
    "tmacoreobject": "TMA core",
    "pathrootobject": "root object",
}
"""Kinds of objects by `objectType` (`object_type` in QuPath 0.3), and by the `id` of 0.2."""

_STAND_INS = ("detection", "cell", "tile")
"""What is taken for annotations in a file that has none."""
_DRAWN = ("Polygon", "Point")
_LINES = ("LineString", "MultiLineString")
_MOST_KINDS = 20


def read_drawn(path: Path) -> Drawn:
    """Read areas and dots.

    Args:
        path: BRCA-M2C's `.txt` (y x class), a `.csv` of points as `read_points` takes it, or
            QuPath's `.geojson` or `.geojson.gz`, or ASAP's `.xml`.

    Raises:
        SourceError: the file cannot be read so; the message names the line or feature.
    """
    if not path.is_file():
        raise SourceError(f"{path}: not found")
    try:
        if path.suffix.lower() == ".txt":
            return Drawn((), tuple(_m2c_dots(path)))
        if path.suffix.lower() == ".csv":
            return Drawn((), tuple(read_points(path)))
        with path.open("rb") as file:
            if path.suffix.lower() == ".xml":
                return read_asap(file, str(path))
            return read_geojson(file, str(path), is_gzip=path.suffix.lower() == ".gz")
    except UnicodeDecodeError:
        raise SourceError(f"{path}: not text; export it again") from None


def _m2c_dots(path: Path) -> Iterator[Dot]:
    """Yield the dots of a list of BRCA-M2C, a line each."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or words[2] not in _M2C_CLASSES:
            raise SourceError(
                f"{path}: line {number} is '{line[:60]}', wanted y x class with class 1, 2 or 3"
            )
        where = f"{path}: line {number}"
        # The release counts pixels from 0; the middle of pixel 0 is at 0.5.
        y = _number(words[0], where) + 0.5
        x = _number(words[1], where) + 0.5
        yield Dot(_M2C_CLASSES[words[2]], x, y)


def read_geojson(file: BinaryIO, where: str, *, is_gzip: bool = False) -> Drawn:
    """Read what is drawn in a GeoJSON.

    Args:
        file: open for bytes.
        where: its name, for errors.
        is_gzip: whether it is packed.

    Raises:
        SourceError: no GeoJSON, too large, or something in an annotation of a class that is no
            place or outline.
    """
    reading = _Reading(where)
    try:
        unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if is_gzip else file
        for number, feature in enumerate(read_objects(unpacked, where), start=1):
            reading.take(feature, f"{where}: feature {number}")
    except UnicodeDecodeError:
        raise SourceError(f"{where}: not text; export it again") from None
    except (ValueError, gzip.BadGzipFile, zlib.error, EOFError) as cause:
        raise not_geojson(where, cause) from None
    return reading.drawn()


def not_geojson(where: str, cause: Exception) -> SourceError:
    """Return the error that says what is wrong with a file."""
    return SourceError(f"{where}: not GeoJSON ({cause}); export it again from QuPath")


class _Reading:
    """Areas and dots read so far: of annotations, and of objects that stand for them in a file that
    has none."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._annotations = _Taken()
        self._others = _Taken()
        self._has_annotation = False
        self._skipped: Counter[str] = Counter()

    def take(self, feature: Any, where: str) -> None:
        """Look at a feature."""
        if not isinstance(feature, dict):
            raise SourceError(f"{where}: is no object; export it again from QuPath")
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        kind = _object_type(feature, properties)
        if kind == _ANNOTATION:
            self._has_annotation = True
            # With an annotation in the file, nothing stands for one: the memory is given back.
            self._others = _Taken()
            self._annotations.take(feature, properties, where)
            self._check_size(self._annotations)
            return
        self._skipped[kind] += 1
        may_stand_in = kind in _STAND_INS and not self._has_annotation
        # No error yet where they are too many: an annotation may still come.
        if may_stand_in and self._others.held_bytes <= MAX_HELD_BYTES:
            self._others.take(feature, properties, where)

    def drawn(self) -> Drawn:
        """Return what counts."""
        if self._has_annotation or not (self._others.areas or self._others.dots):
            taken = self._annotations
            skipped = taken.skipped + self._skipped
            instead = Counter[str]()
        else:
            self._check_size(self._others)
            taken = self._others
            instead = Counter[str]()
            for kind, number in self._skipped.items():
                if kind in _STAND_INS:
                    instead[kind] = number
            skipped = taken.skipped + (self._skipped - instead)
        return Drawn(tuple(taken.areas), tuple(taken.dots), dict(skipped), dict(instead))

    def _check_size(self, taken: "_Taken") -> None:
        if taken.held_bytes > MAX_HELD_BYTES:
            raise SourceError(
                f"{self._where}: outlines of more than {MAX_HELD_BYTES // 10**6} MB; export fewer"
                " objects"
            )


class _Taken:
    """Areas and dots, and what was left out beside them."""

    def __init__(self) -> None:
        self.areas: list[Area] = []
        self.dots: list[Dot] = []
        self.skipped: Counter[str] = Counter()
        self.held_bytes = 0

    def take(self, feature: Mapping[str, Any], properties: Mapping[str, Any], where: str) -> None:
        """Take the areas and dots of a feature, or count what it is instead."""
        plane = _plane_of(feature, properties, where)
        if plane:
            self._skip(plane)
            return
        shapes = list(_shapes(feature.get("geometry"), where))
        if not shapes:
            self._skip("empty")
            return
        kinds = [kind for kind, _ in shapes]
        if not set(kinds) & set(_DRAWN):
            self._skip(*kinds)
            return
        name = class_name(properties, where)
        if name is None:
            self._skip("without class")
            return
        for kind, coordinates in shapes:
            self._take_shape(kind, coordinates, name, where)

    def _take_shape(self, kind: str, coordinates: Any, name: str, where: str) -> None:
        if kind == "Point":
            x, y = _place(coordinates, where)
            self.held_bytes += DOT_BYTES
            self.dots.append(Dot(name, x, y))
            return
        if kind != "Polygon":
            self._skip(kind)
            return
        rings = _rings(coordinates, where)
        if not rings:
            self._skip("empty")
            return
        outline, *holes = rings
        self.held_bytes += sum(RING_BYTES + ring.nbytes for ring in rings)
        self.areas.append(Area(name, outline, tuple(holes)))

    def _skip(self, *kinds: str) -> None:
        for kind in kinds:
            # Planes and times have a kind each; a thousand of them must not fill a page.
            is_one_too_many = kind not in self.skipped and len(self.skipped) >= _MOST_KINDS
            self.skipped["of other kinds" if is_one_too_many else kind] += 1


def _object_type(feature: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """Return what QuPath calls an object: "annotation", or a kind that is not taken."""
    for key in ("objectType", "object_type"):
        given = properties.get(key, feature.get(key))
        if given is not None:
            return _OBJECT_TYPES.get(str(given).casefold().replace(" ", "_"), "of another kind")
    if feature.get("nucleusGeometry") is not None:
        return "cell"
    return _OBJECT_TYPES.get(str(feature.get("id")).casefold(), _ANNOTATION)


def _plane_of(feature: Mapping[str, Any], properties: Mapping[str, Any], where: str) -> str:
    """Return a plane that is not z 0, t 0, in words; nothing for that one, or none."""
    geometry = feature.get("geometry")
    of_geometry = geometry.get("plane") if isinstance(geometry, dict) else None
    # Versions of QuPath write it in one of three places.
    for plane in (of_geometry, feature.get("plane"), properties.get("plane")):
        if plane is not None:
            return _plane(plane, where)
    return ""


def _plane(plane: Any, where: str) -> str:
    """Return a plane in words; nothing for z 0, t 0, or none."""
    if plane is None:
        return ""
    if not isinstance(plane, dict):
        raise SourceError(f"{where}: its plane is no object; export it again from QuPath")
    numbers = {"z": 0.0, "t": 0.0}
    for axis in numbers:
        if plane.get(axis) is not None:
            numbers[axis] = _coordinate(plane[axis], where, "a plane's number")
    if numbers["z"]:
        return f"on plane z {numbers['z']:g}"
    if numbers["t"]:
        return f"at time {numbers['t']:g}"
    return ""


def _shapes(geometry: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield ("Polygon", rings) and ("Point", place), and (what it is, None) for what is not
    taken."""
    if not isinstance(geometry, dict):
        return
    kind = geometry.get("type")
    coordinates = geometry.get("coordinates")
    if kind == "GeometryCollection":
        for part in _list(geometry.get("geometries"), where):
            plane = _plane(part.get("plane"), where) if isinstance(part, dict) else ""
            if plane:
                yield plane, None
            else:
                yield from _shapes(part, where)
    elif kind in _LINES:
        yield "line", None
    elif kind in ("MultiPoint", "MultiPolygon"):
        for part in _list(coordinates, where):
            yield kind.removeprefix("Multi"), part
    elif kind not in _DRAWN:
        yield "of another shape", None
    elif len(_list(coordinates, where)):
        yield kind, coordinates


def _list(value: Any, where: str) -> Any:
    """Return a list or array; nothing for none."""
    if value is None:
        return []
    if not isinstance(value, list | np.ndarray):
        raise SourceError(f"{where}: its coordinates are no list; export it again from QuPath")
    return value


def class_name(properties: Mapping[str, Any], where: str) -> str | None:
    """Return the class that a feature's properties say, "Tumor: Positive" for one that is derived;
    None for none.

    Raises:
        SourceError: it is no text, or none that can be shown.
    """
    given = properties.get("classification")
    given = properties.get("class") if given is None else given
    words: list[Any] = []
    if isinstance(given, dict) and isinstance(given.get("names"), list) and given["names"]:
        words = given["names"]
    else:
        # QuPath 0.3 writes {"name": "Positive", "parentClass": {"name": "Tumor"}}.
        while isinstance(given, dict):
            words.insert(0, given.get("name"))
            given = given.get("parentClass")
        words = [*given, *words] if isinstance(given, list) else [given, *words]
    words = [word for word in words if word is not None]
    if not all(isinstance(word, str) for word in words):
        raise SourceError(
            f"{where}: its class is not a name (properties.classification.name); give it one in"
            " QuPath or delete it"
        )
    parts = [" ".join(word.split()) for word in words]
    name = ": ".join(part for part in parts if part)
    if not shows(name):
        raise SourceError(
            f"{where}: its class has letters that cannot be shown, or more than {LONGEST_NAME};"
            " rename it in QuPath"
        )
    return name or None


def _rings(rings: Any, where: str) -> list[Ring]:
    """Return an outline and its holes; nothing where the outline covers nothing. Holes that cover
    nothing are left out."""
    read = [_ring(ring, where) for ring in _list(rings, where)]
    # Two corners are a line, which covers nothing.
    if not read or len(read[0]) <= 2:
        return []
    return [ring for ring in read if len(ring) > 2]


def _ring(places: Any, where: str) -> Ring:
    """Return a ring as an (N, 2) array, which most are already."""
    if not isinstance(places, np.ndarray) or places.ndim != 2:
        if not isinstance(places, list):
            raise SourceError(
                f"{where}: its outline is {str(places)[:60]!r}, wanted a list of [x, y]"
            )
        places = np.array([_place(place, where) for place in places]).reshape(-1, 2)
    # Written so that NaN is refused.
    if not (np.abs(places) <= FARTHEST).all():
        raise SourceError(f"{where}: a corner is no number of pixels; export it again from QuPath")
    return cast(Ring, places)


def _place(place: Any, where: str) -> tuple[float, float]:
    if not isinstance(place, list | np.ndarray) or len(place) < 2:
        raise SourceError(f"{where}: place {str(place)[:60]!r}, wanted [x, y]")
    return _coordinate(place[0], where), _coordinate(place[1], where)


def _coordinate(value: Any, where: str, what: str = "a number of pixels") -> float:
    # True is an int to Python; "<=" is false of NaN.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= FARTHEST:
        raise SourceError(f"{where}: {str(value)[:60]!r} is not {what}")
    return float(value)


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{where}: '{value}' is not a number of pixels")
    return number
