"""The objects of a GeoJSON file, one at a time: what is held is the text of one object, however
large the file is.

The text is cut where objects begin and end. Rings become arrays straight from their text, which
takes a tenth of what lists of numbers take; all that is left of an object goes through the `json`
module, so what is taken here is JSON and nothing else.
"""

import codecs
import json
import re
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from breastseg.errors import SourceError
from breastseg.json_files import JsonObject

MAX_BYTES = 500_000_000
"""Of text, unpacked."""

MAX_OBJECT_BYTES = 64_000_000
"""Of one object: three million corners. Held up to five times while it is read."""

MAX_REST_BYTES = 4_000_000
"""Of one object without its rings: JSON takes up to 30 times its text."""

MAX_OBJECTS = 500_000

MAX_DEPTH = 64

_PIECE = 1 << 22
"""Bytes that are read at a time at least."""
_SPACE = re.compile(rb"[ \t\r\n]*+")
_WORD = re.compile(rb'[^ \t\r\n,:"\[\]{}]++')
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_WHOLE_STRING = re.compile(_STRING, re.DOTALL)
_FLAT = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb'|\[[^"\[\]{}]*+\]){0,4096}', re.DOTALL)
"""What lies between the brackets that matter: strings, lists of numbers, and all that is neither.

A bounded number of these: each takes memory until the match ends. It is not possessive, because
Python before 3.11.5 does not go back when a part of what repeats so does not fit (gh-106052).
"""

_NUMBER = rb"-?+(?:0|[1-9][0-9]{0,300}+)(?:\.[0-9]{1,300}+)?(?:[eE][-+]?+[0-9]{1,9}+)?"
_COMMA = rb"\s*+,\s*+"


def _ring(numbers: int) -> bytes:
    """Return the pattern of a ring whose places have so many numbers."""
    place = rb"\[\s*+" + _COMMA.join([_NUMBER] * numbers) + rb"\s*+\]"
    return rb"\[\s*+" + place + rb"(?:" + _COMMA + place + rb")*+\s*+\]"


_RING = re.compile(_ring(2) + b"|" + _ring(3))
_COORDINATES = re.compile(rb'("coordinates"\s*+:\s*+)([-+0-9.eE,\[\] \t\r\n]++)')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_objects(file: BinaryIO, where: str) -> Iterator[Any]:
    """Yield the features of a FeatureCollection or list, or the one that the file is; a geometry
    alone becomes a feature.

    Args:
        file: the text, unpacked.
        where: the file, for errors.

    Yields:
        JSON values, in which a ring is an (N, 2) array of float64 (a third number of its places is
        left out).

    Raises:
        ValueError: not JSON (UnicodeDecodeError: not text). SourceError: too large, or there are no
            features in it.
    """
    text = _Text(file, where)
    first = text.peek()
    if first == b"[":
        yield from _listed(text)
        members = None
    elif first == b"{":
        members = yield from _members(text)
    else:
        text.value()
        raise _no_features(where)
    if text.peek():
        raise ValueError("something follows its end")
    if members is not None:
        places = {"geometry", "coordinates", "geometries"}
        if not isinstance(members, dict) or places.isdisjoint(members):
            raise _no_features(where)
        yield as_feature(members)


def _no_features(where: str) -> SourceError:
    return SourceError(
        f"{where}: no features in it, wanted a GeoJSON FeatureCollection as QuPath exports it"
    )


