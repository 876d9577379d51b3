"""The page's own files: listed once, held in memory, sent compressed."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

STATIC = Path(__file__).parents[1] / "static"
_TEXT = (".html", ".css", ".js", ".svg", ".txt", ".json")


@dataclass(frozen=True)
class _File:
    changed: int
    kind: str
    tag: str
    plain: bytes
    packed: bytes


class StaticFiles:
    """Files by name; one that changes on disk is read again."""

    def __init__(self, folder: Path = STATIC) -> None:
        """List the folder: nothing else is ever sent."""
        self._paths: dict[str, Path] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._paths[path.relative_to(folder).as_posix()] = path
        self._files: dict[str, _File] = {}

    def answer(self, name: str, request: Request) -> Response:
        """Return a file.

        Raises:
            HTTPException: 404, there is none.
        """
        if name not in self._paths:
            raise HTTPException(404, "no such page here; go to the start page")
        file = self._read(name)
        headers = {
            "ETag": f'"{file.tag}"',
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
        if takes_gzip and len(file.packed) < len(file.plain):
            headers["Content-Encoding"] = "gzip"
            return Response(file.packed, media_type=file.kind, headers=headers)
        return Response(file.plain, media_type=file.kind, headers=headers)

    def _read(self, name: str) -> _File:
        path = self._paths[name]
        changed = path.stat().st_mtime_ns
        if name not in self._files or self._files[name].changed != changed:
            plain = path.read_bytes()
            packed = gzip.compress(plain, 6, mtime=0) if path.suffix in _TEXT else plain
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            # Some systems have another type for it, with which browsers run no module.
            if path.suffix == ".js":
                kind = "text/javascript"
            tag = hashlib.sha256(plain).hexdigest()[:16]
            self._files[name] = _File(changed, kind, tag, plain, packed)
        return self._files[name]


def router(files: StaticFiles) -> APIRouter:
    """Return the routes of the page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def page(request: Request) -> Response:
        return files.answer("index.html", request)

    @routes.get("/static/{name:path}")
    def static(name: str, request: Request) -> Response:
        return files.answer(name, request)

    return routes
