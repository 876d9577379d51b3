"""Uploads: whole, checked, under a name of their own, or not at all. Downloads: what predict wrote,
under the slide's name."""

import csv
import io
import json
import re
import shutil
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import tifffile
from PIL import Image

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from breastseg.errors import InputError  # noqa: E402
from breastseg.files import fit_name  # noqa: E402
from breastseg.inference.config import PredictConfig  # noqa: E402
from breastseg.inference.model import load_model  # noqa: E402
from breastseg.inference.predict import predict  # noqa: E402
from breastseg.report.slide import slide_page  # noqa: E402
from breastseg.serve.config import Limits  # noqa: E402
from breastseg.serve.web import uploads  # noqa: E402
from conftest import CROPS, DATA, quiet  # noqa: E402
from serve_app import serving  # noqa: E402

SVS = DATA / "slides" / "cmu1.svs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "Präparate"
    place.mkdir()
    shutil.copy(CROPS[0], place / "a.png")
    return place


@pytest.fixture
def client(folder: Path) -> Iterator[Any]:
    limits = Limits(upload_bytes=1_000_000, upload_px=300_000)
    with (
        serving(folder, limits=limits) as served,
        httpx.Client(base_url=served.address, headers={"X-Breastseg": "1"}, timeout=300) as opened,
    ):
        yield opened


def send(client: Any, name: str, content: bytes, field: str = "file") -> Any:
    return client.post("/api/uploads", params={"name": name}, files={field: (name, content)})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "breastseg")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cmu1.svs", "cmu1.svs"),
        ("Frau Müller – Schnitt 1 (HE).SVS", "Frau Müller – Schnitt 1 (HE).SVS"),
        ("乳腺.svs", "乳腺.svs"),
        (" A\u0308rztin.svs ", "Ärztin.svs"),
        ("a.b.svs", "a.b.svs"),
        ("a.svs", "a.svs"),
        ("100%25.svs", "100%25.svs"),
    ],
)
def test_a_slide_comes_in_whole_under_its_name(
    client: Any, folder: Path, name: str, kept: str
) -> None:
    answer = send(client, name, SVS.read_bytes())
    assert answer.status_code == 201, answer.text
    assert (folder / kept).read_bytes() == SVS.read_bytes()
    assert names(folder) == sorted(["a.png", kept])
    told = answer.json()
    assert (told["name"], told["bytes"], told["state"]) == (kept, SVS.stat().st_size, "plain")
    assert client.get(f"/api/entries/{told['id']}").json()["size_px"] == [480, 480]
    again = send(client, name, CROPS[0].read_bytes())
    assert (again.status_code, again.json()) == (
        409,
        {"error": f"{kept}: is in the folder already; rename one"},
    )
    assert (folder / kept).read_bytes() == SVS.read_bytes()


BAD_NAMES = {
    "up": "../b.png",
    "absolute": "/tmp/b.png",
    "windows": "C:\\b.png",
    "hidden": ".b.png",
    "half": ".part-b.png",
    "device": "con.png",
    "device and more": "LPT1.x.png",
    "line": "a\nb.png",
    "nul": "a\0b.png",
    "turned": "a\u202egnp.png",
    "stream": "a:b.png",
    "dots": "..",
    "no suffix": "b",
    "suffix alone": ".png",
    "program": "b.py",
    "page": "b.html",
    "list": "b.csv",
    "space": "b .png",
    "dot": "b..png",
    "mask": "jobs.sqlite",
    "long": "b" * 196 + ".jpeg",
    "long letters": "ä" * 99 + ".png",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_that_is_no_plain_name_of_a_picture(client: Any, folder: Path, name: str) -> None:
    answer = send(client, name, CROPS[0].read_bytes())
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert names(folder) == ["a.png"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def padded_png(size: int) -> bytes:
    return CROPS[0].read_bytes().ljust(size, b"\0")


def claiming(width: int, height: int) -> bytes:
    """Return a small file whose header says that it is large."""
    head = b"IHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    small = png(1, 1)
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


def png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height)).save(data, format="PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "line"),
    [
        (b"", 422, "b.png: is empty"),
        (
            b"not an image at all",
            422,
            (
                "b.png: not an image that Pillow reads nor a slide that OpenSlide knows (it begins"
                " with"
            ),
        ),
        (CROPS[0].read_bytes()[:20], 422, "b.png: cut short or damaged in its header"),
        (padded_png(1_000_001), 413, "more than 1 MB; copy it into the folder instead"),
        (padded_png(3_000_000), 413, "more than 1 MB; send less"),
        (png(600, 501), 413, "b.png: 600 x 501 px, up to 0.3 Mpx are taken here"),
        (
            claiming(20_000, 20_000),
            422,
            "b.png: 20000 x 20000 px, a flat image is decoded whole up to 250 Mpx",
        ),
    ],
    ids=["empty", "words", "cut", "a little too large", "huge", "too many pixels", "bomb"],
)
def test_a_file_that_is_not_taken(
    client: Any, folder: Path, content: bytes, status: int, line: str
) -> None:
    answer = send(client, "b.png", content)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].startswith(line)
    assert names(folder) == ["a.png"]