class _Text:
    """Text that is read on as far as it is asked for."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.where = where
        head = file.read(4)
        self._file = file
        self._held = b""
        self._at = 0
        self._bytes = len(head)
        self._is_whole = False
        self._decoder: codecs.IncrementalDecoder | None = None
        encoding = json.detect_encoding(head)
        if encoding not in {"utf-8", "utf-8-sig"}:
            self._decoder = codecs.getincrementaldecoder(encoding)()
        self._add(head.removeprefix(codecs.BOM_UTF8))

    def _add(self, piece: bytes) -> None:
        if self._decoder is not None:
            piece = self._decoder.decode(piece, self._is_whole).encode()
        # What was gone beyond is let go of.
        self._held = self._held[self._at :] + piece
        self._at = 0

    def _more(self) -> bool:
        """Read on; return whether there was more."""
        if self._is_whole:
            return False
        # By half of what is held: with a fixed step, joining a long object would take time by the
        # square of its length.
        piece = self._file.read(max(_PIECE, (len(self._held) - self._at) // 2))
        self._is_whole = not piece
        self._bytes += len(piece)
        if self._bytes > MAX_BYTES:
            raise SourceError(
                f"{self.where}: more than {MAX_BYTES // 10**6} MB of GeoJSON; export fewer objects"
            )
        self._add(piece)
        return not self._is_whole

    def peek(self) -> bytes:
        """Return the next character that is no blank; nothing at the end."""
        while True:
            blank = _SPACE.match(self._held, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._held):
                return self._held[self._at : self._at + 1]
            if not self._more():
                return b""

    def take(self, *wanted: bytes) -> bytes:
        """Go beyond the next character, which must be one of these."""
        mark = self.peek()
        if mark not in wanted:
            raise ValueError(
                f"{mark.decode('latin-1') or 'the end'!r} where {b' or '.join(wanted).decode()}"
                " was wanted"
            )
        self._at += 1
        return mark

    def value(self) -> bytes:
        """Go beyond the value that begins here; return its text."""
        self.peek()
        while (end := _end_of(self._held, self._at)) < 0:
            self._check_size(len(self._held) - self._at)
            if not self._more():
                raise ValueError("it ends too early")
        self._check_size(end - self._at)
        text = self._held[self._at : end]
        self._at = end
        if len(text) > _PIECE:
            # Lets go of a large object at once, not with the next piece.
            self._add(b"")
        return text

    def _check_size(self, size: int) -> None:
        if size > MAX_OBJECT_BYTES:
            raise SourceError(
                f"{self.where}: an object of more than {MAX_OBJECT_BYTES // 10**6} MB; split it, or"
                " export fewer objects"
            )


def _end_of(text: bytes, at: int) -> int:
    """Return where the value ends that begins at a place; -1 when the text ends before."""
    first = text[at : at + 1]
    if first == b'"':
        match = _WHOLE_STRING.match(text, at)
        return match.end() if match else -1
    if first not in (b"[", b"{"):
        match = _WORD.match(text, at)
        if match is None and first:
            raise ValueError(f"{first.decode('latin-1')!r} where a value was wanted")
        # A number at the very end of the text may go on in the next piece.
        return match.end() if match and match.end() < len(text) else -1
    opened = bytearray(first)
    at += 1
    while True:
        while (match := _FLAT.match(text, at)) and match.end() > at:
            at = match.end()
        mark = text[at : at + 1]
        if mark in (b"", b'"'):
            return -1
        at += 1
        if mark in (b"[", b"{"):
            opened += mark
            if len(opened) > MAX_DEPTH:
                raise ValueError("nested too deeply")
        elif opened.pop() != (ord("[") if mark == b"]" else ord("{")):
            raise ValueError("brackets that do not match")
        if not opened:
            return at


def _listed(text: _Text) -> Iterator[Any]:
    """Yield the members of the list that begins here."""
    text.take(b"[")
    if text.peek() == b"]":
        text.take(b"]")
        return
    parser = _Parser(text.where)
    for _ in range(MAX_OBJECTS):
        yield as_feature(parser.parsed(text.value()))
        if text.take(b",", b"]") == b"]":
            return
    raise SourceError(
        f"{text.where}: more than {MAX_OBJECTS:,} objects; export the annotations alone"
    )


def _members(text: _Text) -> Generator[Any, None, Any]:
    """Yield the features of the object that begins here; return the object itself where it has no
    list of them."""
    text.take(b"{")
    members: list[bytes] = []
    is_collection = False
    size = 0
    mark = text.take(b"}") if text.peek() == b"}" else b","
    while mark == b",":
        if text.peek() != b'"':
            raise ValueError("a name was wanted")
        name = text.value()
        text.take(b":")
        if json.loads(name.decode()) == "features" and text.peek() == b"[":
            if is_collection:
                raise ValueError("two lists of features")
            is_collection = True
            yield from _listed(text)
        else:
            members.append(name + b":" + text.value())
            size += len(members[-1])
            text._check_size(size)
        mark = text.take(b",", b"}")
    rest = _Parser(text.where).parsed(b"{" + b",".join(members) + b"}")
    return None if is_collection else rest


def as_feature(value: Any) -> Any:
    """Return a geometry that stands alone as a feature, and all else as it is."""
    if (
        isinstance(value, dict)
        and "geometry" not in value
        and ("coordinates" in value or "geometries" in value)
    ):
        return {"type": "Feature", "geometry": value, "properties": {}}
    return value


class _Parser:
    """JSON of one object after the other; its coordinates are lists of arrays."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._number = 0
        self._taken_out: list[Any] = []
        self._json = json.JSONDecoder(object_hook=self._fill)

    def parsed(self, text: bytes) -> Any:
        """Return the value of a text."""
        self._number += 1
        self._taken_out = []
        rest = self._short(_COORDINATES.sub(self._keep, text)).decode()
        if _SURROGATE.search(rest):
            try:
                json.dumps(json.loads(rest), ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise ValueError("half a letter in a name") from None
        return self._json.decode(rest)

    def _keep(self, match: re.Match[bytes]) -> bytes:
        """Take coordinates out, and leave their number in the list of what was taken out."""
        run = match[2].rstrip(b" \t\r\n,")
        is_balanced = run.count(b"[") == run.count(b"]")
        # A quotation mark behind a backslash is inside a string, as in "\"coordinates\": 1".
        is_in_string = match.string[match.start() - 1 : match.start()] == b"\\"
        if not run or not is_balanced or is_in_string:
            return match[0]
        self._taken_out.append(self._nested(run))
        return match[1] + b"%d" % (len(self._taken_out) - 1) + match[2][len(run) :]

    def _fill(self, value: JsonObject) -> JsonObject:
        # Every whole number there is one that `_keep` wrote.
        if type(value.get("coordinates")) is int:
            value["coordinates"] = self._taken_out[value["coordinates"]]
        return value

    def _short(self, text: bytes) -> bytes:
        if len(text) > MAX_REST_BYTES:
            raise SourceError(
                f"{self._where}: feature {self._number} has more than {MAX_REST_BYTES // 10**6} MB"
                " beside its outlines; export it without"
            )
        return text

    def _nested(self, run: bytes) -> Any:
        """Return lists of numbers, in which rings are arrays."""
        rings: list[Any] = []

        def keep(match: re.Match[bytes]) -> bytes:
            ring = _array(match[0])
            if ring is None:
                return match[0]
            rings.append(ring)
            # A text, for lists of numbers hold none.
            return b'"%d"' % (len(rings) - 1)

        def filled(value: Any) -> Any:
            if isinstance(value, str):
                return rings[int(value)]
            if isinstance(value, list):
                return [filled(part) for part in value]
            return value

        return filled(json.loads(self._short(_RING.sub(keep, run))))


def _array(ring: bytes) -> npt.NDArray[np.float64] | None:
    """Return the places of a ring; None where they are not all of one length, which Python before
    3.11.5 does not see (gh-106052)."""
    places = ring.count(b"[") - 1
    numbers = np.fromstring(ring.translate(None, b"[] \t\r\n"), sep=",")
    if len(numbers) not in (2 * places, 3 * places):
        return None
    return np.ascontiguousarray(numbers.reshape(places, -1)[:, :2])
