"""What the server may fill: room is taken before anything is decoded or parsed, and given back
whatever happens."""

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")


from breastseg.histology.stain_check import doubts  # noqa: E402
from breastseg.images import open_slide  # noqa: E402
from breastseg.images.readers.flat import FlatSlide  # noqa: E402
from breastseg.serve.config import Limits  # noqa: E402
from breastseg.serve.parsing import areas_bytes, json_bytes  # noqa: E402
from breastseg.serve.refusals import Busy, Refused, Unreadable  # noqa: E402
from breastseg.serve.room import Room  # noqa: E402
from breastseg.serve.tiles import decoded, layers, tiles  # noqa: E402
from breastseg.serve.tiles.decoded import Decoder  # noqa: E402
from breastseg.serve.tiles.decoding import Task  # noqa: E402
from breastseg.serve.tiles.halvings import halve  # noqa: E402
from breastseg.serve.tiles.pieces import jpeg, thumbnail_size  # noqa: E402
from breastseg.serve.tiles.shelf import Shelf  # noqa: E402
from conftest import CROPS, DATA  # noqa: E402
from serve_app import Served, add_map, serving  # noqa: E402
from slide_files import levels_of, write_tiled  # noqa: E402

DIES = (
    sys.executable,
    "-c",
    "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.{})",
)
HANGS = (sys.executable, "-c", "import sys; sys.stdin.readline(); sys.stdin.read()")


def asking(served: Served) -> Any:
    return httpx.Client(base_url=served.address, headers={"X-Breastseg": "1"}, timeout=300)


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def waiting(room: Room, size: int, done: list[int]) -> threading.Thread:
    """Begin to take room in a thread, and return when it waits."""

    def take() -> None:
        with room.taken(size):
            done.append(size)

    turn, thread = len(room._queue), threading.Thread(target=take)
    thread.start()
    until(lambda: len(room._queue) > turn or done)
    return thread


def test_who_came_first_gets_room_first() -> None:
    """A large image must not wait for ever because small ones always fit."""
    room, done = Room(100), []
    with room.taken(60):
        threads = [waiting(room, 80, done), waiting(room, 10, done)]
        assert done == []
    for thread in threads:
        thread.join()
    assert (done, room.used) == ([80, 10], 0)


def test_room_is_given_back_on_every_path() -> None:
    room = Room(100)

    def fail() -> None:
        with room.taken(70):
            raise ValueError(f"broken with {room.used}")

    with pytest.raises(ValueError, match="broken with 70"):
        fail()
    assert room.used == 0
    with room.taken(1000):  # more than there is: alone
        assert room.used == 100
    assert room.used == 0


def test_who_waits_for_long_is_told_when_to_come_again() -> None:
    room = Room(100, wait_s=0.05)
    with (
        room.taken(60),
        pytest.raises(Refused, match="try again in a moment") as told,
        room.taken(60),
    ):
        pass
    assert isinstance(told.value, Busy)
    assert (told.value.again_s, room.used) == (5, 0)
    with room.taken(100):
        pass


def test_who_waits_is_sent_away_when_the_server_ends() -> None:
    room, told = Room(100), []

    def take() -> None:
        with pytest.raises(Refused, match="the server ends"), room.taken(60):
            pass
        told.append(True)

    with room.taken(60):
        thread = threading.Thread(target=take)
        thread.start()
        until(lambda: len(room._queue))
        room.close()
        thread.join()
    assert told == [True]


class Thing:
    """What a shelf holds, in a test."""

    def __init__(self, size: int) -> None:
        self.held_bytes, self.closed = size, False

    def close(self) -> None:
        self.closed = True


