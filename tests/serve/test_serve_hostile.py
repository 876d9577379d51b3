"""Files and clients that mean harm: nothing outside the folder is read, nothing holds the server
up, nothing takes its memory."""

import json
import os
import shutil
import socket
import time
import tracemalloc
import warnings
import zlib
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from breastseg.errors import ImageError  # noqa: E402
from breastseg.images import open_slide  # noqa: E402
from breastseg.images.claims import claimed_px  # noqa: E402
from breastseg.images.readers.tiff import TiffSlide  # noqa: E402
from breastseg.labels import BUILT_IN  # noqa: E402
from breastseg.report.slide import slide_page  # noqa: E402
from breastseg.serve.tiles.label_files import StoredLabels, held_labels, stored_labels  # noqa: E402
from breastseg.serve.web import guard, patience, uploads  # noqa: E402
from conftest import CROPS, DATA  # noqa: E402
from serve_app import Served, add_map, serving  # noqa: E402

SECRET, OWN = 77, 200
"""Grey values of an image outside the folder and of one in it."""
PLAIN = np.ones((128, 128), np.uint8)
OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1"><Image'
    ' ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="600"'
    ' SizeY="600" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5"><Channel'
    ' ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1"><UUID'
    ' FileName="../x.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
)
VMS = (
    "[Virtual Microscope Specimen]\n"
    "NoLayers=1\n"
    "NoJpegColumns=1\n"
    "NoJpegRows=1\n"
    "ImageFile=../x.jpg\n"
    "MapFile=x.jpg\n"
    "MacroImage=x.jpg\n"
    "PhysicalWidth=100000\n"
    "PhysicalHeight=100000\n"
)


