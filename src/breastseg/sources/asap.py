"""Areas and dots of ASAP's XML, the form of CAMELYON, TIGER and BEETLE.

An annotation has a group, which is its class, and a list of coordinates in level-0 pixels. There
are no holes: a smaller area lies on a larger one, as everywhere here. A spline is taken as the
polygon of its points; a measurement is a line and is left out, as is what has no group.

XML is read as it comes, with a parser that is set to refuse what ASAP never writes and what other
programs were broken with: document types, and with them all entities.
"""

from collections import Counter
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import numpy as np

from breastseg.errors import SourceError
from breastseg.sources.drawn import (
    DOT_BYTES,
    FARTHEST,
    LONGEST_NAME,
    MAX_HELD_BYTES,
    RING_BYTES,
    Area,
    Drawn,
    shows,
)
from breastseg.sources.points import Dot

ROOT = "ASAP_Annotations"

_AREAS = ("polygon", "rectangle", "spline")
_DOTS = ("dot", "pointset")
_LINES = ("measurement", "polyline")
_NO_GROUP = ("", "none")

_MAX_BYTES = 500_000_000
_MAX_CORNERS = 3_000_000
"""Of one annotation, as of one object of a GeoJSON."""
_MAX_DEPTH = 16
_PIECE = 1 << 16
_MAX_WAITING = 1 << 20
"""Bytes that the parser may wait with: what is between two marks is read again with each piece."""
_LOOKED_AT = 1 << 12
"""Bytes at the start of a file in which ASAP's root element must be."""


def is_asap(path: Path) -> bool:
    """Return whether a file begins as ASAP's XML does; other programs write XML beside slides
    too."""
    with path.open("rb") as file:
        return f"<{ROOT}".encode() in file.read(_LOOKED_AT)


def read_asap(file: BinaryIO, where: str) -> Drawn:
    """Read what is drawn in ASAP's XML.

    Args:
        file: open for bytes.
        where: its name, for errors.

    Raises:
        SourceError: no such XML, one with a document type, too large, or an annotation that is no
            area and no dot; the message names the annotation.
    """
    reading = _Reading(where)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = reading.refuse_doctype
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    read = 0
    try:
        while piece := file.read(_PIECE):
            read += len(piece)
            if read > _MAX_BYTES:
                raise SourceError(
                    f"{where}: more than {_MAX_BYTES // 10**6} MB; export it in parts"
                )
            parser.Parse(piece, False)
            if read - max(parser.CurrentByteIndex, 0) > _MAX_WAITING:
                raise SourceError(
                    f"{where}: something in it is longer than {_MAX_WAITING // 10**6} MB; export it"
                    " again from ASAP"
                )
        parser.Parse(b"", True)
    except SourceError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as cause:
        # LookupError and ValueError are of an encoding that is not known or does not fit.
        raise SourceError(f"{where}: not XML ({cause}); export it again from ASAP") from None
    return reading.drawn()


class _Reading:
    """Areas and dots read so far, and the annotation that is being read."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._here = where
        self._depth = 0
        self._number = 0
        self._held_bytes = 0
        self._kind = ""
        self._group = ""
        self._corners: list[tuple[float, float, float]] | None = None
        self._areas: list[Area] = []
        self._dots: list[Dot] = []
        self._skipped: Counter[str] = Counter()

    def refuse_doctype(self, *_: object) -> None:
        """Refuse a document type: entities are declared in it."""
        raise SourceError(
            f"{self._where}: has a document type (<!DOCTYPE>), which ASAP never writes; export it"
            " again from ASAP"
        )

    def begin(self, name: str, values: dict[str, str]) -> None:
        """Begin an element."""
        if self._depth == 0 and name != ROOT:
            raise SourceError(
                f"{self._where}: begins with <{name[:40]}>, wanted ASAP's <{ROOT}>; the XML of"
                " other programs is not read: export GeoJSON from QuPath, or XML from ASAP"
            )
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SourceError(
                f"{self._where}: nested deeper than {_MAX_DEPTH}; export it again from ASAP"
            )
        if name == "Annotation":
            self._number += 1
            self._here = f"{self._where}: annotation {self._number}"
            self._kind = values.get("Type", "").strip().lower()
            self._group = " ".join(values.get("PartOfGroup", "").split())
            if not shows(self._group):
                raise SourceError(
                    f"{self._here}: its group has letters that cannot be shown, or more than"
                    f" {LONGEST_NAME}; rename it in ASAP"
                )
            self._corners = []
        elif name == "Coordinate" and self._corners is not None:
            order = self._value(values, "Order")
            x = self._value(values, "X")
            y = self._value(values, "Y")
            self._corners.append((order, x, y))
            if len(self._corners) > _MAX_CORNERS:
                raise SourceError(
                    f"{self._here}: more than {_MAX_CORNERS:,} corners; draw it in parts"
                )

    def end(self, name: str) -> None:
        """End an element; an annotation is taken when it is whole."""
        self._depth -= 1
        if name == "Annotation" and self._corners is not None:
            # Coordinates may stand in any order in the file; `Order` says which it is.
            ordered = sorted(self._corners, key=lambda corner: corner[0])
            self._take([(x, y) for _, x, y in ordered])
            self._corners = None

    def drawn(self) -> Drawn:
        """Return what counts."""
        return Drawn(tuple(self._areas), tuple(self._dots), dict(self._skipped))

    def _take(self, places: list[tuple[float, float]]) -> None:
        if self._kind in _LINES:
            self._skipped["line"] += 1
        elif self._kind not in (*_AREAS, *_DOTS):
            self._skipped["of another shape"] += 1
        elif not places or (self._kind in _AREAS and len(places) < 3):
            self._skipped["empty"] += 1
        elif self._group.lower() in _NO_GROUP:
            self._skipped["without class"] += 1
        elif self._kind in _DOTS:
            self._held_bytes += DOT_BYTES * len(places)
            self._dots += [Dot(self._group, x, y) for x, y in places]
        else:
            ring = np.array(places, np.float64)
            self._held_bytes += RING_BYTES + ring.nbytes
            self._areas.append(Area(self._group, ring))
        if self._held_bytes > MAX_HELD_BYTES:
            raise SourceError(
                f"{self._where}: outlines of more than {MAX_HELD_BYTES // 10**6} MB; export fewer"
                " annotations"
            )

    def _value(self, values: dict[str, str], name: str) -> float:
        text = values.get(name, "0" if name == "Order" else "")
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        # Written so that NaN is refused.
        if not abs(number) <= FARTHEST:
            raise SourceError(
                f"{self._here}: {name} is '{text[:40]}', wanted a number of pixels; export it again"
                " from ASAP"
            )
        return number
