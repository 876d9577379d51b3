"""The server's safety: who may ask, what no path reaches, what is never told."""

import base64
import hashlib
import io
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import openslide
import pytest
from PIL import Image
from tifffile import TiffWriter

pytest.importorskip("fastapi")

from breastseg.errors import InputError
from breastseg.serve.config import Limits, ServeConfig
from breastseg.serve.web.app import create_app
from breastseg.serve.web.guard import HEADERS, is_loopback
from conftest import CROPS, DATA
from serve_app import Served, add_map, serving, small_folder
from slide_files import APERIO, TILES

SECRET = b"nobody may read this"
TOKEN = "a-token-that-nobody-guesses"
OWN = {"X-Breastseg": "1"}
CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=300)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder beside a secret, with links that lead to it, and a slide with a map."""
    place = tmp_path_factory.mktemp("guarded")
    folder = small_folder(place / "slides")
    (place / "secret.png").write_bytes(SECRET)
    outside = place / "outside"
    outside.mkdir()
    shutil.copy(CROPS[0], outside / "private.png")
    (folder / "link.png").symlink_to(outside / "private.png")
    (folder / "secret.png").symlink_to(place / "secret.png")
    (folder / "linked").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / ".hidden.png").write_bytes(CROPS[0].read_bytes())
    (folder / "gone.png").symlink_to(outside / "nothing.png")
    os.mkfifo(folder / "pipe.png")
    result = add_map(folder / "maps" / "cmu1", folder / "cmu1.svs", np.ones((240, 240), np.uint8))
    (result / "regions.geojson").symlink_to(place / "secret.png")
    with serving(folder, limits=Limits(body_bytes=100_000)) as served:
        yield served


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that other machines reach, with a token."""
    folder = small_folder(tmp_path_factory.mktemp("token") / "slides")
    with serving(folder, host="0.0.0.0", token=TOKEN) as served:
        yield served


