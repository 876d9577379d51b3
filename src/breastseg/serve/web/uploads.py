"""An image or slide from the browser into the folder: written beside as it comes, looked at, then
renamed; nothing is overwritten."""

import os
import re
import shutil
import time
import unicodedata
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from anyio import to_thread
from fastapi import HTTPException, Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from breastseg.errors import BreastsegError
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from breastseg.images.open import find_reader
from breastseg.json_files import JsonObject
from breastseg.serve.config import Limits
from breastseg.serve.disk import not_written
from breastseg.serve.library.entries import Entry
from breastseg.serve.library.folder import Folder
from breastseg.serve.tiles.tiles import opened

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM: JsonObject = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""What the route takes, for its description."""

_INDEXES = (".mrxs", ".vms", ".vmu")
_WHOLE = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"ZISRAWFILE",
    b"SQLite format 3\0",
)
"""How slides and images of one file begin; OpenSlide knows others whatever their name is, and
these name files by any path."""
_LEFT_OVER = re.compile(r"\.part-[0-9a-f]{8}-.")
_LEFT_OVER_S = 600.0
"""An upload that has brought nothing for so long was left behind by a kill."""
_NAME_BYTES = 200
_SUFFIXES = tuple(suffix for suffix in (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) if suffix not in _INDEXES)
_FORBIDDEN = set('/\\:*?"<>|')
_RESERVED = {"con", "prn", "aux", "nul"}
_RESERVED |= {f"com{number}" for number in range(1, 10)}
_RESERVED |= {f"lpt{number}" for number in range(1, 10)}
"""Names of devices for Windows, whatever their suffix: a folder may be shared with it."""
_SPARE_BYTES = 64 * 2**20
"""Left free on the disk, so that jobs and corrections can still be written down."""


def check_name(name: str) -> str:
    """Return the name of a file as it is kept: composed letters, no spaces around.

    Raises:
        HTTPException: 400, it is no plain file name of an image or slide.
    """
    clean = unicodedata.normalize("NFC", name).strip()
    stem, suffix = Path(clean).stem, Path(clean).suffix.lower()
    if any(letter in _FORBIDDEN or unicodedata.category(letter)[0] == "C" for letter in clean):
        raise HTTPException(
            400,
            f"the name has one of {' '.join(sorted(_FORBIDDEN))} or a letter that cannot be seen;"
            " rename the file",
        )
    is_hidden = clean.startswith(".")
    # Windows leaves out dots and spaces at an end.
    is_cut = stem.endswith((".", " "))
    is_reserved = stem.split(".")[0].strip().lower() in _RESERVED
    if is_hidden or is_cut or is_reserved:
        raise HTTPException(
            400, "the name is hidden or has a meaning for the system; rename the file"
        )
    if len(clean.encode()) > _NAME_BYTES:
        raise HTTPException(400, f"the name has more than {_NAME_BYTES} bytes; shorten it")
    if suffix in _INDEXES:
        raise HTTPException(
            400, f"'{suffix}' is an index that names other files; copy all of them into the folder"
        )
    if suffix not in _SUFFIXES:
        raise HTTPException(
            400, f"'{suffix or clean}' is no image or slide; wanted {', '.join(_SUFFIXES)}"
        )
    return clean


async def receive(request: Request, name: str, folder: Folder, limits: Limits) -> Entry:
    """Write the field `file` of a multipart body into the folder and return its entry.

    Raises:
        HTTPException: 400, no such field, or no multipart; 403, 507, it cannot be written; 409, the
            name is taken; 413, too large; 422, it cannot be opened.
    """
    path = folder.root / check_name(name)
    _check_free(path)
    length = request.headers.get("content-length", "0")
    # Hidden, so that nobody is shown half a slide; with the suffix, by which it is opened.
    part = path.with_name(f".part-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        _check_room(folder.root, int(length) if length.isdecimal() else 0)
        await _stream(request, part, limits.upload_bytes)
        return await to_thread.run_sync(_keep, part, path, folder, limits)
    except OSError as cause:
        raise not_written(path.name, cause) from None
    finally:
        part.unlink(missing_ok=True)


def remove_left_over(folder: Path) -> None:
    """Remove what a kill left of uploads; what cannot be removed stays."""
    oldest = time.time() - _LEFT_OVER_S
    with suppress(OSError), os.scandir(folder) as items:
        for item in items:
            if not _LEFT_OVER.match(item.name) or not item.is_file(follow_symlinks=False):
                continue
            # Another server may be taking an upload into the same folder.
            if item.stat().st_mtime < oldest:
                with suppress(OSError):
                    Path(item.path).unlink()


async def _stream(request: Request, part: Path, limit: int) -> None:
    """Write a body's field `file` as it comes."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise HTTPException(400, "no multipart/form-data; send the image as its field 'file'")
    with part.open("wb") as file:
        form = _Form(file, limit)
        try:
            parser = MultipartParser(options[b"boundary"], form.callbacks())
            async for chunk in request.stream():
                # In a thread: writing may wait for the disk, and tiles must not wait with it.
                await to_thread.run_sync(parser.write, chunk)
            parser.finalize()
        except (MultipartParseError, ClientDisconnect):
            raise HTTPException(
                400, "the upload is not whole multipart/form-data; send it again"
            ) from None
    if not form.whole:
        raise HTTPException(400, "the upload has no field 'file', or broke off; send it again")


