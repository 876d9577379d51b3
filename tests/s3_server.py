"""A small store on localhost that speaks as much of S3 as obstore asks for, and fails as told."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

SECRET = "a-secret-that-nobody-may-see"


@dataclass
class Store:
    address: str
    objects: dict[str, bytes] = field(default_factory=dict)
    """By BUCKET/KEY."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, BUCKET/KEY, its Range) of each request, in order."""
    forbidden: set[str] = field(default_factory=set)
    """Methods that are answered 403."""
    breaks: dict[str, int] = field(default_factory=dict)
    """How often the answer for an object breaks in its middle."""
    on_get: Callable[[str], object] = lambda key: None
    pause_s: float = 0.0
    """Before each 64 kB."""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    authorized: list[str] = field(default_factory=list)
    stalled: Event = field(default_factory=Event)

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def keys(self, method: str) -> list[str]:
        return [key for said, key, _ in self.asked if said == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *args: object) -> None:
        pass

    def _begin(self) -> tuple[str, dict[str, list[str]], bool]:
        parts = urlsplit(self.path)
        key = unquote(parts.path).strip("/")
        self.store.asked.append((self.command, key, self.headers.get("Range", "")))
        self.store.authorized.append(self.headers.get("Authorization", ""))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command in self.store.forbidden:
            self._answer(403)
            return key, {}, False
        return key, parse_qs(parts.query, keep_blank_values=True), True

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        key, query, goes_on = self._begin()
        if not goes_on:
            return
        if "list-type" in query:
            self._list(key, query)
            return
        self.store.on_get(key)
        data = self.store.objects.get(key)
        if data is None:
            self._answer(404)
            return
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        if self.headers.get("If-Match", tag) != tag:
            self._answer(412)
            return
        start, status, span = 0, 200, self.headers.get("Range", "")
        if span:
            start, status = int(span.removeprefix("bytes=").split("-")[0]), 206
        rest = data[start:]
        head = {
            "ETag": tag,
            "Last_Modified": "Sun, 01 Nov 2026 00:00:00 GMT",
            "Content_Length": str(len(rest)),
        }
        if status == 206:
            head["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._answer(status, b"", **head)
        if self.command == "HEAD":
            return
        if self.store.breaks.get(key, 0) > 0:
            self.store.breaks[key] -= 1
            self.wfile.write(rest[: len(rest) // 2])
            self.close_connection = True
            return
        for place in range(0, len(rest), 1 << 16):
            if self.store.pause_s:
                self.store.stalled.set()
                time.sleep(self.store.pause_s)
            self.wfile.write(rest[place : place + (1 << 16)])

    do_HEAD = do_GET

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix = query.get("prefix", [""])[0]
        rows = []
        for key in sorted(self.store.objects):
            name = key.removeprefix(f"{bucket}/")
            if key.startswith(f"{bucket}/") and name.startswith(prefix):
                data = self.store.objects[key]
                rows.append(
                    f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size>"
                    f"<LastModified>2026-11-01T00:00:00.000Z</LastModified>"
                    f"<ETag>&quot;{hashlib.md5(data).hexdigest()}&quot;</ETag></Contents>"
                )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(rows)}"
        self._answer(200, f"{text}</ListBucketResult>".encode())

    def do_PUT(self) -> None:
        key, query, goes_on = self._begin()
        if not goes_on:
            return
        if "uploadId" in query:
            self.store.parts[query["uploadId"][0]][int(query["partNumber"][0])] = self.body
        else:
            self.store.objects[key] = self.body
        self._answer(200, ETag=f'"{hashlib.md5(self.body).hexdigest()}"')

    def do_POST(self) -> None:
        key, query, goes_on = self._begin()
        if not goes_on:
            return
        if "uploads" in query:
            name = f"upload{len(self.store.parts)}"
            self.store.parts[name] = {}
            text = (
                "<InitiateMultipartUploadResult><UploadId>"
                f"{name}</UploadId></InitiateMultipartUploadResult>"
            )
        elif "delete" in query:
            names = [unescape(name) for name in re.findall("<Key>(.*?)</Key>", self.body.decode())]
            for name in names:
                self.store.objects.pop(f"{key}/{name}", None)
            gone = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
            text = f"<DeleteResult>{gone}</DeleteResult>"
        else:
            parts = self.store.parts.pop(query["uploadId"][0])
            data = b"".join(parts[number] for number in sorted(parts))
            self.store.objects[key] = data
            tag = hashlib.md5(data).hexdigest()
            text = (
                f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
            )
        self._answer(200, text.encode())

    def do_DELETE(self) -> None:
        key, _, goes_on = self._begin()
        if goes_on:
            self.store.objects.pop(key, None)
            self._answer(204)


@contextmanager
def serve_s3() -> Iterator[Store]:
    """Serve an empty store until the block ends."""

    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.store = Store(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Handler.store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