def ask(served: Served, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    return CLIENT.request(method, served.address + path, **options)


def raw(served: Served, target: bytes, *headers: bytes) -> tuple[int, bytes]:
    """Send a request line as it is: no client in between makes it tidy."""
    parts = urlsplit(served.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=300) as line:
        host = (
            b""
            if any(header.lower().startswith(b"host:") for header in headers)
            else b"Host: 127.0.0.1\r\n"
        )
        line.sendall(
            b"GET "
            + target
            + b" HTTP/1.1\r\n"
            + host
            + b"".join(h + b"\r\n" for h in headers)
            + b"Connection: close\r\n\r\n"
        )
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def names(served: Served) -> list[str]:
    return [entry["name"] for entry in ask(served, "/api/gallery").json()["entries"]]


def is_one_line_without_paths(answer: httpx.Response, served: Served) -> bool:
    line = answer.json()["error"]
    return (
        bool(line)
        and "\n" not in line
        and str(served.folder.parent) not in line
        and "Traceback" not in line
    )


def test_only_what_lies_in_the_folder_is_listed(shown: Served) -> None:
    assert names(shown) == sorted(["cmu1.svs", *(f"bcss/images/{crop.name}" for crop in CROPS)])


def test_a_link_within_the_folder_is_shown(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "slides")
    (folder / "again.svs").symlink_to(folder / "cmu1.svs")
    with serving(folder) as served:
        assert "again.svs" in names(served)


def test_a_slide_that_becomes_a_link_out_of_the_folder_is_gone(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "slides")
    shutil.copy(CROPS[0], folder / "own.png")
    shutil.copy(CROPS[1], tmp_path / "private.png")
    with serving(folder) as served:
        own = next(
            entry
            for entry in ask(served, "/api/gallery").json()["entries"]
            if entry["name"] == "own.png"
        )
        tile = f"/api/entries/{own['id']}/tiles/0/0_0.jpg"
        assert ask(served, tile).status_code == 200
        (folder / "own.png").unlink()
        (folder / "own.png").symlink_to(tmp_path / "private.png")
        assert ask(served, tile).status_code == 404
        assert ask(served, f"/api/entries/{own['id']}").status_code == 404


def test_a_folder_of_a_slide_with_a_link_out_of_it_is_not_shown(tmp_path: Path) -> None:
    shutil.copytree(DATA / "slides" / "cmu1_dicom", tmp_path / "slides" / "whole")
    shutil.copytree(DATA / "slides" / "cmu1_dicom", tmp_path / "slides" / "linked")
    [file, *_] = sorted((tmp_path / "slides" / "linked").iterdir())
    file.rename(tmp_path / "moved.dcm")
    file.symlink_to(tmp_path / "moved.dcm")
    with serving(tmp_path / "slides") as served:
        assert names(served) == ["whole"]


def test_a_result_gives_no_file_that_is_a_link(shown: Served) -> None:
    entry = next(
        one for one in ask(shown, "/api/gallery").json()["entries"] if one["name"] == "cmu1.svs"
    )
    [layer] = ask(shown, f"/api/entries/{entry['id']}").json()["layers"]
    assert "regions.geojson" not in layer["files"]
    answer = ask(shown, f"/api/layers/{layer['id']}/files/regions.geojson")
    assert answer.status_code == 404
    assert SECRET not in answer.content


SECRETS = [
    "../secret.png",
    "/etc/passwd",
    "..",
    ".",
    "../outside/private.png",
    "link.png",
    "linked/private.png",
    ".hidden.png",
    "secret.png",
    "a\0b",
    "..\\secret.png",
    "~",
    "run.json",
    "breastseg-work.json",
    "x" * 8000,
    "cmu1.svs",
    "%s%n",
    "日/../..",
    "\uff0e\uff0e/secret.png",
]
PLACES = [
    "/{}",
    "/static/{}",
    "/static/vendor/{}",
    "/api/{}",
    "/api/entries/{}",
    "/api/entries/{}/thumbnail.jpg",
    "/api/entries/{}/tiles/0/0_0.jpg",
    "/api/entries/{}/annotation",
    "/api/layers/{}/tiles/0/0_0.png",
    "/api/layers/{}/measures",
    "/api/layers/{}/uncertainty/0/0_0.png",
    "/api/jobs/{}",
    "/api/jobs/{}/preview.png",
    "/api/layers/LAYER/files/{}",
]


def spelled(path: str) -> Iterator[bytes]:
    """Yield a path as it is, encoded once, twice, and with every byte encoded."""
    plain = path.encode()
    yield b"".join(bytes([c]) if c > 32 and c != 127 else f"%{c:02X}".encode() for c in plain)
    yield quote(plain, safe="").encode()
    yield quote(quote(plain, safe=""), safe="").encode()
    yield "".join(f"%{c:02x}" for c in plain).encode()[:9000]


@pytest.mark.parametrize("place", PLACES)
def test_no_path_leads_out_of_the_folder(shown: Served, place: str) -> None:
    layer = ask(
        shown, f"/api/entries/{ask(shown, '/api/gallery').json()['entries'][-1]['id']}"
    ).json()["layers"][0]["id"]
    for secret in SECRETS:
        for path in spelled(secret):
            status, body = raw(shown, place.replace("LAYER", layer).encode().replace(b"{}", path))
            assert status in (400, 404), (place, path)
            assert SECRET not in body
            assert str(shown.folder.parent).encode() not in body
            assert b"Traceback" not in body


@pytest.mark.parametrize(
    "target",
    [
        b"http://127.0.0.1/../../etc/passwd",
        b"//etc/passwd",
        b"/../../../etc/passwd",
        b"/static/../../serve/app.py",
        b"/static/..%2fapp.py",
        b"/static//etc/passwd",
        b"/static/%2e%2e/app.py",
        b"/static/vendor/../../app.py",
        b"*",
    ],
)
def test_no_address_leads_out_of_the_page(shown: Served, target: bytes) -> None:
    status, body = raw(shown, target)
    assert status in (400, 404)
    assert b"root:" not in body
    assert b"create_app" not in body


@pytest.mark.parametrize(
    "piece",
    [
        "-1/0_0",
        "0/-1_0",
        "99/0_0",
        "0/1_0",
        "0/0_1",
        "1e3/0_0",
        "0/0_0x",
        f"{'9' * 5000}/0_0",
        "²/0_0",
        "0/999999999_0",
    ],
)
def test_tiles_that_are_not_there_are_refused(shown: Served, piece: str) -> None:
    entry = ask(shown, "/api/gallery").json()["entries"][0]["id"]
    for address in (
        f"/api/entries/{entry}/tiles/{quote(piece)}.jpg",
        f"/api/layers/{entry}/tiles/{quote(piece)}.png",
    ):
        answer = ask(shown, address)
        assert answer.status_code in (400, 404)
        assert is_one_line_without_paths(answer, shown)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/gallery",
        "/static/vendor/openseadragon.min.js",
        "/api/entries/0000000000000000",
        "/nothing",
    ],
)
def test_every_answer_has_the_headers(shown: Served, path: str) -> None:
    answer = ask(shown, path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/app.js",
        "/api/gallery",
        "/api/openapi.json",
        "/api/jobs",
        "/api/entries/{}",
        "/api/entries/{}/tiles/0/0_0.jpg",
        "/api/entries/0000000000000000",
        "/api/uploads",
        "/nothing",
    ],
)
def test_head_is_answered_as_get_without_a_body(shown: Served, path: str) -> None:
    path = path.format(ask(shown, "/api/gallery").json()["entries"][0]["id"])
    whole, head = ask(shown, path), ask(shown, path, "HEAD")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}


