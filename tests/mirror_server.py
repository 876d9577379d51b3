"""A small server on localhost that hands out files, by Range if it may, and fails as it is told."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

COMMIT = "846c11f0" * 5
_PIECE = 1 << 16


@dataclass
class Mirror:
    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Callable[["_Handler"], bool]]] = field(default_factory=dict)
    ranges: bool = True
    tagged: bool = True
    weak: bool = False
    lengths: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(path, its Range) of each request."""
    headers: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0
    pause_s: float = 0.0
    """Before each 64 kB of a file: time to be killed in the middle of it."""
    stalled: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def serve_hub(self, repo: str, files: dict[str, bytes], **other: dict[str, Any]) -> None:
        """Hold files as a data set of a hub; `other` changes entries of its listing, by path."""
        entries = [{"type": "directory", "path": "images", "oid": "0", "size": 0}]
        for path, data in files.items():
            self.files[f"/datasets/{repo}/resolve/{COMMIT}/{path}"] = data
            lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 133}
            entries.append(
                {
                    "type": "file",
                    "path": path,
                    "oid": "0",
                    "size": len(data),
                    "lfs": lfs,
                    **other.get(path, {}),
                }
            )
        self.files[f"/api/datasets/{repo}/revision/main"] = json.dumps(
            {"id": repo, "sha": COMMIT}
        ).encode()
        self.files[f"/api/datasets/{repo}/tree/{COMMIT}?recursive=true&expand=false"] = json.dumps(
            entries
        ).encode()


def hub_command(mirror: Mirror, repo: str, out: Path | str, before: str = "") -> list[str]:
    """Return the words that run `breastseg download` in a process of its own, with the hub at the
    mirror's address."""
    code = (
        "import sys\n"
        f"{before}\n"
        "from dataclasses import replace\n"
        "from functools import partial\n"
        "from breastseg.sources.bcss import mirrors as places\n"
        "from breastseg.transfer import connection\n"
        "from breastseg.cli import main\n"
        f"ask = partial(places.hub_files, address={mirror.address!r}, repo={repo!r})\n"
        "local = {'hosts': ('127.0.0.1',), 'list_files': ask}\n"
        "places.PLACES['hub'] = replace(places.PLACES['hub'], **local)\n"
        "connection.WAIT_S = 0.001\n"
        f"sys.exit(main(['download', 'bcss', '--mirror', 'hub', '--out', {str(out)!r}]))\n"
    )
    return [sys.executable, "-B", "-c", code]  # no compiled module may be cut short by a limit


@contextmanager
def running_mirror() -> Iterator[Mirror]:
    server = _Server(("127.0.0.1", 0), _Handler)
    mirror = Mirror(f"http://127.0.0.1:{server.server_address[1]}")
    server.mirror = mirror  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        mirror.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def cut_after(count: int) -> Callable[["_Handler"], bool]:
    """Promise the whole file, and close the connection after some bytes."""
    return lambda handler: handler.answer_file(stop=count)


def stall_after(count: int) -> Callable[["_Handler"], bool]:
    """Send some bytes, and then nothing until the mirror is released."""
    return lambda handler: handler.answer_file(stop=count, stall=True)


def answer(status: int, **headers: str) -> Callable[["_Handler"], bool]:
    """Answer with a status; in names of headers `_` stands for `-`."""

    def act(handler: "_Handler") -> bool:
        handler.begin(
            status,
            {
                "Content-Length": "0",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        return True

    return act


def rest_from(start: int, total: int) -> Callable[["_Handler"], bool]:
    """Answer 206 with the file from a byte on, whatever was asked and whatever it depended on."""

    def act(handler: "_Handler") -> bool:
        body = handler.mirror.files[handler.path][start:]
        handler.begin(
            206,
            {
                "Content-Length": str(len(body)),
                "Content-Range": f"bytes {start}-{total - 1}/{total}",
            },
        )
        handler.wfile.write(body)
        return True

    return act


def exchange(data: bytes) -> Callable[["_Handler"], bool]:
    """Put another file in the place of the one that is asked for, then answer as always."""

    def act(handler: "_Handler") -> bool:
        handler.mirror.files[handler.path] = data
        return False

    return act


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed or hung up: tests do that on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def mirror(self) -> Mirror:
        mirror: Mirror = self.server.mirror  # type: ignore[attr-defined]
        return mirror

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.mirror.asked.append((self.path, self.headers.get("Range", "")))
        self.mirror.headers.append(dict(self.headers))
        faults = self.mirror.faults.get(self.path, [])
        if faults and faults.pop(0)(self):
            return
        if self.path in self.mirror.files:
            self.answer_file()
        else:
            answer(404)(self)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def answer_file(self, *, stop: int | None = None, stall: bool = False) -> bool:
        data = self.mirror.files[self.path]
        tag = f'"{hashlib.sha1(data).hexdigest()}"'
        wanted, condition = self.headers.get("Range", ""), self.headers.get("If-Range", tag)
        start = (
            int(wanted.removeprefix("bytes=").partition("-")[0])
            if wanted and self.mirror.ranges and condition == tag
            else 0
        )
        if start >= len(data) > 0:
            return answer(416)(self)
        headers = {"ETag": f"W/{tag}" if self.mirror.weak else tag} if self.mirror.tagged else {}
        if self.mirror.lengths:
            headers["Content-Length"] = str(len(data) - start)
        else:
            headers["Connection"] = "close"
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.begin(206 if start else 200, headers)
        body = data[start:stop]
        self.mirror.sent += len(body)  # before it goes: who has it may look at once
        for begin in range(0, len(body), _PIECE):
            if self.mirror.pause_s:
                time.sleep(self.mirror.pause_s)
            self.wfile.write(body[begin : begin + _PIECE])
        self.wfile.flush()
        if stall:
            self.mirror.stalled.set()
            self.mirror.released.wait(600)
        if stop is not None or not self.mirror.lengths:
            self.close_connection = True
        return True
