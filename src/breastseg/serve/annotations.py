"""Areas drawn on a slide, kept beside it as QuPath GeoJSON, where `breastseg prepare` looks for them."""

import glob
import gzip
import hashlib
import io
import json
import threading
import uuid
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from breastseg.errors import BreastsegError
from breastseg.files import sha256_of, written
from breastseg.labels import load_label_map
from breastseg.serve.areas import Feature, check_count, checked_areas
from breastseg.serve.disk import status_of, why
from breastseg.serve.folder import Entry, Folder, areas_beside, is_own_file
from breastseg.serve.schema import AnnotationIn, AnnotationOut, ClassOut
from breastseg.serve.tiles import Tiles
from breastseg.slides import IMAGE_SUFFIXES, SLIDE_SUFFIXES, check_upright, open_slide
from breastseg.sources.folder import LABEL_FILES

MAX_BYTES = 16 * 2**20
"""Of a file of areas: a page holds them all."""

_HEAD = {"type": "FeatureCollection"}
_LABELS = "region5"
_IGNORE = "Ignore*", (180, 180, 180)
"""QuPath's class for what is not annotated on purpose."""
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class _Kept:
    """What stands in a file: its bytes' hash, what it says besides the features, and these."""

    version: str
    head: dict[str, Any]
    features: list[Feature]


class Annotations:
    """The areas of a folder's slides. Threads may use it at the same time."""

    def __init__(self, folder: Folder, tiles: Tiles) -> None:
        """Take the folder; nothing is read yet."""
        self._folder, self._tiles = folder, tiles
        self._lock = threading.Lock()

    def load(self, entry: Entry) -> JSONResponse:
        """Return the areas of a slide, an AnnotationOut.

        Raises:
            HTTPException: 413, too many; 422, the file is no GeoJSON (its version comes as ETag).
        """
        path = self._beside(entry)
        if path.is_file():
            self._check_upright(entry, path)
        return _answer(path, self._kept(path), self._classes(entry))

    def save(self, entry: Entry, drawn: AnnotationIn) -> JSONResponse:
        """Keep areas in place of those of a version; none at all removes the file. Areas that stand there already stay as they are.

        Raises:
            HTTPException: 400, an area cannot be kept; 403, 507, the file cannot be written; 409, the version is not the newest, or two
                slides would share the file; 413, too many; 422, the slide cannot be opened.
        """
        path, classes = self._beside(entry), self._classes(entry)
        self._check_upright(entry, path)
        with self._tiles.view(entry) as view:
            size = view.size_px
        with self._lock:
            if _version(path) != drawn.version:
                raise HTTPException(409, f"{path.name}: was changed meanwhile, here or in another program; load it again, then draw again")
            _check_alone(entry, path)
            kept = _worth_keeping(path)
            features = checked_areas(drawn.features, kept.features, size, {one.name: one.color for one in classes})
            try:
                _write(path, {**kept.head, "features": features})
            except OSError as cause:
                raise HTTPException(status_of(cause), f"{path.name}: {why(cause)}") from None
            return _answer(path, self._kept(path), classes)

    def _beside(self, entry: Entry) -> Path:
        """Return where the areas of a slide lie; HTTPException 422 for a link."""
        path = areas_beside(entry.path)
        if path.is_symlink():  # it may lead anywhere
            raise HTTPException(422, f"{path.name}: is a link; put the file itself here")
        return path

    def _check_upright(self, entry: Entry, path: Path) -> None:
        """Refuse areas on a picture that a tag turns: programs do not agree on what they lie on."""
        try:
            with closing(open_slide(entry.path, mpp=1.0)) as slide:  # looks at its header alone
                check_upright(slide, path.name)
        except BreastsegError as cause:
            raise HTTPException(422, self._folder.told(str(cause))) from None

    def _kept(self, path: Path) -> _Kept:
        try:
            return _read(path)
        except ValueError as cause:
            line = f"{path.name}: not GeoJSON ({cause}); export it again from QuPath, or move it away"
            raise HTTPException(422, line, _tag(_version(path))) from None
        except OSError as cause:
            raise HTTPException(422, f"{path.name}: cannot be read ({cause.strerror or cause})") from None

    def _classes(self, entry: Entry) -> list[ClassOut]:
        """Return the classes that can be given: those of the folder's own label map, which `prepare` will use, else five."""
        found = next((path for name in LABEL_FILES if is_own_file(path := entry.path.with_name(name))), None)
        try:
            label_map = load_label_map(str(found or _LABELS))
        except BreastsegError as cause:
            raise HTTPException(422, self._folder.told(str(cause))) from None
        looks = [*((one.qupath, one.color) for one in label_map.classes), _IGNORE]
        return [ClassOut(label=label, name=name, color=color, share=None) for label, (name, color) in enumerate(looks, start=1)]


