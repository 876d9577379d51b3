"""Downloading against a small server on localhost: connections that break, files that change, names
that lie, disks that are full."""

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.errors import InputError, OutputError
from breastseg.reporter import Reporter
from breastseg.sources.bcss.download import download
from breastseg.sources.bcss.mirrors import PLACES, girder_files, hub_files
from breastseg.sources.bcss.release import TABLES, release_regions
from breastseg.transfer import connection
from breastseg.transfer.client import fetch
from breastseg.transfer.connection import opener_for
from breastseg.transfer.places import Place
from breastseg.transfer.remote import Remote
from conftest import quiet
from mirror_server import (
    COMMIT,
    Mirror,
    answer,
    cut_after,
    exchange,
    hub_command,
    rest_from,
    running_mirror,
    stall_after,
)

DATA = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
REPO = "someone/bcss"
FILES = {"images/a.png": b"", "masks/a.png": b"", "README.md": b"---\nlicense: cc0-1.0\n---\n"}


def png(seed: int, side: int = 40) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 22, (side, side), dtype=np.uint8)).save(
        file, "PNG"
    )
    return file.getvalue()


FILES |= {"images/a.png": png(1, 300), "masks/a.png": png(2)}


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(connection, "WAIT_S", 0.001)
    with running_mirror() as running:
        running.files["/file"] = DATA
        yield running


class Progress(list[int]):
    def __call__(self, count: int) -> None:
        self.append(count)


class Fetched(NamedTuple):
    data: bytes
    progress: Progress


def remote(mirror: Mirror, **changes: object) -> Remote:
    remote = Remote("file", f"{mirror.address}/file", 1_000_000, len(DATA))
    return replace(remote, **changes)  # type: ignore[arg-type]


def fetched(mirror: Mirror, folder: Path, **changes: object) -> Fetched:
    progress = Progress()
    fetch(
        remote(mirror, **changes),
        folder / "file",
        opener_for(("127.0.0.1",)),
        on_progress=progress,
    )
    assert left(folder) == ["file"]
    return Fetched((folder / "file").read_bytes(), progress)


