"""Areas drawn on a slide, kept beside it as QuPath GeoJSON, where `breastseg prepare` looks for
them."""

import gzip
import hashlib
import io
import itertools
import json
import math
import operator
import threading
import uuid
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.responses import JSONResponse

from breastseg.errors import BreastsegError, SourceError
from breastseg.files import sha256_of, written
from breastseg.images import check_upright, open_slide
from breastseg.json_files import JsonObject
from breastseg.labels import load_label_map
from breastseg.serve.annotations.areas import Feature, check_count, checked_areas
from breastseg.serve.disk import not_written
from breastseg.serve.library.entries import Entry, areas_beside
from breastseg.serve.library.folder import Folder
from breastseg.serve.library.names import shown_name
from breastseg.serve.library.results import is_own_file
from breastseg.serve.refusals import InTheWay, Malformed, TooMuch, Unreadable
from breastseg.serve.schema import AnnotationIn, AnnotationOut, ClassOut
from breastseg.serve.tiles.tiles import Tiles
from breastseg.sources.annotations import not_geojson, read_geojson
from breastseg.sources.folder import LABEL_FILES
from breastseg.sources.objects import as_feature
from breastseg.sources.pairs import areas_of, others_of

MAX_BYTES = 16 * 2**20
"""Of a file of areas: a page holds them all."""
MAX_VALUES = 2_500_000
"""In a file of areas, of which one takes up to 120 bytes when it is read."""

_HEAD = {"type": "FeatureCollection"}
_LABELS = "region5"
_IGNORE = "Ignore*", (180, 180, 180)
"""QuPath's class for what is not annotated on purpose."""
_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class _Areas:
    """What stands in a file.

    Attributes:
        version: hash of its bytes.
        head: what it says besides the features.
        features: with ids that occur once.
        shown: the same as a browser takes it: numbers that are none are words, as QuPath writes
            them since 0.6.
    """

    version: str
    head: JsonObject
    features: list[Feature]
    shown: list[Feature]


class Annotations:
    """The areas of a folder's slides. Threads may use it at the same time."""

    def __init__(self, folder: Folder, tiles: Tiles) -> None:
        """Take the folder; nothing is read yet."""
        self._folder, self._tiles = folder, tiles
        # Of all files: between looking at a version and writing nobody else may write.
        self._lock = threading.Lock()

    def load(self, entry: Entry) -> JSONResponse:
        """Return the areas of a slide, an AnnotationOut.

        Raises:
            Refused: two files of areas; too many; `prepare` cannot read the
                file (its version comes as ETag).
        """
        path = self._beside(entry)
        if path.is_file():
            self._check_upright(entry, path)
        classes = self._classes(entry)
        with self._lock:  # one at a time: what is read takes many times its text
            return _answer(path, self._areas(path), classes)

    def save(self, entry: Entry, drawn: AnnotationIn) -> JSONResponse:
        """Keep areas in place of those of a version; none at all removes the file. Areas that stand
        there already stay as they are.

        Raises:
            Refused: an area cannot be kept; the file cannot be written; the version is not the
                newest, or two slides would share the file; too many; the slide cannot be opened.
        """
        path, classes = self._beside(entry), self._classes(entry)
        self._check_upright(entry, path)
        with self._tiles.view(entry) as view:
            size = view.size_px
        with self._lock:
            if _version(path) != drawn.version:
                raise InTheWay(
                    f"{path.name}: was changed meanwhile, here or in another program; load it"
                    " again, then draw again",
                )
            _check_alone(entry, path)
            before = _worth_keeping(path)
            colors = {label_class.name: label_class.color for label_class in classes}
            features = checked_areas(drawn.features, before.shown, before.features, size, colors)
            try:
                _write(path, {**before.head, "features": features}, as_it_was=before.features)
            except OSError as cause:
                raise not_written(path.name, cause) from None
            return _answer(path, self._areas(path), classes)

    def _beside(self, entry: Entry) -> Path:
        """Return where the areas of a slide lie; Unreadable for a link, InTheWay where two files
        would be its own."""
        path, *more = areas_of(entry.path) or [areas_beside(entry.path)]
        if more:
            raise InTheWay(
                f"{path.name} and {more[0].name} both belong to {entry.path.name}; keep one of"
                " them",
            )
        if path.is_symlink():  # it may lead anywhere
            raise Unreadable(f"{path.name}: is a link; put the file itself here")
        return path

    def _check_upright(self, entry: Entry, path: Path) -> None:
        """Refuse areas on an image that a tag turns: programs do not agree on what they lie on."""
        try:
            # Any um/px will do: without one, a file that says none could not be opened.
            with closing(open_slide(entry.path, mpp=1.0)) as slide:  # looks at its header alone
                check_upright(slide, path.name)
        except BreastsegError as cause:
            raise Unreadable(self._folder.told(str(cause))) from None

    def _areas(self, path: Path) -> _Areas:
        try:
            return _read(path)
        except SourceError as cause:
            raise Unreadable(str(cause), version=_version(path)) from None
        except OSError as cause:
            raise Unreadable(f"{path.name}: cannot be read ({cause.strerror or cause})") from None

    def _classes(self, entry: Entry) -> list[ClassOut]:
        """Return the classes that can be given: those of the folder's own label map, which
        `prepare` will use, else five."""
        own_map = None
        for name in LABEL_FILES:
            path = entry.path.with_name(name)
            if own_map is None and is_own_file(path):
                own_map = path
        try:
            label_map = load_label_map(str(own_map or _LABELS))
        except BreastsegError as cause:
            raise Unreadable(self._folder.told(str(cause))) from None
        looks = [(label_class.qupath, label_class.color) for label_class in label_map.classes]
        looks.append(_IGNORE)
        classes = []
        for label, (name, color) in enumerate(looks, start=1):
            classes.append(ClassOut(label=label, name=name, color=color, share=None))
        return classes