class _Form:
    """Takes a multipart body as the parser reports it, and writes its first field `file`."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit, self._written = file, limit, 0
        self._header: list[bytes] = [b"", b""]  # name and value, which come in pieces
        self._disposition = b""
        self._inside = False
        self.whole = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._disposition = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._inside = not self.whole and options.get(b"name") == b"file"

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._inside:
            return
        # Counted here too: the length of a body need not be said beforehand.
        self._written += end - start
        if self._written > self._limit:
            raise HTTPException(
                413, f"more than {self._limit / 1e6:.0f} MB; copy it into the folder instead"
            )
        self._file.write(data[start:end])

    def _end(self) -> None:
        self.whole, self._inside = self.whole or self._inside, False


def _keep(part: Path, path: Path, folder: Folder, limits: Limits) -> Entry:
    """Look whether a file opens, and give it its name."""
    if not part.stat().st_size:
        raise HTTPException(422, f"{path.name}: is empty")
    try:
        _check_one_file(part, path.name)
        slide, _ = opened(part)
        size = slide.size_px
        slide.close()
    except BreastsegError as cause:
        line = folder.told(str(cause)).replace(part.name, path.name)
        raise HTTPException(422, line) from None
    if size[0] * size[1] > limits.upload_px:
        raise HTTPException(
            413,
            f"{path.name}: {size[0]} x {size[1]} px, up to {limits.upload_px / 1e6:g} Mpx are taken"
            " here",
        )
    _check_free(path)
    try:
        os.link(part, path)  # unlike a renaming it never replaces a file
    except FileExistsError:
        raise HTTPException(409, _taken(path)) from None
    except OSError:  # a disk without such links
        part.rename(path)
    for entry in folder.scan():
        if entry.path == path:
            return entry
    raise HTTPException(
        422,
        f"{path.name}: is in the folder now, but not shown: it counts as a mask, or the folder"
        " holds too much",
    )


def _check_one_file(part: Path, name: str) -> None:
    """Refuse what names other files, before anything follows it; ImageError for what is no
    image."""
    with part.open("rb") as file:
        head = file.read(max(map(len, _WHOLE)))
    if not head.startswith(_WHOLE) and find_reader(part) == "openslide":
        raise HTTPException(
            422,
            f"{name}: one of several files, or an index that names them; copy all of them into the"
            " folder",
        )


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise HTTPException(409, _taken(path))


def _taken(path: Path) -> str:
    return f"{path.name}: is in the folder already; rename one"


def _check_room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted + _SPARE_BYTES:
        raise HTTPException(
            507, f"the disk has {free / 1e6:.0f} MB free, this takes {wanted / 1e6:.0f}; make room"
        )