def left(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_comes_whole_and_is_renamed(mirror: Mirror, tmp_path: Path) -> None:
    got = fetched(mirror, tmp_path, sha256=sha256(DATA))
    assert got.data == DATA
    assert sum(got.progress) == len(DATA)
    assert mirror.headers[0]["User-Agent"].startswith("breastseg/")
    assert not {"Cookie", "Authorization"} & set(mirror.headers[0])


def test_a_broken_connection_is_gone_on_with(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["/file"] = [cut_after(100_000), cut_after(170_000)]
    got = fetched(mirror, tmp_path)
    assert got.data == DATA
    assert [span for _, span in mirror.asked] == ["", "bytes=100000-", "bytes=170000-"]
    assert mirror.headers[1]["If-Range"] == f'"{hashlib.sha1(DATA).hexdigest()}"'
    assert mirror.sent == sum(got.progress) == len(DATA)  # nothing travels twice


def test_a_server_without_range_sends_it_all_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.ranges = False
    mirror.faults["/file"] = [cut_after(100_000)]
    got = fetched(mirror, tmp_path)
    assert got.data == DATA
    assert sum(got.progress) == len(DATA)
    assert mirror.sent == len(DATA) + 100_000


def test_without_tag_and_checksum_nothing_is_gone_on_with(mirror: Mirror, tmp_path: Path) -> None:
    mirror.tagged = False
    mirror.faults["/file"] = [cut_after(100_000)]
    got = fetched(mirror, tmp_path)
    assert got.data == DATA
    assert sum(got.progress) == len(DATA)
    assert [span for _, span in mirror.asked] == ["", ""]


def test_a_checksum_is_enough_to_go_on(mirror: Mirror, tmp_path: Path) -> None:
    mirror.tagged = False
    mirror.faults["/file"] = [cut_after(100_000)]
    assert fetched(mirror, tmp_path, sha256=sha256(DATA)).data == DATA
    assert [span for _, span in mirror.asked] == ["", "bytes=100000-"]


def test_a_listed_size_tells_a_cut_answer_that_gives_no_length(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.lengths = False
    mirror.faults["/file"] = [cut_after(100_000)]
    assert fetched(mirror, tmp_path).data == DATA
    assert [span for _, span in mirror.asked] == ["", "bytes=100000-"]


@pytest.mark.parametrize("other", [OTHER, OTHER[:250_000]])
def test_a_file_that_changed_between_attempts_is_never_half_of_each(
    mirror: Mirror, tmp_path: Path, other: bytes
) -> None:
    mirror.faults["/file"] = [cut_after(100_000), exchange(other)]
    got = fetched(mirror, tmp_path, size=None)
    assert got.data == other
    assert sum(got.progress) == len(other)


def test_a_change_that_the_server_does_not_tell_is_found_by_the_checksum(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.tagged = False  # Range is obeyed whatever was before
    mirror.files["/file"] = OTHER
    mirror.faults["/file"] = [cut_after(100_000), exchange(DATA)]
    assert fetched(mirror, tmp_path, sha256=sha256(DATA)).data == DATA
    assert [span for _, span in mirror.asked] == ["", "bytes=100000-", ""]


@pytest.mark.parametrize(("start", "total"), [(100_000, 250_000), (90_000, 300_000)])
def test_a_rest_that_does_not_fit_starts_again(
    mirror: Mirror, tmp_path: Path, start: int, total: int
) -> None:
    other = [exchange(OTHER[:total]), rest_from(start, total)]
    mirror.faults["/file"] = [
        cut_after(100_000),
        lambda handler: any(act(handler) for act in other),
        exchange(DATA),
    ]
    got = fetched(mirror, tmp_path, size=None)
    assert got.data == DATA
    assert sum(got.progress) == len(DATA)
    assert [span for _, span in mirror.asked] == ["", "bytes=100000-", ""]


def test_a_weak_tag_promises_too_little_to_go_on(mirror: Mirror, tmp_path: Path) -> None:
    mirror.weak = True
    mirror.faults["/file"] = [cut_after(100_000)]
    assert fetched(mirror, tmp_path).data == DATA
    assert [span for _, span in mirror.asked] == ["", ""]


def test_a_part_longer_than_the_file_starts_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["/file"] = [cut_after(100_000), answer(404)]
    with pytest.raises(InputError):
        fetched(mirror, tmp_path, size=None)
    mirror.files["/file"] = DATA[:90_000]
    mirror.faults["/file"] = [answer(416)]
    assert fetched(mirror, tmp_path, size=None).data == DATA[:90_000]


def test_a_wrong_checksum_leaves_nothing(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"wrong checksum: SHA-256 [0-9a-f]{16}.*, wanted 0{16}",
    ):
        fetched(mirror, tmp_path, sha256="0" * 64)
    assert left(tmp_path) == []


def test_a_file_of_another_size_than_listed_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="300000 bytes there, wanted 299999; try another mirror"):
        fetched(mirror, tmp_path, size=299_999)
    mirror.lengths = False
    with pytest.raises(InputError, match="more than 200000 bytes; nothing of it was kept"):
        fetched(mirror, tmp_path, size=None, limit=200_000)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "not there any more"),
        (403, "403, it wants a login or refuses"),
        (401, "wants a login"),
        (418, "418"),
    ],
)
def test_a_refusal_is_told_at_once(mirror: Mirror, tmp_path: Path, status: int, words: str) -> None:
    mirror.faults["/file"] = [answer(status)]
    with pytest.raises(InputError, match=words) as told:
        fetched(mirror, tmp_path)
    assert "\n" not in str(told.value)
    assert len(mirror.asked) == 1
    assert left(tmp_path) == []