def test_what_nobody_reads_makes_room_on_every_shelf_and_what_is_read_is_waited_for() -> None:
    room = Room(100, wait_s=0.05)
    slides, maps = Shelf[Thing](9, room), Shelf[Thing](9, room)
    old, read, new = Thing(40), Thing(40), Thing(60)
    with slides.borrowed("old", lambda: old):
        pass
    with maps.borrowed("read", lambda: read):
        with slides.borrowed("new", lambda: new):
            assert (old.closed, read.closed, room.used) == (True, False, 100)
            with (
                pytest.raises(Refused, match="try again"),
                maps.borrowed("third", lambda: Thing(30)),
            ):
                pass
        with maps.borrowed("third", lambda: Thing(30)):
            assert (new.closed, room.used) == (True, 70)
    slides.close()
    maps.close()
    assert room.used == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an image of 256 px, its mask, its map and a slide."""
    place = tmp_path / "slides"
    for kind in ("images", "masks"):
        (place / kind).mkdir(parents=True)
        shutil.copy(DATA / "bcss" / kind / CROPS[0].name, place / kind / "a.png")
    codes = np.asarray(Image.open(place / "masks" / "a.png")) % 6
    Image.fromarray(codes).save(place / "masks" / "a.png")
    map_ = add_map(
        place / "maps" / "a",
        place / "images" / "a.png",
        np.kron(codes[:128, :128], np.ones((2, 2), np.uint8)),
    )
    Image.fromarray(np.ascontiguousarray(codes)).save(map_ / "labels.png")
    (map_ / "labels.ome.tif").unlink()
    classes = [
        {"name": name, "color": [9, 9, code], "codes": [code]}
        for code, name in enumerate("abcde", start=1)
    ]
    (place / "labels.json").write_text(
        json.dumps({"name": "own", "classes": classes, "not_annotated": [0]})
    )
    return place


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every flat image and held label image be one that a process of its own decodes; here
    nobody may."""
    monkeypatch.setattr(tiles, "LARGE_PX", 1)
    monkeypatch.setattr(layers, "LARGE_PX", 1)


def answers_of(folder: Path) -> dict[str, Any]:
    """Ask for everything that a page shows of the folder's image; return it by its address up to
    the opaque names."""
    found: dict[str, Any] = {}
    with serving(folder) as served, asking(served) as client:
        [entry] = client.get("/api/gallery").json()["entries"]
        slide = client.get(f"/api/entries/{entry['id']}").json()
        found["slide"] = {key: slide[key] for key in ("size_px", "levels", "doubts")}
        found["layers"] = [(layer["kind"], layer["size_px"]) for layer in slide["layers"]]
        paths = {
            "thumbnail": f"/api/entries/{entry['id']}/thumbnail.jpg",
            "tile": f"/api/entries/{entry['id']}/tiles/0/0_0.jpg",
        }
        paths |= {
            layer["kind"]: f"/api/layers/{layer['id']}/tiles/0/0_0.png" for layer in slide["layers"]
        }
        paths["none"] = f"/api/entries/{entry['id']}/tiles/1/0_0.jpg"
        for name, path in paths.items():
            answer = client.get(path)
            found[name] = answer.status_code, answer.content
    return found


def test_what_a_process_of_its_own_decodes_is_what_is_decoded_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = answers_of(folder)
    assert [here[name][0] for name in ("tile", "map", "truth", "thumbnail", "none")] == [
        200,
        200,
        200,
        200,
        404,
    ]
    monkeypatch.setattr(tiles, "LARGE_PX", 1)
    monkeypatch.setattr(layers, "LARGE_PX", 1)
    assert answers_of(folder) == here