def _check_alone(entry: Entry, path: Path) -> None:
    """Refuse to keep areas in a file that would count for another slide too."""
    for other in entry.path.parent.glob(glob.escape(entry.path.stem) + ".*"):
        if other != entry.path and other.suffix.lower() in (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) and other.stem == entry.path.stem:
            raise HTTPException(409, f"{path.name} would belong to {entry.path.name} and to {other.name}; rename one of them")


def _version(path: Path) -> str:
    """Return the hash of a file; nothing for none."""
    try:
        return sha256_of(path)[:32] if path.is_file() else ""
    except FileNotFoundError:
        return ""
    except OSError as cause:
        raise HTTPException(422, f"{path.name}: cannot be read ({cause.strerror or cause})") from None


def _worth_keeping(path: Path) -> _Kept:
    """Return what stands in a file; nothing of a broken one, which is replaced by who knows its version."""
    try:
        return _read(path)
    except (ValueError, OSError):
        return _Kept("", _HEAD, [])


def _read(path: Path) -> _Kept:
    """Read a file of areas; a feature without `id` gets one that is the same each time.

    Raises:
        HTTPException: 413. ValueError: not GeoJSON.
    """
    if not path.is_file():
        return _Kept("", _HEAD, [])
    _check_size(path.stat().st_size)
    raw = path.read_bytes()
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_BYTES + 1) if path.suffix == ".gz" else raw
        _check_size(len(text))
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (zlib.error, EOFError, OSError) as cause:
        raise ValueError(str(cause)) from None
    if isinstance(value, dict) and value.get("type") == "Feature":
        value = [value]
    head = {key: part for key, part in value.items() if key != "features"} if isinstance(value, dict) else {}
    features = value.get("features") if isinstance(value, dict) else value
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise ValueError("no features in it")
    check_count(features)
    named = [feature if "id" in feature else {**feature, "id": _id_of(feature)} for feature in features]
    return _Kept(hashlib.sha256(raw).hexdigest()[:32], {**_HEAD, **head}, named)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise HTTPException(413, f"areas of {size / 1e6:.0f} MB or more, a page shows up to {MAX_BYTES / 1e6:.0f}; open them in QuPath")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _id_of(feature: Feature) -> str:
    text = json.dumps(feature, sort_keys=True)
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16], version=4))


def _write(path: Path, collection: dict[str, Any]) -> None:
    """Write areas, one feature a line; none at all removes the file."""
    features = collection["features"]
    if not features:
        path.unlink(missing_ok=True)
        return
    try:
        head = json.dumps({key: value for key, value in collection.items() if key != "features"}, ensure_ascii=False, allow_nan=False)
        lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features)
        text = f'{head[:-1]}, "features": [\n{lines}\n]}}\n'.encode()
    except (ValueError, RecursionError) as cause:
        raise HTTPException(400, f"an area has a value that cannot be kept ({cause})") from None
    _check_size(len(text))
    with written(path) as beside:
        beside.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _tag(version: str) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def _answer(path: Path, kept: _Kept, classes: list[ClassOut]) -> JSONResponse:
    """Answer as AnnotationOut says, without the detour of checking each corner again."""
    told = AnnotationOut(version=kept.version, file=path.name if kept.version else None, features=[], classes=classes)
    try:
        return JSONResponse({**told.model_dump(), "features": kept.features}, headers={**_FRESH, **_tag(kept.version)})
    except (ValueError, RecursionError) as cause:
        raise HTTPException(422, f"{path.name}: has a value that cannot be shown ({cause})", _tag(kept.version)) from None