def test_a_server_in_trouble_is_asked_again_but_not_for_ever(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.faults["/file"] = [answer(500), answer(503, Retry_After="0"), answer(429)]
    assert fetched(mirror, tmp_path).data == DATA
    (tmp_path / "file").unlink()
    mirror.asked.clear()
    mirror.faults["/file"] = [answer(500)] * 20
    with pytest.raises(
        InputError,
        match=r"answered 500, 6 times; .*the same command goes on",
    ):
        fetched(mirror, tmp_path)
    assert len(mirror.asked) == connection.TRIES
    assert left(tmp_path) == []


def test_waits_grow_and_heed_the_server(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(connection, "WAIT_S", 2.0)
    monkeypatch.setattr(connection.time, "sleep", waits.append)
    mirror.faults["/file"] = [
        answer(500),
        answer(500),
        answer(503, Retry_After="17"),
        answer(503, Retry_After="9999"),
        answer(500),
    ]
    fetched(mirror, tmp_path)
    assert waits == [2, 4, 17, 60, 32]


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.001)
    gone = Remote("file", "http://127.0.0.1:9/file", 10)
    with pytest.raises(
        InputError,
        match=r"127\.0\.0\.1:9/file: .*\(Connection refused\), 6 times",
    ):
        fetch(gone, tmp_path / "file", opener_for(("127.0.0.1",)), on_progress=Progress())


def test_a_redirect_is_followed_to_known_hosts_only(mirror: Mirror, tmp_path: Path) -> None:
    elsewhere = f"{mirror.address.replace('127.0.0.1', 'localhost')}/elsewhere"
    mirror.files["/elsewhere"] = DATA
    mirror.faults["/file"] = [answer(302, Location=elsewhere)]
    with pytest.raises(
        InputError,
        match="/file: leads to localhost, which is no known host",
    ):
        fetched(mirror, tmp_path)
    assert mirror.paths() == ["/file"]
    mirror.faults["/file"] = [answer(302, Location=f"{mirror.address}/elsewhere")]
    assert fetched(mirror, tmp_path).data == DATA
    assert mirror.paths()[1:] == ["/file", "/elsewhere"]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("cdn-lfs.hf.co", True),
        ("hf.co", False),
        ("nothf.co", False),
        ("hf.co.example.org", False),
        ("huggingface.co", True),
    ],
)
def test_which_hosts_are_known(host: str, known: bool) -> None:
    redirects = connection._Redirects(("huggingface.co", ".hf.co"))
    ask = partial(
        redirects.redirect_request,
        connection.Request("https://huggingface.co/a"),
        io.BytesIO(),
        302,
        "",
        {},
        f"https://{host}/b",
    )
    if known:
        assert ask() is not None
    else:
        with pytest.raises(InputError, match="no known host"):
            ask()


def test_a_redirect_from_https_to_http_is_refused() -> None:
    redirects = connection._Redirects(("huggingface.co",))
    with pytest.raises(InputError, match="from https to http"):
        redirects.redirect_request(
            connection.Request("https://huggingface.co/a"),
            io.BytesIO(),
            302,
            "",
            {},
            "http://huggingface.co/a",
        )


def hub(mirror: Mirror) -> Place:
    return replace(
        PLACES["hub"],
        hosts=("127.0.0.1",),
        list_files=partial(hub_files, address=mirror.address, repo=REPO),
    )