def grey(value: int) -> Any:
    return np.full((600, 600, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an image, beside secrets."""
    place = tmp_path / "slides"
    place.mkdir()
    shutil.copy(CROPS[0], place / "a.png")
    tifffile.imwrite(tmp_path / "x.tif", grey(SECRET), photometric="rgb", tile=(256, 256))
    Image.fromarray(grey(SECRET)).save(tmp_path / "x.jpg")
    return place


def asking(served: Served) -> Any:
    return httpx.Client(base_url=served.address, headers={"X-Breastseg": "1"}, timeout=300)


def address(client: Any, name: str = "a.png") -> str:
    found = next(
        one["id"] for one in client.get("/api/gallery").json()["entries"] if one["name"] == name
    )
    return f"/api/entries/{found}"


def test_an_ome_tiff_that_names_another_file_shows_its_own_pixels(folder: Path) -> None:
    path = folder / "evil.ome.tif"
    tifffile.imwrite(
        path, grey(OWN), photometric="rgb", tile=(256, 256), description=OME, metadata=None
    )
    with warnings.catch_warnings(action="ignore"):
        assert np.unique(tifffile.imread(path)) == [SECRET]  # what tifffile does by itself
    with closing(open_slide(path)) as slide:
        assert np.unique(slide.resampled((0, 0, 600, 600), (600, 600))) == [OWN]
        assert (slide.size_px, slide.mpp) == ((600, 600), 0.5)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000"])
def test_a_tile_that_says_it_is_huge_is_not_decoded(tmp_path: Path, compression: str) -> None:
    honest, huge = grey(OWN)[:256, :256], np.full((1024, 1024, 3), OWN, np.uint8)
    pack = {
        "jpeg": imagecodecs.jpeg8_encode,
        "jpeg2000": partial(imagecodecs.jpeg2k_encode, codecformat="j2k"),
    }[compression]
    pieces = [pack(honest)] * 3 + [pack(huge)]
    options: Any = {
        "shape": (512, 512, 3),
        "dtype": "uint8",
        "tile": (256, 256),
        "photometric": "rgb",
        "compression": compression,
    }
    tifffile.imwrite(tmp_path / "a.tif", iter(pieces), **options)
    assert [claimed_px(piece) for piece in pieces] == [65536] * 3 + [2**20]
    with closing(TiffSlide(tmp_path / "a.tif", mpp=0.5)) as slide:
        assert slide.resampled((0, 0, 256, 256), (256, 256)).shape == (256, 256, 3)
        with pytest.raises(ImageError, match="1 Mpx in one tile"):
            slide.resampled((256, 256, 512, 512), (256, 256))


@pytest.mark.parametrize("name", ["evil.vms", "evil.tif", "evil.svs"])
@pytest.mark.parametrize(
    "key", ["ImageFile", "ImageFile(0,0)", "MapFile", "MacroImage", "OptimisationFile"]
)
def test_an_index_that_names_a_file_elsewhere_is_not_opened(
    folder: Path, name: str, key: str
) -> None:
    (folder / name).write_text(
        VMS.replace(
            "ImageFile=../x.jpg",
            f"ImageFile=x.jpg\n{key}=..\\x.jpg" if "(" in key else f"{key} = ../x.jpg",
        )
    )
    with pytest.raises(
        ImageError, match="names a file in another folder; put all its files into one"
    ):
        open_slide(folder / name, mpp=0.5)


def test_an_index_is_no_upload_whatever_its_name_is(folder: Path) -> None:
    with serving(folder) as served, asking(served) as client:
        for name, status, line in [
            (
                "b.vms",
                400,
                "'.vms' is an index that names other files; copy all of them into the folder",
            ),
            (
                "b.VMU",
                400,
                "'.vmu' is an index that names other files; copy all of them into the folder",
            ),
            (
                "b.mrxs",
                400,
                "'.mrxs' is an index that names other files; copy all of them into the folder",
            ),
            (
                "b.tif",
                422,
                (
                    "b.tif: one of several files, or an index that names them; copy all of them"
                    " into the folder"
                ),
            ),
            (
                "b.svs",
                422,
                (
                    "b.svs: one of several files, or an index that names them; copy all of them"
                    " into the folder"
                ),
            ),
        ]:
            answer = client.post(
                "/api/uploads",
                params={"name": name},
                files={"file": (name, VMS.replace("../", "").encode())},
            )
            assert (answer.status_code, answer.json()) == (status, {"error": line})
        assert sorted(path.name for path in folder.iterdir()) == ["a.png", "breastseg"]


def test_what_a_kill_left_of_uploads_is_removed_when_it_is_old(folder: Path) -> None:
    old, fresh, other = ".part-0123abcd-b.svs", ".part-4567abcd-c.svs", ".part-b.geojson"
    for name in (old, fresh, other):
        (folder / name).write_bytes(b"half")
    for name in (old, other):
        os.utime(folder / name, (1e9, 1e9))
    (folder / ".part-89abcdef-link").symlink_to(folder / "a.png")
    with serving(folder):
        assert {path.name for path in folder.glob(".part-*")} == {
            fresh,
            other,
            ".part-89abcdef-link",
        }
    uploads.remove_left_over(folder / "nowhere")


@pytest.mark.parametrize(
    "said",
    [
        b"[" * 100_000,
        b'{"input": "' + b"x" * 2_000_000 + b'"}',
        b'{"size_px": ' + b"9" * 6000 + b"}",
        b"\xff\xfe",
        {"measures": {"tumor_percent": "many"}},
        {"measures": {"tumor_percent": [1]}},
        {"measures": {"tumor_mm2": {"a": 1}}},
        {"measures": {"a": float("inf")}},
        {"size_px": [256]},
        {"size_px": ["256", "256"]},
        {"mpp": float("nan")},
        {"mpp": "0.25"},
        {"model": ["x"]},
        {"doubts": [{"a": 1}]},
        {"box_level0_px": "all"},
        {"box_level0_px": [{}]},
        {"use": 3},
        {"input": "../../a.png\0"},
        {
            "label_map": {
                "name": "x",
                "classes": [{"name": "tumor", "color": [0, 0, 10**30], "codes": [1]}],
            }
        },
        {
            "label_map": {
                "name": "x",
                "classes": [{"name": "tumor", "color": 3, "codes": {"a": []}}],
            }
        },
        {"label_map": {"classes": "abc"}},
    ],
    ids=lambda said: next(iter(said)) if isinstance(said, dict) else f"{len(said)} bytes",
)
def test_a_run_by_anybody_spoils_nothing(folder: Path, said: Any) -> None:
    place = add_map(folder / "maps" / "a", folder / "a.png", PLAIN)
    run = json.loads((place / "run.json").read_text())
    (place / "run.json").write_bytes(
        said if isinstance(said, bytes) else json.dumps({**run, **said}).encode()
    )
    with serving(folder) as served, asking(served) as client:
        assert client.get("/api/gallery").status_code == 200
        answer = client.get(address(client))
        assert answer.status_code == 200
        assert answer.json()["mpp"] is None
        for layer in answer.json()["layers"]:
            assert layer["classes"][0]["share"] is None
            assert client.get(f"/api/layers/{layer['id']}/measures").status_code == 200
            assert client.get(f"/api/layers/{layer['id']}/files/report.html").status_code == 422


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        (
            11,
            12,
            (
                "a.png: cut short or damaged in its header (Truncated IHDR chunk); copy or export"
                " it again"
            ),
        ),
        (60_000, 7, "a.png: cut short or damaged"),
    ],
)
def test_a_picture_with_a_wrong_byte_is_told(
    folder: Path, place: int, value: int, line: str
) -> None:
    content = bytearray((folder / "a.png").read_bytes())
    content[place] = value
    (folder / "a.png").write_bytes(content)
    with serving(folder) as served, asking(served) as client:
        answer = client.get(address(client))
        assert (answer.status_code, answer.json()["error"][: len(line)]) == (422, line)


def test_labels_of_another_shape_than_their_slide_are_told(folder: Path) -> None:
    add_map(folder / "maps" / "a", folder / "a.png", np.ones((128, 64), np.uint8))
    with serving(folder) as served, asking(served) as client:
        told = client.get(address(client)).json()
        line = (
            "painted cannot be shown: labels.ome.tif: 64 x 128 px do not lie over the slide of its"
            " run.json; make the map again"
        )
        assert (told["layers"], line in told["doubts"]) == ([], True)


def written_tiles(path: Path, side: int, piece: bytes) -> Path:
    """Write a label TIFF of one level, every tile of which is `piece`."""
    tiles = (piece for _ in range((side // 256) ** 2))
    tifffile.imwrite(
        path,
        tiles,
        shape=(side, side),
        dtype="uint8",
        tile=(256, 256),
        compression="adobe_deflate",
        metadata=None,
    )
    return path


def test_a_tile_that_unpacks_to_much_takes_no_memory(tmp_path: Path) -> None:
    labels = stored_labels(
        written_tiles(tmp_path / "labels.ome.tif", 256, zlib.compress(bytes(100_000_000), 9))
    )
    assert isinstance(labels, StoredLabels)
    tracemalloc.start()
    try:
        assert labels.tile(0, 0, 0).shape == (256, 256)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
        labels.close()
    too_long = stored_labels(written_tiles(tmp_path / "more.ome.tif", 256, bytes(200_000)))
    assert too_long
    with pytest.raises(ImageError, match="200000 bytes for one tile"):
        too_long.tile(0, 0, 0)
    too_long.close()


def test_labels_without_levels_are_not_put_together_from_all_their_tiles(tmp_path: Path) -> None:
    piece = zlib.compress(bytes(65536))
    small = written_tiles(tmp_path / "small.ome.tif", 2304, piece)
    assert stored_labels(small) is None
    assert held_labels(small).tile(0, 0, 0).shape == (144, 144)
    with pytest.raises(ImageError, match="too large to hold; make the map again"):
        stored_labels(written_tiles(tmp_path / "large.ome.tif", 16384, piece))


def test_a_report_follows_no_link(folder: Path) -> None:
    shares = {
        f"{one.name}_{unit}": 1.0
        for one in BUILT_IN["region5"].classes
        for unit in ("mm2", "percent")
    }
    more = {
        "mpp_source": "given",
        "box_level0_px": None,
        "model_mpp": 0.5,
        "backend": "none",
        "model_files": {},
        "packages": {},
    }
    place = add_map(
        folder / "maps" / "a",
        folder / "a.png",
        PLAIN,
        measures={**shares, "analysed_mm2": 5.0},
        **more,
    )
    Image.fromarray(grey(OWN)).save(place / "overlay.jpg")
    assert "data:image/jpeg" in slide_page(place)
    (place / "overlay.jpg").unlink()
    (place / "overlay.jpg").symlink_to(folder.parent / "x.jpg")
    assert "data:image" not in slide_page(place)
    (place / "overlay.jpg").unlink()
    (place / "overlay.jpg").write_text(VMS)
    assert "data:image" not in slide_page(place)


def test_gallery_and_route_agree_about_areas_that_are_a_link_or_no_file(folder: Path) -> None:
    (folder.parent / "secret.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with serving(folder) as served, asking(served) as client:
        place = address(client)
        (folder / "a.geojson").symlink_to(folder.parent / "secret.geojson")
        assert client.get(f"{place}/annotation").status_code == 422
        assert not client.get(place).json()["annotated"]
        (folder / "a.geojson").unlink()
        if hasattr(os, "mkfifo"):
            os.mkfifo(folder / "a.geojson")
            assert client.get(f"{place}/annotation").json()["version"] == ""
            assert not client.get(place).json()["annotated"]
            (folder / "a.geojson").unlink()
        (folder / "a.geojson").write_text('{"type": "FeatureCollection", "features": []}')
        assert client.get(f"{place}/annotation").json()["file"] == "a.geojson"
        assert client.get(place).json()["annotated"]


def connected(served: Served) -> socket.socket:
    found = urlsplit(served.address)
    line = socket.create_connection((found.hostname, found.port), timeout=300)
    line.settimeout(300)
    return line


def answered(line: socket.socket) -> bool:
    """Read an answer whose body is the empty list."""
    told = b""
    while not told.endswith(b"\r\n\r\n[]"):
        told += (more := line.recv(10_000))
        assert more, told
    return told.startswith(b"HTTP/1.1 200")


def test_who_never_ends_a_request_is_let_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_S", 2.0)
    with serving(folder) as served, ExitStack() as held:
        host = served.address.removeprefix("http://").encode()
        whole = b"GET /api/jobs HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"

        def began(said: bytes) -> socket.socket:
            line = held.enter_context(connected(served))
            line.sendall(said)  # at once: a request that is waited for begins here
            return line

        silent, slow, second = began(b""), began(b"GET /api/jobs HT"), began(whole)
        assert answered(second)
        second.sendall(whole[:20])
        good = began(whole)
        assert answered(good)
        for line in (silent, slow, second):
            assert line.recv(10_000) == b""
        good.sendall(whole)  # longer after its first request than the others were waited for
        assert answered(good)


def test_a_body_that_never_ends_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_S", 0.3)
    with serving(folder) as served:
        host = served.address.removeprefix("http://").encode()
        for target, kind in [
            (b"/api/jobs", b"application/json"),
            (b"/api/uploads?name=b.png", b"multipart/form-data; boundary=x"),
        ]:
            with connected(served) as line:
                head = (
                    b"POST "
                    + target
                    + b" HTTP/1.1\r\nHost: "
                    + host
                    + b"\r\nX-Breastseg: 1\r\nContent-Type: "
                    + kind
                )
                line.sendall(head + b"\r\nContent-Length: 100\r\n\r\n--x")
                answer = line.recv(10_000)
                assert answer.startswith(b"HTTP/1.1 408"), answer
        assert sorted(path.name for path in folder.iterdir()) == ["a.png", "breastseg"]


@pytest.mark.parametrize("origin", ["http://[", "null", "://", "http://127.0.0.1", "file://", ""])
def test_an_origin_that_is_not_ours(folder: Path, origin: str) -> None:
    with serving(folder) as served, asking(served) as client:
        answer = client.delete("/api/jobs/1", headers={"Origin": origin})
        assert (answer.status_code, answer.json()) == (
            403,
            {"error": "this request came from another page"},
        )
        assert client.delete("/api/jobs/1", headers={"Origin": served.address}).status_code == 404


def test_nobody_else_keeps_what_is_shown(folder: Path) -> None:
    with serving(folder) as served, asking(served) as client:
        place = address(client)
        for path in ("/api/gallery", place, "/api/jobs", "/nothing", f"{place}/annotation"):
            assert client.get(path).headers["cache-control"] == "no-store"
        for path in ("/", f"{place}/tiles/0/0_0.jpg", f"{place}/thumbnail.jpg?v=x"):
            assert client.get(path).headers["cache-control"].startswith("private")


def test_a_folder_that_goes_while_it_is_served(folder: Path) -> None:
    with serving(folder, out=folder.parent / "maps") as served, asking(served) as client:
        place = address(client)
        shutil.rmtree(folder)
        assert client.get("/api/gallery").json()["entries"] == []
        assert client.get(place).status_code == 404
        answer = client.post(
            "/api/uploads",
            params={"name": "b.png"},
            files={"file": ("b.png", CROPS[0].read_bytes())},
        )
        assert (answer.status_code, answer.json()["error"]) == (
            403,
            "b.png: No such file or directory; nothing half-written was kept",
        )
        folder.mkdir()
        shutil.copy(DATA / "slides" / "cmu1.svs", folder)
        assert [one["name"] for one in client.get("/api/gallery").json()["entries"]] == ["cmu1.svs"]


def test_a_folder_of_everything_a_disk_can_hold_shows_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that leads to itself ended every look at the folder."""
    from breastseg.serve.library import walk as looked

    raw = os.fsencode(folder)
    for name in (
        b"latin-\xe9.png",
        b"line\nbreak.png",
        b"turn\xe2\x80\xaegnp.png",
        b"\xe2\x80\x8cjoined.png",
    ):
        shutil.copy(CROPS[0], raw + b"/" + name)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "there.tif").symlink_to("back.tif")
    (folder / "back.tif").symlink_to("there.tif")
    (folder / "null.png").symlink_to("/dev/null")
    os.mkfifo(folder / "pipe.png")
    places = {name: folder / name for name in ("locked", "run", "labels", "zarr", "listed")}
    for place in places.values():
        place.mkdir()
        shutil.copy(CROPS[1], place / "b.png")
    os.mkfifo(places["run"] / "run.json")
    os.mkfifo(places["labels"] / "labels.json")
    os.mkfifo(places["labels"] / "b_mask.png")
    os.mkfifo(places["zarr"] / "zarr.json")
    scan, is_slide = os.scandir, looked.is_slide_folder

    def refused(place: Any) -> Any:
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    def unlooked(place: Path) -> bool:
        if place.name == "listed":
            raise PermissionError(13, "Permission denied", str(place))
        return is_slide(place)

    monkeypatch.setattr(os, "scandir", refused)
    monkeypatch.setattr(looked, "is_slide_folder", unlooked)
    with serving(folder) as served, asking(served) as client:
        told = client.get("/api/gallery").json()
        names = [
            "a.png",
            "labels/b.png",
            "latin-\ufffd.png",
            "line\ufffdbreak.png",
            "listed/b.png",
            "turn\ufffdgnp.png",
            "zarr/b.png",
        ]
        assert [one["name"] for one in told["entries"]] == [*names, "\u200cjoined.png"]
        out = [
            "1 folder that cannot be read",
            "4 links that lead out of this folder or nowhere",
            "2 pipes or devices",
        ]
        assert told["left_out"] == out
        for entry in told["entries"]:
            for path in ("", "/thumbnail.jpg", "/tiles/0/0_0.jpg", "/annotation"):
                assert client.get(f"/api/entries/{entry['id']}{path}").status_code == 200, entry


def test_more_than_is_shown_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breastseg.serve.library.walk.MOST_ENTRIES", 2)
    monkeypatch.setattr("breastseg.serve.library.folder.MOST_ENTRIES", 2)
    for name in "bcd":
        shutil.copy(CROPS[0], folder / f"{name}.png")
    with serving(folder) as served, asking(served) as client:
        told = client.get("/api/gallery").json()
        assert ([one["name"] for one in told["entries"]], told["left_out"]) == (
            ["a.png", "b.png"],
            ["all beyond the first 2"],
        )


def test_a_map_whose_folder_is_no_text_can_be_downloaded(folder: Path) -> None:
    place = add_map(folder / "maps" / "a", folder / "a.png", PLAIN)
    place.rename(place.with_name(os.fsdecode(b"a-\xe9")))
    with serving(folder) as served, asking(served) as client:
        [layer] = client.get(address(client)).json()["layers"]
        for name in ("labels.ome.tif", "measures.csv"):
            answer = client.get(f"/api/layers/{layer['id']}/files/{name}")
            assert answer.status_code == 200
            assert f"filename*=UTF-8''a-%E9-{name}" in answer.headers["content-disposition"]


def test_a_job_is_given_up_twice_and_asked_for_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from breastseg.serve.jobs import child

    monkeypatch.setattr(child, "WORKER", (child.WORKER[0], "-c", "import time; time.sleep(1000)"))
    with serving(folder) as served, asking(served) as client, asking(served) as other:
        wanted = {"entry": address(client).rpartition("/")[2], "model": "lite0", "mpp": 0.5}
        numbers = {one.post("/api/jobs", json=wanted).json()["id"] for one in (client, other)}
        assert len(numbers) == 1
        for one in (client, other):
            answer = one.delete(f"/api/jobs/{min(numbers)}")
            assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        end = time.monotonic() + 300
        while client.get(address(client)).json()["state"] != "plain":
            assert time.monotonic() < end
