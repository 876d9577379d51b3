"""A small hub on localhost: repositories in memory, behind the few addresses that huggingface_hub
asks for models."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a-token-that-nobody-may-see"


@dataclass
class Repository:
    private: bool = False
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{}])

    def sha(self, index: int) -> str:
        return hashlib.sha1(f"{index} {sorted(self.commits[index])}".encode()).hexdigest()

    def files(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return (commit, files) of main or of a commit."""
        if revision == "main":
            return self.sha(len(self.commits) - 1), self.commits[-1]
        return next(
            ((revision, files) for i, files in enumerate(self.commits) if self.sha(i) == revision),
            None,
        )


@dataclass
class Hub:
    address: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def asked_for_files(self) -> set[str]:
        return {path.rsplit("/", 1)[1] for path in self.asked if "/resolve/" in path}


@contextmanager
def running_hub() -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.hub  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._note()
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(match[1], match[2] or "main")
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(*match.groups())
        else:
            self._answer(404)

    def do_POST(self) -> None:
        path, body = self._note(), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": "Invalid username or password."})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            names = [entry["path"] for entry in json.loads(body)["files"]]
            self._answer(
                200,
                {
                    "files": [
                        {"path": n, "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                        for n in names
                    ]
                },
            )
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            self._commit(match[1], [json.loads(line) for line in body.splitlines()])
        else:
            self._answer(404)

    def _note(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self._hub.asked.append(f"{self.command} {path}")
        self._hub.agents.add(self.headers.get("User-Agent", ""))
        return path

    @property
    def _hub(self) -> Hub:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        return hub

    def _found(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self._hub.repositories.get(name)
        if repository is None or (
            repository.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"
        ):
            self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        found = repository.files(revision)
        if found is None:
            self._answer(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        return found

    def _info(self, name: str, revision: str) -> None:
        if found := self._found(name, revision):
            siblings = [{"rfilename": file} for file in found[1]]
            self._answer(
                200,
                {
                    "id": name,
                    "sha": found[0],
                    "private": self._hub.repositories[name].private,
                    "siblings": siblings,
                },
            )

    def _file(self, name: str, revision: str, file: str) -> None:
        if found := self._found(name, revision):
            if file not in found[1]:
                self._answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            else:
                data = found[1][file]
                self._send(
                    200,
                    data,
                    {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": found[0]},
                )

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        address = {"url": f"{self._hub.address}/{name}"}
        if name in self._hub.repositories:
            self._answer(409, {"error": "You already created this model repo", **address})
        else:
            self._hub.repositories[name] = Repository(private=wanted.get("visibility") == "private")
            self._answer(200, address)

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        repository = self._hub.repositories[name]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        repository.commits.append({**repository.commits[-1], **files})
        commit = repository.sha(len(repository.commits) - 1)
        self._answer(
            200,
            {
                "commitUrl": f"{self._hub.address}/{name}/commit/{commit}",
                "commitOid": commit,
                "pullRequestUrl": None,
            },
        )

    def _answer(
        self,
        status: int,
        value: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._send(
            status,
            json.dumps(value or {}).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