def test_a_hub_is_fetched_whole_once_and_the_licence_comes_first(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.serve_hub(REPO, FILES | {".gitattributes": b"x"})
    said: list[tuple[str, int]] = []
    download(
        hub(mirror),
        tmp_path / "BCSS",
        reporter=Reporter(lambda line: said.append((line, len(mirror.asked)))),
    )
    assert ("licence: annotations CC0-1.0 (Amgad et al. 2019), images TCGA open access", 0) in said
    for path, data in FILES.items():
        assert (tmp_path / "BCSS" / path).read_bytes() == data
    assert left(tmp_path / "BCSS") == sorted([*FILES, "breastseg-work.json"])
    lists = [
        f"/api/datasets/{REPO}/revision/main",
        f"/api/datasets/{REPO}/tree/{COMMIT}?recursive=true&expand=false",
    ]
    assert mirror.paths() == [
        *lists,
        *(f"/datasets/{REPO}/resolve/{COMMIT}/{path}" for path in FILES),
    ]
    mirror.asked.clear()
    download(hub(mirror), tmp_path / "BCSS", reporter=quiet)
    assert mirror.paths() == lists


def test_a_file_that_was_changed_here_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.serve_hub(REPO, FILES)
    download(hub(mirror), tmp_path, reporter=quiet)
    (tmp_path / "masks/a.png").write_bytes(FILES["masks/a.png"][:-1] + b"x")
    download(hub(mirror), tmp_path, reporter=quiet)
    assert (tmp_path / "masks/a.png").read_bytes() == FILES["masks/a.png"]


def test_a_listing_goes_over_pages(mirror: Mirror, tmp_path: Path) -> None:
    mirror.serve_hub(REPO, FILES)
    first = f"/api/datasets/{REPO}/tree/{COMMIT}?recursive=true&expand=false"
    entries = json.loads(mirror.files[first])
    mirror.files["/more"] = json.dumps(entries[2:]).encode()
    body = json.dumps(entries[:2]).encode()

    def first_page(handler: object) -> bool:
        handler.begin(
            200, {"Content-Length": str(len(body)), "Link": f'<{mirror.address}/more>; rel="next"'}
        )  # type: ignore[attr-defined]
        handler.wfile.write(body)  # type: ignore[attr-defined]
        return True

    mirror.faults[first] = [first_page]
    assert len(download(hub(mirror), tmp_path, reporter=quiet)) == len(FILES)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "images/../../outside.png",
        "/outside.png",
        "images//a.png",
        ".images/a.png",
        "breastseg-work.json",
        "C:\\a.png",
        "images\\..\\a.png",
        "images/a\n.png",
        "images/é.png",
        "-rf",
        "~/a.png",
        "",
    ],
)
def test_a_hostile_name_is_refused_before_any_file(
    mirror: Mirror, tmp_path: Path, name: str
) -> None:
    mirror.serve_hub(REPO, FILES, **{"masks/a.png": {"path": name}})
    with pytest.raises(InputError, match="which is no place in this folder") as told:
        download(hub(mirror), tmp_path / "BCSS", reporter=quiet)
    assert len(str(told.value).splitlines()) == 1
    assert left(tmp_path) == ["BCSS/breastseg-work.json"]


def test_a_link_out_of_the_folder_is_not_followed(mirror: Mirror, tmp_path: Path) -> None:
    mirror.serve_hub(REPO, FILES)
    (tmp_path / "outside").mkdir()
    mirror.faults[f"/api/datasets/{REPO}/revision/main"] = [answer(404)]
    with pytest.raises(InputError):
        download(hub(mirror), tmp_path / "BCSS", reporter=quiet)
    (tmp_path / "BCSS" / "images").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match=r"'images/a\.png', which is no place in this folder"):
        download(hub(mirror), tmp_path / "BCSS", reporter=quiet)
    assert left(tmp_path / "outside") == []


def test_two_names_that_differ_in_case_only_are_refused(mirror: Mirror, tmp_path: Path) -> None:
    mirror.serve_hub(REPO, FILES, **{"masks/a.png": {"path": "Images/A.png"}})
    with pytest.raises(InputError, match=r"lists 'Images/A\.png' twice"):
        download(hub(mirror), tmp_path, reporter=quiet)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"size": -1}, "wanted path, size and checksum"),
        ({"size": "many"}, "wanted path"),
        ({"size": 10**15}, "wanted path"),
        ({"lfs": {"oid": "../x"}}, "wanted path, size and checksum"),
    ],
)
def test_a_listing_that_is_none(
    mirror: Mirror, tmp_path: Path, entry: dict[str, object], words: str
) -> None:
    mirror.serve_hub(REPO, FILES, **{"masks/a.png": entry})
    with pytest.raises(InputError, match=words):
        download(hub(mirror), tmp_path, reporter=quiet)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "is not JSON"),
        (b"[]", "names no commit"),
        (b'{"sha": "main/../x"}', "names no commit"),
        (b"[" * 99_999, "JSON"),
    ],
)
def test_an_answer_that_is_no_list_of_files(
    mirror: Mirror, tmp_path: Path, body: bytes, words: str
) -> None:
    mirror.files[f"/api/datasets/{REPO}/revision/main"] = body
    with pytest.raises(InputError, match=words):
        download(hub(mirror), tmp_path, reporter=quiet)