def test_head_shows_nothing_without_the_token(open_to_all: Served) -> None:
    assert ask(open_to_all, "/api/gallery", "HEAD").status_code == 403


def test_the_policy_lets_nothing_come_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert not re.search(r"https?:|\*|unsafe", policy)
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_fault_of_ours_shows_no_trace(shown: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError(f"{shown.folder}/inner: a bug")

    monkeypatch.setattr(shown.state.folder, "scan", fail)
    answer = ask(shown, "/api/gallery")
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("something went wrong in breastseg")
    assert "bug" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8100",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "169.254.169.254",
        "192.168.1.5:8100",
        "[::2]",
        "127.0.0.1@evil.example",
        "",
        "127.0.0.1:8100:1",
        "user:pass@localhost",
    ],
)
def test_other_host_names_are_refused(shown: Served, host: str) -> None:
    status, body = raw(shown, b"/api/gallery", b"Host: " + host.encode())
    assert status in (400, 403)
    assert b"cmu1" not in body


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8100", "127.0.0.1:1", "[::1]:8100", "LOCALHOST"]
)
def test_own_host_names_are_ours(shown: Served, host: str) -> None:
    assert raw(shown, b"/api/gallery", b"Host: " + host.encode())[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80"])
def test_a_foreign_name_is_refused_beyond_this_machine_too(open_to_all: Served, host: str) -> None:
    token = b"Authorization: Bearer " + TOKEN.encode()
    assert raw(open_to_all, b"/api/gallery", b"Host: " + host.encode(), token)[0] == 403
    assert raw(open_to_all, b"/api/gallery", b"Host: 192.168.1.5:8100", token)[0] == 200
    assert (
        raw(open_to_all, b"/api/gallery", b"Host: " + socket.gethostname().encode(), token)[0]
        == 200
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/api/gallery", "/api/openapi.json", "/static/vendor/openseadragon.min.js", "/nothing"],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"breastseg={TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_without_the_token_nothing_is_shown(
    open_to_all: Served, path: str, headers: dict[str, str]
) -> None:
    for address in (
        path,
        f"{path}?token=",
        f"{path}?token=wrong",
        f"{path}?token={TOKEN}x",
        f"{path}?Token={TOKEN}",
    ):
        answer = ask(open_to_all, address, headers=headers)
        assert answer.status_code == 403
        assert "token is needed" in answer.json()["error"]
        assert "set-cookie" not in answer.headers


def test_the_token_comes_once_in_the_address_then_as_cookie(open_to_all: Served) -> None:
    with httpx.Client(base_url=open_to_all.address, timeout=300) as browser:
        first = browser.get("/", params={"token": TOKEN, "slide": "a b&c"})
        assert (first.status_code, first.headers["location"]) == (303, "/?slide=a+b%26c")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert first.headers["cache-control"] == "no-store"
        assert browser.get(first.headers["location"]).status_code == 200
        assert browser.get("/api/gallery").status_code == 200
    assert (
        ask(open_to_all, "/api/gallery", headers={"Authorization": f"Bearer {TOKEN}"}).status_code
        == 200
    )


PERSON = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    ("site", "status"),
    [("none", 303), ("same-origin", 303), ("cross-site", 200), ("same-site", 200), ("", 200)],
)
def test_who_comes_from_a_file_gets_in_too(open_to_all: Served, site: str, status: int) -> None:
    """A cookie that is SameSite=Strict is not sent where another page led to a redirect: a page of
    our own leads on."""
    headers = {**PERSON, **({"Sec-Fetch-Site": site} if site else {})}
    answer = httpx.get(
        f"{open_to_all.address}/?token={TOKEN}&slide=%22%3E%3Cb", headers=headers, timeout=300
    )
    assert answer.status_code == status
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert TOKEN not in answer.text
    if status == 200:
        assert '<meta http-equiv="refresh" content="0; url=/?slide=%22%3E%3Cb">' in answer.text


def test_a_person_without_the_token_is_asked_for_it(open_to_all: Served) -> None:
    with httpx.Client(
        base_url=open_to_all.address, timeout=300
    ) as stranger:  # without the cookie of others
        answer = stranger.get("/", headers=PERSON)
        assert (answer.status_code, answer.headers["content-type"]) == (
            403,
            "text/html; charset=utf-8",
        )
        assert '<input name="token"' in answer.text
        style = re.search(r"<style>(.*)</style>", answer.text)
        assert style
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
        assert (
            stranger.get("/api/gallery", headers=PERSON)
            .json()["error"]
            .startswith("a token is needed")
        )
        other = stranger.get("/", headers={**PERSON, "Host": "<b>.example"})
        assert (other.status_code, "<b>" in other.text, "<input" in other.text) == (
            403,
            False,
            False,
        )


def test_a_person_is_told_by_a_page_and_a_program_in_json(shown: Served) -> None:
    answer = ask(shown, "/nothing", headers=PERSON)
    assert (
        answer.status_code,
        answer.headers["content-type"],
        "<p>Not Found.</p>" in answer.text,
    ) == (
        404,
        "text/html; charset=utf-8",
        True,
    )
    assert (
        ask(shown, "/nothing").json()
        == ask(shown, "/api/nothing", headers=PERSON).json()
        == {"error": "Not Found"}
    )


def test_a_body_with_two_lengths_is_refused(shown: Served) -> None:
    """What stands in between may believe the other one, and see a second request in what
    follows."""
    parts = urlsplit(shown.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=300) as line:
        head = (
            b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Breastseg: 1\r\nContent-Length:"
            b" 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        line.sendall(head + b"0\r\n\r\nGET /api/gallery HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            while piece := line.recv(65536):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_the_token_sends_nobody_to_another_host(open_to_all: Served) -> None:
    parts = urlsplit(open_to_all.address)
    for path in (b"//evil.example/", b"/\\evil.example/", b"/%5cevil.example"):
        with socket.create_connection((parts.hostname, parts.port), timeout=300) as line:
            line.sendall(
                b"GET "
                + path
                + b"?token="
                + TOKEN.encode()
                + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            )
            location = re.search(rb"location: (\S+)", line.recv(65536))
        assert location is None or re.match(rb"/[^/\\]", location[1])


def test_listening_beyond_this_machine_needs_a_token(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org", ""):
        with pytest.raises(InputError, match="wanted a token"):
            create_app(ServeConfig(tmp_path, host=host))
    assert all(is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "127.0.0.9"))


CHANGES = [
    ("POST", "/api/jobs"),
    ("DELETE", "/api/jobs/1"),
    ("PUT", "/api/entries/0000000000000000/annotation"),
    ("POST", "/api/uploads?name=a.png"),
    ("PATCH", "/api/gallery"),
    ("OPTIONS", "/api/jobs"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_another_page_can_change_nothing(shown: Served, method: str, path: str) -> None:
    for headers in (
        {},
        {**OWN, "Origin": "https://evil.example"},
        {**OWN, "Origin": "null"},
        {"X-Breastseg": "yes"},
        {**OWN, "Origin": "http://127.0.0.1:1"},
        {**OWN, "Origin": shown.address.replace("http:", "https:")},
    ):
        answer = ask(shown, path, method, headers=headers, content=b"{}")
        assert answer.status_code == 403, headers
        assert is_one_line_without_paths(answer, shown)


@pytest.mark.parametrize(("method", "path"), CHANGES[:4])
def test_our_own_page_can(shown: Served, method: str, path: str) -> None:
    answer = ask(shown, path, method, headers={**OWN, "Origin": shown.address}, content=b"{}")
    assert answer.status_code in (400, 404, 422)
    assert is_one_line_without_paths(answer, shown)


def test_a_body_that_is_too_large_is_refused_however_it_comes(shown: Served) -> None:
    said = ask(shown, "/api/jobs", "POST", headers=OWN, content=b"x" * 200_000)
    in_pieces = ask(
        shown,
        "/api/jobs",
        "POST",
        headers={**OWN, "Content-Type": "application/json"},
        content=(b"x" * 1000 for _ in range(200)),
    )
    for answer in (said, in_pieces):
        assert answer.status_code == 413
        assert is_one_line_without_paths(answer, shown)


def test_what_is_no_json_is_told_in_one_line(shown: Served) -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"entry": 1}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"entry": "' + b"a" * 50_000 + b'"}',
        b"NaN",
    ):
        answer = ask(
            shown,
            "/api/jobs",
            "POST",
            headers={**OWN, "Content-Type": "application/json"},
            content=body,
        )
        assert answer.status_code in (400, 422), body[:40]
        assert is_one_line_without_paths(answer, shown)


def test_more_requests_than_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    with serving(small_folder(tmp_path / "slides"), limits=Limits(requests=0)) as served:
        answer = ask(served, "/api/gallery")
        assert answer.status_code == 503
        assert "try again" in answer.json()["error"]


def test_messages_hold_no_path_of_this_machine(shown: Served) -> None:
    told, root = shown.state.folder.told, shown.state.folder.root
    assert told(f"{root}/a b/c.svs: broken") == "a b/c.svs: broken"
    assert told(f"{root}: no") == "slides: no"
    assert told(f"{root}/breastseg/maps/x/labels.png: cut") == "maps/x/labels.png: cut"
    assert told("/usr/lib/python3/x.py: not there (see /tmp/y)") == "x.py: not there (see y)"
    assert (
        told("wanted um/px, as in 0.25 um/px; JPEG/PNG")
        == "wanted um/px, as in 0.25 um/px; JPEG/PNG"
    )


def with_label_and_macro(path: Path) -> Path:
    """Write an SVS of real tissue whose label and macro are pure green."""
    pixels = np.asarray(Image.open(CROPS[0]).convert("RGB"))
    green = np.zeros((96, 96, 3), np.uint8)
    green[..., 1] = 255
    name = APERIO.format(width=256, height=256)
    with TiffWriter(path) as writer:
        writer.write(pixels, **TILES, description=f"{name}|AppMag = 40|MPP = 0.2500")
        writer.write(
            np.ascontiguousarray(pixels[::4, ::4]),
            photometric="rgb",
            description=f"{name} -> 64x64",
            metadata=None,
        )
        writer.write(
            np.ascontiguousarray(pixels[::2, ::2]), **TILES, description=f"{name} -> 128x128"
        )
        for kind, flag in (("label", 1), ("macro", 9)):
            said = f"Aperio Image Library v11.2.1 \r\n{kind} 96x96"
            writer.write(
                green, photometric="rgb", description=said, subfiletype=flag, metadata=None
            )
    return path


@pytest.mark.parametrize("reader", ["tiff", "openslide"])
def test_label_and_macro_images_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    """They carry patients' names: no route of a slide reads them, whichever reader it has."""
    folder = tmp_path / "slides"
    folder.mkdir()
    slide = with_label_and_macro(folder / "named.svs")
    with openslide.OpenSlide(slide) as opened:
        assert {"label", "macro"} <= set(opened.associated_images)

    def touched(self: object) -> None:
        raise AssertionError("associated images were read")

    monkeypatch.setattr(openslide.OpenSlide, "associated_images", property(touched))
    monkeypatch.setattr("breastseg.images.open.find_reader", lambda path: reader)
    with serving(folder) as served:
        [entry] = ask(served, "/api/gallery").json()["entries"]
        paths = ask(served, "/api/openapi.json").json()["paths"]
        routes = [
            path
            for path, ways in paths.items()
            if path.startswith("/api/entries/") and "get" in ways
        ]
        assert len(routes) >= 4
        for path in routes:
            answer = ask(served, path.format(id=entry["id"], level=0, column=0, row=0))
            assert answer.status_code == 200, path
            if path.endswith(".jpg"):
                pixels = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
                assert (pixels[..., 1] - pixels[..., 0]).max() < 100


def test_the_description_names_every_error(shown: Served) -> None:
    paths = ask(shown, "/api/openapi.json").json()["paths"]
    for path, ways in paths.items():
        for way, said in ways.items():
            errors = [status for status in said["responses"] if status >= "400"]
            assert {"400", "403"} <= set(errors), (way, path)
            for status in errors:
                schema = said["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorOut"}, (way, path, status)


def test_the_description_tells_how_to_ask(shown: Served) -> None:
    told = ask(shown, "/api/openapi.json").json()
    assert "X-Breastseg: 1" in told["info"]["description"]
    assert "Authorization: Bearer" in told["info"]["description"]
    verbs = [way["operationId"] for ways in told["paths"].values() for way in ways.values()]
    assert len(verbs) == len(set(verbs))
    assert (
        told["paths"]["/api/jobs"]["post"]["operationId"] == "predict"
    )  # as the command is called
    assert {"model", "box", "mpp", "uncertainty"} < set(
        told["components"]["schemas"]["JobIn"]["properties"]
    )  # as are its options


def test_requests_drawn_from_the_description(tmp_path: Path) -> None:
    """Schemathesis over the whole application: no fault, no status that is not declared, answers as
    described."""
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    quick = settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    asked = 0

    def check(case: Any) -> None:
        nonlocal asked
        answer = case.call(headers=OWN)
        case.validate_response(
            answer, excluded_checks=[positive_data_acceptance]
        )  # a name that fits may still be no image's
        assert str(tmp_path) not in answer.text
        asked += 1

    with serving(small_folder(tmp_path / "slides")) as served:
        operations = list(
            schemathesis.openapi.from_url(f"{served.address}/api/openapi.json").get_all_operations()
        )
        for operation in operations:
            quick(given(case=operation.ok().as_strategy())(check))()
    assert asked > 4 * len(operations)