def test_a_body_that_does_not_say_how_long_it_is(
    client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunked: the limit is kept while it comes."""
    written: list[int] = []
    write = uploads._Form._data
    monkeypatch.setattr(
        uploads._Form,
        "_data",
        lambda form, data, start, end: written.append(end - start) or write(form, data, start, end),
    )

    def long() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.png"\r\n\r\n'
        yield from [b"\0" * 100_000] * 100

    answer = client.post(
        "/api/uploads?name=b.png",
        content=long(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413
    assert sum(written) < 1_300_000
    assert names(folder) == ["a.png"]


@pytest.mark.parametrize(
    ("kind", "body", "line"),
    [
        (
            "application/octet-stream",
            b"1234",
            "no multipart/form-data; send the image as its field 'file'",
        ),
        (
            "multipart/form-data",
            b"1234",
            "no multipart/form-data; send the image as its field 'file'",
        ),
        (
            "multipart/form-data; boundary=x",
            b"1234",
            "the upload is not whole multipart/form-data; send it again",
        ),
        (
            "multipart/form-data; boundary=x",
            b"",
            "the upload has no field 'file', or broke off; send it again",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc',
            "the upload has no field 'f",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nabc\r\n--x--\r\n',
            "the upload has",
        ),
    ],
)
def test_a_body_that_is_no_form(
    client: Any, folder: Path, kind: str, body: bytes, line: str
) -> None:
    answer = client.post("/api/uploads?name=b.png", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(line)
    assert names(folder) == ["a.png"]


def test_a_browser_that_goes_away_leaves_nothing(client: Any, folder: Path) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.svs"\r\n\r\n'
    lines = (
        "POST /api/uploads?name=b.svs HTTP/1.1",
        f"Host: {client.base_url.netloc.decode()}",
        "X-Breastseg: 1",
        "Content-Length: 90000",
        "Content-Type: multipart/form-data; boundary=x",
        "",
        "",
    )
    with socket.create_connection(
        (client.base_url.host, client.base_url.port), timeout=300
    ) as line:
        line.sendall("\r\n".join(lines).encode() + head + SVS.read_bytes()[:50_000])
        wait_for(lambda: len(names(folder)) == 2)
    wait_for(lambda: names(folder) == ["a.png"])
    assert send(client, "b.svs", SVS.read_bytes()).status_code == 201


def wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not look():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_other_fields_are_passed_over(client: Any, folder: Path) -> None:
    answer = client.post(
        "/api/uploads?name=b.svs",
        files=[
            ("note", (None, b"hello")),
            ("file", ("x", SVS.read_bytes())),
            ("file", ("y", b"2")),
        ],
    )
    assert answer.status_code == 201
    assert (folder / "b.svs").read_bytes() == SVS.read_bytes()


def test_a_disk_that_is_full(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    with monkeypatch.context() as full:
        full.setattr(uploads.shutil, "disk_usage", lambda path: usage._replace(free=50_000_000))
        answer = send(client, "b.svs", SVS.read_bytes())
        assert (answer.status_code, answer.json()) == (
            507,
            {"error": "the disk has 50 MB free, this takes 0; make room"},
        )

    def refuse(form: Any, data: bytes, start: int, end: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads._Form, "_data", refuse)
    answer = send(client, "b.svs", SVS.read_bytes())
    line = "b.svs: the disk is full; nothing half-written was kept, make room and try again"
    assert (answer.status_code, answer.json()) == (507, {"error": line})
    assert names(folder) == ["a.png"]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a slide and an image of awkward names, and their maps."""
    place = tmp_path_factory.mktemp("mapped")
    shutil.copy(SVS, place / 'Schnitt "Ä" 1.svs')
    shutil.copy(CROPS[0], place / "乳腺.png")
    predict(place, load_model(), place / "maps", PredictConfig(mpp=0.5), reporter=quiet)
    return place


def test_downloads_are_what_predict_wrote(mapped: Path) -> None:
    with serving(mapped) as served, httpx.Client(base_url=served.address, timeout=300) as client:
        for entry in client.get("/api/gallery").json()["entries"]:
            (layer,) = client.get(f"/api/entries/{entry['id']}").json()["layers"]
            stem = fit_name(Path(entry["name"]).stem)
            for name in layer["files"]:
                answer = client.get(f"/api/layers/{layer['id']}/files/{name}")
                assert answer.status_code == 200
                assert kept_as(answer.headers["content-disposition"]) == f"{stem}-{name}"
                check(name, answer.content, mapped / "maps" / stem)
            for name in ("run.json", "../run.json", "..%2frun.json", "%2fetc%2fpasswd", "nothing"):
                assert client.get(f"/api/layers/{layer['id']}/files/{name}").status_code == 404
        assert client.get(f"/api/layers/{'0' * 16}/files/report.html").status_code == 404


def kept_as(disposition: str) -> str:
    """Return the name that a browser gives a download: RFC 5987 where it is, else the plain one."""
    assert disposition.startswith("attachment; ")
    plain = re.search(r'filename="([^"]*)"', disposition)
    coded = re.search(r"filename\*=utf-8''([^;]*)", disposition, re.IGNORECASE)
    return unquote(coded[1]) if coded else plain[1] if plain else ""


def check(name: str, content: bytes, result: Path) -> None:
    """Compare a download with the folder that predict wrote."""
    if name == "measures.csv":
        (row,) = csv.DictReader(io.StringIO(content.decode()))
        wanted = json.loads((result / "run.json").read_text(encoding="utf-8"))["measures"]
        assert row == {key: "" if value != value else str(value) for key, value in wanted.items()}
    elif name == "report.html":
        assert content.decode() == slide_page(
            result, made=content.decode().rpartition("<dt>Made</dt><dd>")[2].partition("<")[0]
        )
        assert str(result.parent.parent).encode() not in content
    else:
        assert content == (result / name).read_bytes()
        if name == "labels.ome.tif":
            assert tifffile.imread(io.BytesIO(content)).dtype == np.uint8


def test_the_page_of_a_map_says_what_is_known(mapped: Path, tmp_path: Path) -> None:
    page = slide_page(mapped / "maps" / "Schnitt %22Ä%22 1", made="2026-11-23")
    run = json.loads(
        (mapped / "maps" / "Schnitt %22Ä%22 1" / "run.json").read_text(encoding="utf-8")
    )
    assert "Research use only, not for diagnosis." in page
    assert "Schnitt &#34;Ä&#34; 1.svs" in page
    for told in (
        "0.5 µm/px (given)",
        run["input_fingerprint"],
        run["backend"],
        "2026-11-23",
        f"{run['measures']['tumor_mm2']:.4f} mm²",
        f"{run['measures']['tumor_percent']:.1f} %",
        f"{run['measures']['tumor_diameter_max_mm']:.2f} mm",
    ):
        assert told in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(page) < 1_000_000
    broken = Path(shutil.copytree(mapped / "maps" / "乳腺", tmp_path / "b"))
    run = json.loads((broken / "run.json").read_text(encoding="utf-8"))
    run["doubts"] = ["<b>odd</b>"]
    (broken / "run.json").write_text(json.dumps(run))
    (broken / "overlay.png").write_bytes(b"no image")
    page = slide_page(broken)
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert "The overview is too large for this page, or missing" in page
    del run["measures"]
    (broken / "run.json").write_text(json.dumps(run))
    with pytest.raises(
        InputError,
        match=r"\(measures is missing\); predict again",
    ):
        slide_page(broken)