def test_no_room_is_told_before_the_first_file(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.serve_hub(REPO, FILES)
    full = shutil._ntuple_diskusage(100, 99, 1)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(InputError, match=r"0\.0 GB to fetch, 0\.0 GB free; make room"):
        download(hub(mirror), tmp_path, reporter=quiet)
    assert not any("resolve" in path for path in mirror.paths())


def test_one_mirror_a_folder(mirror: Mirror, tmp_path: Path) -> None:
    mirror.serve_hub(REPO, FILES)
    download(hub(mirror), tmp_path, reporter=quiet)
    with pytest.raises(OutputError, match="mirror: 'hub' there, 'girder' now"):
        download(replace(hub(mirror), name="girder"), tmp_path, reporter=quiet)


def test_a_killed_run_goes_on(mirror: Mirror, tmp_path: Path) -> None:
    big = png(3, 900)
    mirror.serve_hub(REPO, {"images/a.png": FILES["images/a.png"], "images/b.png": big})
    path = f"/datasets/{REPO}/resolve/{COMMIT}/images/b.png"
    mirror.faults[path] = [stall_after(400_000)]
    with subprocess.Popen(
        hub_command(mirror, REPO, tmp_path / "BCSS"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert mirror.stalled.wait(300)
        part = tmp_path / "BCSS" / "images" / ".part-b.png"
        for _ in range(30_000):
            if part.is_file() and part.stat().st_size:
                break
            mirror.released.wait(0.01)
        running.kill()
    assert not (tmp_path / "BCSS" / "images" / "b.png").exists()
    held = part.stat().st_size
    assert 0 < held <= 400_000
    mirror.asked.clear()
    done = subprocess.run(
        hub_command(mirror, REPO, tmp_path / "BCSS"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "2 files, 1 of them here already" in done.stdout
    assert mirror.asked[2:] == [(path, f"bytes={held}-")]
    assert (tmp_path / "BCSS" / "images" / "b.png").read_bytes() == big
    assert not part.exists()


@pytest.mark.parametrize(
    "name",
    [
        "images/.part-a.png.json",
        "images/.part-a.png",
        "images/.part-.part-a.png.json",
        "gone/.part-b.png",
        "meta/.part-roiBounds.csv",
    ],
)
@pytest.mark.parametrize("done", [False, True], ids=["some to fetch", "all here"])
def test_what_a_kill_left_is_gone_from_a_whole_copy(
    mirror: Mirror, tmp_path: Path, name: str, done: bool
) -> None:
    """Killed between the renaming of a file and the removal of its note, the note stayed in a copy
    that was called whole."""
    mirror.serve_hub(REPO, FILES)
    download(hub(mirror), tmp_path, reporter=quiet)
    whole = left(tmp_path)
    if not done:
        (tmp_path / "masks" / "a.png").unlink()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("left by a kill")
    download(hub(mirror), tmp_path, reporter=quiet)
    assert left(tmp_path) == whole


def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing_that_looks_complete(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.serve_hub(REPO, {"images/a.png": png(3, 900)})
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    full = subprocess.run(
        hub_command(mirror, REPO, tmp_path / "BCSS", limit),
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 2
    assert (
        "images/a.png: cannot be written (File too large); make room or choose another folder, the"
        " same command goes on" in full.stderr
    )
    assert "Traceback" not in full.stderr
    assert "BCSS/images/a.png" not in left(tmp_path)
    download(hub(mirror), tmp_path / "BCSS", reporter=quiet)
    assert (tmp_path / "BCSS/images/a.png").read_bytes() == png(3, 900)


def girder(mirror: Mirror) -> Place:
    """Return the annotators' server with two regions of the release: the second's slide is of
    unknown resolution."""
    regions = release_regions()[:2]
    for number, region in enumerate(regions):
        mirror.files[f"/api/item/{region.item}/tiles"] = json.dumps(
            {"mm_x": None if number else 0.0002521, "sizeX": 1}
        ).encode()
        mirror.files[f"/figshare/{region.mask_file}"] = png(number)
        (left, top), (width, height) = region.corner, region.size_px
        cut = f"left={left}&top={top}&right={left + width}&bottom={top + height}&encoding=PNG"
        mirror.files[f"/api/item/{region.item}/tiles/region?{cut}"] = png(10 + number)
    ask = partial(
        girder_files,
        address=f"{mirror.address}/api",
        masks=f"{mirror.address}/figshare",
        regions=lambda: regions,
    )
    return replace(PLACES["girder"], hosts=("127.0.0.1",), list_files=ask)


def test_the_annotators_server_cuts_regions_and_tells_their_resolution(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.lengths = mirror.tagged = False
    said: list[str] = []
    download(girder(mirror), tmp_path, reporter=Reporter(said.append))
    first, second = (region.place_name + "_MPP-0.2500.png" for region in release_regions()[:2])
    assert (tmp_path / "images" / first).read_bytes() == png(10)
    assert (tmp_path / "masks" / second).read_bytes() == png(1)
    assert (tmp_path / "mpp.csv").read_text() == f"image,mpp\n{first},0.2521\n"
    assert (tmp_path / "meta" / "roiBounds.csv").read_bytes() == (
        TABLES / "roiBounds.csv"
    ).read_bytes()
    assert f"of 1 the server does not know them: {release_regions()[1].slide}" in said
    mirror.asked.clear()
    download(girder(mirror), tmp_path, reporter=quiet)
    assert mirror.asked == []


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"<html>502</html>", "not a PNG"),
        (png(0)[:-5], "cut short"),
        (png(0)[:-20] + b"x" + png(0)[-19:], "damaged, a part of it does not fit"),
    ],
)
def test_a_picture_is_checked_by_its_own_checksums(
    mirror: Mirror, tmp_path: Path, sent: bytes, words: str
) -> None:
    place, mask = girder(mirror), f"/figshare/{release_regions()[0].mask_file}"
    mirror.lengths = mirror.tagged = False
    whole = mirror.files[mask]
    mirror.faults[mask] = [exchange(sent), exchange(sent)]
    with pytest.raises(
        InputError,
        match=f"{mask}: {words}.*; nothing of it was kept",
    ):
        download(place, tmp_path, reporter=quiet)
    assert not list(tmp_path.glob("masks/*"))
    mirror.faults[mask] = [
        exchange(sent),
        exchange(whole),
    ]  # a connection that ends without a word is noticed, and tried again
    download(place, tmp_path, reporter=quiet)
    assert len(list(tmp_path.glob("masks/*.png"))) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [("kaggle", "kaggle datasets download whats2000/"), ("drive", "it wants a browser")],
)
def test_where_a_login_or_a_browser_is_needed_nothing_is_contacted(
    name: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "socket.create_connection",
        lambda *arguments, **more: pytest.fail("something was contacted"),
    )
    assert main(["download", "bcss", "--mirror", name, "--out", str(tmp_path / "BCSS")]) == 2
    shown = capsys.readouterr()
    assert "licence: annotations CC0-1.0" in shown.out
    assert words in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (tmp_path / "BCSS").exists()


def test_without_a_mirror_they_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "socket.create_connection",
        lambda *arguments, **more: pytest.fail("something was contacted"),
    )
    assert main(["download", "bcss"]) == 0
    shown = capsys.readouterr().out
    for place in PLACES.values():
        assert f"{place.name:7} {place.page}" in shown
    assert shown.count("licence: ") == len(PLACES)
    assert shown.count("no login") == 2