@pytest.mark.usefixtures("all_large")
def test_the_server_decodes_no_large_picture_whatever_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four PNGs of 177 Mpx at once took 4.9 GB in the server."""

    def decoded_here(*given: Any) -> Any:
        raise AssertionError("decoded in the server")

    monkeypatch.setattr(FlatSlide, "bands", decoded_here)
    monkeypatch.setattr(layers, "held_labels", decoded_here)
    answers = answers_of(folder)
    assert [answers[name][0] for name in ("tile", "map", "truth", "thumbnail")] == [
        200,
        200,
        200,
        200,
    ]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("size", [(900, 700), (2301, 513), (257, 1)])
def test_every_level_and_tile_lies_where_it_belongs(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    path = tmp_path / f"a.{suffix}"
    pixels = np.tile(np.asarray(Image.open(CROPS[0]).convert("RGB")), (3, 9, 1))[
        : size[1], : size[0]
    ]
    Image.fromarray(pixels).save(path)
    with closing(open_slide(path, mpp=1.0)) as slide:
        levels = [slide.read(mpp=1.0)]
    while max(levels[0].shape) > 256:
        levels.insert(0, halve(levels[0]))
    with (
        closing(Decoder()) as decoder,
        decoder.borrowed(("a",), Task("picture", str(path))) as found,
    ):
        assert found.size_px == size
        for level, whole in enumerate(levels):
            rows, columns = (range(-(-side // 256)) for side in whole.shape[:2])
            for row, column in product(rows, columns):
                tile = whole[256 * row : 256 * row + 256, 256 * column : 256 * column + 256]
                assert found.piece(level, column, row) == jpeg(tile)
        assert found.doubts == doubts(
            next(one for one in reversed(levels) if max(one.shape) <= 2048)
        )
        thumbnail = Image.open(io.BytesIO(found.thumbnail()))
        assert thumbnail.size == thumbnail_size(size)
        with pytest.raises(Refused, match=f"no tile 40, 0 at level {len(levels) - 1}"):
            found.piece(len(levels) - 1, 40, 0)


def test_a_picture_that_turns_out_damaged_behind_its_first_rows_has_no_tiles(
    tmp_path: Path,
) -> None:
    pixels = np.tile(np.asarray(Image.open(CROPS[0]).convert("RGB")), (4, 4, 1))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) - 300])
    with (
        closing(Decoder()) as decoder,
        pytest.raises(
            Refused, match=r"a\.png: cut short or damaged .*; copy or export it again"
        ) as told,
    ):
        decoder.decoded(Task("picture", str(tmp_path / "a.png")))
    assert isinstance(told.value, Unreadable)


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "SIGKILL",
            (
                "a.png: decoding was stopped from outside (SIGKILL), as happens when memory runs"
                " out; close other programs"
            ),
        ),
        (
            "SIGSEGV",
            "a.png: decoding it failed (SIGSEGV); export it again, or cut it into smaller fields",
        ),
    ],
)
def test_a_decoder_that_dies_costs_one_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, line: str
) -> None:
    with serving(folder) as served, asking(served) as client:
        [entry] = client.get("/api/gallery").json()["entries"]
        with monkeypatch.context() as dying:
            dying.setattr(decoded, "DECODING", (*DIES[:2], DIES[2].format(name)))
            answer = client.get(f"/api/entries/{entry['id']}")
            assert (answer.status_code, answer.json()["error"][: len(line)]) == (422, line)
            assert client.get("/api/gallery").json()["entries"][0]["state"] == "broken"
        assert client.get(f"/api/entries/{entry['id']}").status_code == 200
        assert client.get("/api/gallery").json()["entries"][0]["state"] == "plain" or entry["maps"]


@pytest.mark.usefixtures("all_large")
def test_a_picture_that_is_decoded_holds_up_nobody_else_and_not_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiled(
        folder / "images" / "slide.tif",
        levels_of(np.full((700, 700, 3), 200, np.uint8), 2),
        tile=(256, 256),
    )
    (folder / "masks").rename(folder / "other")
    monkeypatch.setattr(decoded, "DECODING", HANGS)
    asked: list[int] = []
    with ExitStack() as held:
        with serving(folder) as served:
            client = held.enter_context(asking(served))
            found = {one["name"]: one["id"] for one in client.get("/api/gallery").json()["entries"]}

            def ask() -> None:
                asked.append(
                    client.get(f"/api/entries/{found['images/a.png']}/tiles/0/0_0.jpg").status_code
                )

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            until(lambda: served.state.decoder._process)
            for _ in range(3):
                assert (
                    client.get(
                        f"/api/entries/{found['images/slide.tif']}/tiles/0/0_0.jpg"
                    ).status_code
                    == 200
                )
            process = served.state.decoder._process
            served.state.decoder.close()
        for thread in threads:
            thread.join()
    assert (set(asked), process.poll()) == ({503}, -signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_decodes_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from breastseg.serve.tiles import decoded\n"
        "from breastseg.serve.tiles.decoding import Task\n"
        f"decoded.DECODING = ({sys.executable!r}, '-c', 'import time; '\n"
        "  'from breastseg.serve.tiles import decoding; '\n"
        "  'decoding._KINDS = {\"picture\": lambda task, out: time.sleep(1000)}; '\n"
        "  'decoding.main()')\n"
        "decoded.Decoder().decoded(Task('picture', 'a.png'))"
    )
    place = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], env=place) as server:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        until(lambda: children.read_text().split())
        child = int(children.read_text().split()[0])
        time.sleep(0.5)
        server.kill()
    until(
        lambda: (
            not Path(f"/proc/{child}").exists()
            or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
        )
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 9_999 + b"[]]",
        b"[" + b"{}," * 9_999 + b"{}]",
        b"[" + b'{"a":1},' * 9_999 + b"{}]",
        b"[" + b"[1]," * 9_999 + b"1]",
        json.dumps([[k / 3, k / 7] for k in range(9_999)]).encode(),
        json.dumps({f"k{k}": k for k in range(9_999)}).encode(),
        b"[" + b"1.5," * 20_000 + b"1]",
        json.dumps("a" * 99_999).encode(),
        ('"' + "\U0001f600" * 20_000 + '"').encode(),
        b'"' + b"a" * 99_999 + b'\\ud83d\\ude00"',
        b"[" * 900 + b"]" * 900,
        b"[" + b'"a",' * 9_999 + b"1]",
    ],
    ids=[
        "lists",
        "objects",
        "members",
        "ones",
        "corners",
        "keys",
        "numbers",
        "letters",
        "wide",
        "escaped",
        "deep",
        "names",
    ],
)
def test_json_takes_no_more_memory_than_is_said_before(text: bytes) -> None:
    """A file of 1.4 MB took 1.4 GB."""
    tracemalloc.start()
    try:
        json.loads(text)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken <= json_bytes(text) < 100 * len(text) + 5000


def test_areas_are_refused_by_what_they_take_in_memory(folder: Path) -> None:
    shutil.rmtree(folder / "masks")
    many = '{"type": "FeatureCollection", "features": [' + ",".join(["{}"] * 100_000) + "]}"
    with serving(folder, limits=Limits(held_bytes=64 * 2**20)) as served, asking(served) as client:
        [entry] = client.get("/api/gallery").json()["entries"]
        place = f"/api/entries/{entry['id']}/annotation"
        path = folder / "images" / "a.geojson.gz"
        path.write_bytes(gzip.compress(many.encode()))
        answer = client.get(place)
        assert answer.status_code == 413
        assert (
            "a.geojson.gz: reading these areas takes 29 MB of memory, up to 17 are there for it;"
            " open them in QuPath" in answer.text
        )
        path.unlink()
        answer = client.put(
            place, content=f'{{"version": "", "features": [{",".join(["{}"] * 100_000)}]}}'
        )
        assert answer.status_code == 413
        (folder / "images" / "labels.json").write_bytes(b" " * 300_000)
        assert (
            client.get(place).json()["error"]
            == "labels.json: more than 0.3 MB, a label map has less; move it away"
        )
        assert served.state.passing.used == 0


def test_a_file_of_areas_is_not_unpacked_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b"[" * 2**25))
    tracemalloc.start()
    try:
        assert areas_bytes(path) == 0  # more than is read: refused by its length
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
    path.write_bytes(path.read_bytes()[:1000])
    assert areas_bytes(path) == 0


def test_more_bodies_at_once_than_there_is_room_for_are_told_to_come_again(folder: Path) -> None:
    with serving(folder, limits=Limits(held_bytes=16 * 2**20)) as served, asking(served) as client:
        [entry] = client.get("/api/gallery").json()["entries"]
        answer = client.put(f"/api/entries/{entry['id']}/annotation", content=b" " * 2**21 + b"{")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (
            client.put(
                f"/api/entries/{entry['id']}/annotation", content=b" " * 2**19 + b"{"
            ).status_code
            == 400
        )
        assert client.post("/api/jobs", content=b" " * 2**17).status_code == 413


def test_runs_are_held_only_as_far_as_there_is_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from breastseg.serve.library import results

    for number in range(3):
        add_map(
            folder / "maps" / f"b{number}",
            folder / "images" / "a.png",
            np.ones((256, 256), np.uint8),
        )
    (folder / "maps" / "b0" / "run.json").write_text('{"input": [' + "[]," * 300_000 + "1]}")
    with serving(folder) as served, asking(served) as client:
        told = client.get("/api/gallery").json()
        assert told["left_out"] == ["1 map with more in its run.json than there is room for"]
        assert told["entries"][0]["maps"] == 3
        size = json_bytes((folder / "maps" / "b1" / "run.json").read_bytes())
        monkeypatch.setattr(results, "_RUNS_HELD_BYTES", 2 * size + 100)
        told = client.get("/api/gallery").json()
        assert told["left_out"] == ["2 maps with more in their run.json than there is room for"]
        assert told["entries"][0]["maps"] == 2


@pytest.fixture
def pyramid(tmp_path: Path) -> Iterator[Any]:
    path = write_tiled(
        tmp_path / "a.tif", levels_of(np.full((320, 6000, 3), 200, np.uint8), 3), tile=(512, 512)
    )
    with closing(open_slide(path, mpp=0.5)) as slide:
        yield slide


def test_reading_a_slide_takes_its_level_a_piece_and_what_comes_out(pyramid: Any) -> None:
    """A block is no larger than 4096 px a side: by hand, at level 0, 1 and 2, then two blocks
    beside each other."""
    piece = 512 * 512
    assert pyramid.reading_px((0, 0, 256, 256), (256, 256)) == 2 * 256**2 + piece + 256**2
    assert pyramid.reading_px((0, 0, 512, 320), (256, 160)) == 2 * 256 * 160 + piece + 256 * 160
    assert pyramid.reading_px((0, 0, 6000, 320), (750, 40)) == 2 * 1500 * 80 + piece + 750 * 40
    assert pyramid.reading_px((0, 0, 6000, 320), (6000, 320)) == 2 * 4096 * 320 + piece + 6000 * 320