def _check_alone(entry: Entry, path: Path) -> None:
    """Refuse to keep areas in a file that would count for another slide too."""
    if others := others_of(path, entry.path):
        raise InTheWay(
            f"{path.name} would belong to {entry.path.name} and to {others[0].name}; rename one of"
            " them",
        )


def _version(path: Path) -> str:
    """Return the hash of a file; nothing for none."""
    try:
        return sha256_of(path)[:32] if path.is_file() else ""
    except FileNotFoundError:
        return ""
    except OSError as cause:
        raise Unreadable(f"{path.name}: cannot be read ({cause.strerror or cause})") from None


def _worth_keeping(path: Path) -> _Areas:
    """Return what stands in a file; nothing of a broken one, which is replaced by who knows its
    version."""
    try:
        return _read(path)
    except OSError:  # SourceError is one
        return _Areas("", _HEAD, [], [])


def _read(path: Path) -> _Areas:
    """Read a file of areas, if `prepare` can; a feature gets an `id` that is the same each time,
    where it has none of its own.

    Raises:
        TooMuch: areas. SourceError: `prepare` cannot read it.
    """
    if not path.is_file():
        return _Areas("", _HEAD, [], [])
    _check_size(path.stat().st_size)
    raw = path.read_bytes()
    text = _unpacked(raw, path.name) if path.suffix.lower() == ".gz" else raw
    _check_size(len(text))  # again: packed it may have been small
    # Each begins one value at most.
    values = sum(map(text.count, (b",", b"[", b"{", b":")))
    if values > MAX_VALUES:
        raise TooMuch(
            f"areas of {values:,} values, a page shows up to {MAX_VALUES:,}; open them in QuPath",
        )
    # Only to refuse what `prepare` would: it keeps less of a feature than other programs write.
    read_geojson(io.BytesIO(text), path.name)
    value = json.loads(text)
    # A collection; or features alone, as QuPath also writes them; or one of these.
    head: JsonObject = {}
    if not isinstance(value, dict):
        parts = value
    elif "features" not in value:
        parts = [value]
    else:
        parts = value.pop("features")
        head = value
    features = [as_feature(feature) for feature in parts]
    check_count(features)
    features = _with_ids(features)
    version = hashlib.sha256(raw).hexdigest()[:32]
    return _Areas(version, {**_HEAD, **head}, features, list(map(_shown, features)))


def _unpacked(raw: bytes, name: str) -> bytes:
    try:
        # One byte more than is taken, so that what is larger shows.
        return gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_BYTES + 1)
    except (zlib.error, EOFError, gzip.BadGzipFile) as cause:
        raise not_geojson(name, cause) from None


def _with_ids(features: list[Feature]) -> list[Feature]:
    """Give an id to features that have none, or that of another: QuPath 0.2 wrote the same for
    all."""
    ids: set[str] = set()
    result = []
    for feature in features:
        own_id = feature.get("id")
        if not isinstance(own_id, str | int) or str(own_id) in ids:
            # Two features may be equal to the letter: the number tells them apart.
            for number in itertools.count():
                own_id = _id_of(feature, number)
                if own_id not in ids:
                    break
            feature = {**feature, "id": own_id}
        ids.add(str(own_id))
        result.append(feature)
    return result


def _shown(value: Any) -> Any:
    """Return a value with words for the numbers that JSON lacks; the value itself where there are
    none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _WORDS.get(value, "NaN")
    # Where nothing has changed the value itself, and not a copy: areas are held once.
    if isinstance(value, dict):
        shown = {key: _shown(part) for key, part in value.items()}
        return value if all(map(operator.is_, shown.values(), value.values())) else shown
    if isinstance(value, list):
        parts = list(map(_shown, value))
        return value if all(map(operator.is_, parts, value)) else parts
    return value


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise TooMuch(
            f"areas of {size / 1e6:.0f} MB or more, a page shows up to {MAX_BYTES / 1e6:.0f}; open"
            " them in QuPath",
        )


def _id_of(feature: Feature, number: int) -> str:
    """Return an id by what a feature holds: the same each time that the file is read."""
    text = json.dumps(feature, sort_keys=True) + (f" {number}" if number else "")
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _write(path: Path, collection: JsonObject, *, as_it_was: list[Feature]) -> None:
    """Write areas, one feature a line; none at all removes the file. Numbers that are none stay
    only where they stood already."""
    features = collection["features"]
    if not features:
        path.unlink(missing_ok=True)
        return
    # By identity: `checked_areas` hands on the very objects that stood in the file.
    old = {id(feature) for feature in as_it_was}
    head = {key: value for key, value in collection.items() if key != "features"}
    lines = []
    try:
        for feature in features:
            is_old = id(feature) in old
            lines.append(json.dumps(feature, ensure_ascii=False, allow_nan=is_old))
        # Without its last brace, for the features follow.
        begin = json.dumps(head, ensure_ascii=False)[:-1]
        text = (begin + ', "features": [\n' + ",\n".join(lines) + "\n]}\n").encode()
    except (ValueError, RecursionError) as cause:
        raise Malformed(f"an area has a value that cannot be kept ({cause})") from None
    _check_size(len(text))
    try:
        read_geojson(io.BytesIO(text), path.name)  # what is kept here, `prepare` reads
    except SourceError as cause:
        raise Malformed(f"an area has a value that cannot be kept ({cause})") from None
    is_packed = path.suffix.lower() == ".gz"
    with written(path) as temporary:
        # Without a time in it: equal areas are an equal file, and an equal version.
        temporary.write_bytes(gzip.compress(text, mtime=0) if is_packed else text)


def _tag(version: str) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def _answer(path: Path, areas: _Areas, classes: list[ClassOut]) -> JSONResponse:
    """Answer as AnnotationOut says, without the detour of checking each corner again."""
    answer = AnnotationOut(
        version=areas.version,
        file=shown_name(path.name) if areas.version else None,
        features=[],
        classes=classes,
    )
    content = {**answer.model_dump(), "features": areas.shown}
    return JSONResponse(content, headers={**_FRESH, **_tag(areas.version)})
