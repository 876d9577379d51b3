"""Jobs in real processes: in order, given up, killed with their server, on a full disk; what they
show meanwhile is what they find."""

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from breastseg.errors import OutputError  # noqa: E402
from breastseg.geometry import Box  # noqa: E402
from breastseg.inference.config import PredictConfig  # noqa: E402
from breastseg.inference.map import Block  # noqa: E402
from breastseg.inference.model import load_model  # noqa: E402
from breastseg.inference.predict import predict  # noqa: E402
from breastseg.json_files import read_json  # noqa: E402
from breastseg.serve.config import Limits  # noqa: E402
from breastseg.serve.jobs import child, job_store, jobs  # noqa: E402
from breastseg.serve.jobs.worker import PREVIEW_PX, Preview, Progress  # noqa: E402
from conftest import CROPS, crop, quiet  # noqa: E402
from serve_app import GATED, HELD, serving  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
SLOW_PX = 7200, 600
PATIENCE = 600.0
"""A job's process is the last that a busy machine lets work."""


def asking(address: str) -> Any:
    return httpx.Client(base_url=address, headers={"X-Breastseg": "1"}, timeout=PATIENCE)


def until(look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until `look` returns something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def ended(client: Any, number: int) -> Any:
    def look() -> Any:
        job = client.get(f"/api/jobs/{number}").json()
        return job if job["state"] in {"done", "failed", "cancelled"} else None

    return until(look)


def at_work(client: Any, number: int) -> Any:
    """Wait until a job has shown a block and has not ended."""

    def look() -> Any:
        job = client.get(f"/api/jobs/{number}").json()
        assert job["state"] in {"queued", "running"}, job
        return job if job["blocks"] else None

    return until(look)


def entry(client: Any, name: str) -> str:
    return next(
        one["id"] for one in client.get("/api/gallery").json()["entries"] if one["name"] == name
    )


def ask(client: Any, name: str, **more: Any) -> Any:
    answer = client.post(
        "/api/jobs", json={"entry": entry(client, name), "model": "lite0", "mpp": 0.5, **more}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose images are quickly mapped, but for `slow.jpg`."""
    place = tmp_path / "Schnitte für März"
    place.mkdir()
    shutil.copy(CROPS[0], place / "Ärztin 1.png")
    shutil.copy(CROPS[1], place / "b.png")
    return place


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server that is asked for nothing that it does."""
    place = tmp_path_factory.mktemp("shown")
    shutil.copy(CROPS[1], place / "b.png")
    with serving(place) as served, asking(served.address) as client:
        yield client


def add_slow(folder: Path) -> None:
    """Lay crops side by side: an image of five tiles of the shipped model."""
    width, height = SLOW_PX
    Image.fromarray(np.tile(crop(0), (3, 29, 1))[:height, :width]).save(
        folder / "slow.jpg", quality=70
    )


def maps(folder: Path) -> list[str]:
    place = folder / "breastseg" / "maps"
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


@contextmanager
def command(folder: Path, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `breastseg serve` in a process, after some code; yield it and its address."""
    code = f"import sys\n{before}\nfrom breastseg.cli import main\nsys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "serve", str(folder), "--port", "0", "--no-open"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout
        line = next(line for line in process.stdout if "http://" in line)
        yield process, line[line.index("http://") :].split()[0].rstrip("/")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc to find a child in")
def test_a_server_that_is_killed_takes_its_job_along_and_the_next_one_does_it(folder: Path) -> None:
    add_slow(folder)
    held = (
        f"from breastseg.serve.jobs import child\nchild.WORKER = (sys.executable, '-c', {HELD!r})"
    )
    with command(folder, held) as (server, address), asking(address) as client:
        number = ask(client, "slow.jpg")["id"]
        waiting = ask(client, "b.png")["id"]
        at_work(client, number)
        (worker,) = children(server.pid)
        server.kill()
        server.wait()
        until(lambda: not lives(worker))
    (left,) = maps(folder)
    assert not (folder / "breastseg" / "maps" / left / "slow").exists()
    with command(folder) as (server, address), asking(address) as client:
        job = ended(client, number)
        assert (job["state"], job["progress"], job["cause"]) == ("done", 1.0, None)
        assert ended(client, waiting)["state"] == "done"
        slide = client.get(f"/api/entries/{job['entry']}").json()
        assert [layer["id"] for layer in slide["layers"]] == [job["layer"]]
    result = folder / "breastseg" / "maps" / left / "slow"
    predict(
        folder / "slow.jpg",
        load_model("lite0"),
        folder.parent / "direct",
        PredictConfig(mpp=0.5),
        reporter=quiet,
    )
    assert (result / "labels.png").read_bytes() == (
        folder.parent / "direct" / "slow" / "labels.png"
    ).read_bytes()
    assert not any((folder / "breastseg" / ".jobs").iterdir())


def test_a_job_that_is_given_up_leaves_nothing_and_the_next_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_slow(folder)
    with_worker(monkeypatch, HELD)
    with serving(folder) as served, asking(served.address) as client:
        number = ask(client, "slow.jpg", box=[100, 50, 7000, 500])["id"]
        second = ask(client, "b.png")["id"]
        third = ask(client, "Ärztin 1.png")["id"]
        job = at_work(client, number)
        assert 0 < job["progress"] <= 1
        assert job["seconds_left"] >= 0
        assert job["preview_box"] == [100, 50, 7000, 500]
        assert [one["name"] for one in job["classes"]] == [
            "tumor",
            "stroma",
            "inflammatory",
            "necrosis",
            "other",
        ]
        picture = client.get(f"/api/jobs/{number}/preview.png")
        assert picture.headers["content-type"] == "image/png"
        seen = np.asarray(Image.open(io.BytesIO(picture.content)))
        assert seen.shape == (146, 2048)
        assert set(np.unique(seen)) <= set(range(6))
        assert seen.any()
        monkeypatch.undo()
        (name,) = maps(folder)
        previews = folder / "breastseg" / ".jobs"
        (previews / f".part-{name}.png").write_bytes(
            b"half an image"
        )  # its process is ended while it writes one
        assert client.delete(f"/api/jobs/{third}").json()["state"] == "cancelled"
        assert client.delete(f"/api/jobs/{number}").json()["state"] == "cancelled"
        assert ended(client, second)["state"] == "done"
        assert client.delete(f"/api/jobs/{second}").json()["state"] == "done"
        assert [job["state"] for job in client.get("/api/jobs").json()] == [
            "cancelled",
            "done",
            "cancelled",
        ]
        assert client.get(f"/api/jobs/{number}/preview.png").status_code == 404
        assert [name.rpartition("-")[2] for name in maps(folder)] == [str(second)]
        assert not list(previews.iterdir())


def test_a_job_that_is_given_up_as_it_ends_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = jobs.Jobs._noted

    def late(self: jobs.Jobs, job: job_store.Job, state: Any, *more: Any) -> bool:
        if state == "done":
            assert maps(folder)
            assert self.cancel(job.id).state == "cancelled"
        return noted(self, job, state, *more)

    monkeypatch.setattr(jobs.Jobs, "_noted", late)
    with serving(folder) as served, asking(served.address) as client:
        assert ended(client, ask(client, "b.png")["id"])["state"] == "cancelled"
        until(lambda: maps(folder) == [])


def test_a_server_that_stops_as_a_job_begins_waits_for_no_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    make = jobs.Child.__init__

    def late(self: child.Child) -> None:
        begun.set()
        until(lambda: served.state.jobs._stopping)
        make(self)

    with_worker(monkeypatch, "import time; time.sleep(1000)")
    monkeypatch.setattr(jobs.Child, "__init__", late)
    with serving(folder) as served, asking(served.address) as client:
        number = ask(client, "b.png")["id"]
        assert begun.wait(PATIENCE)
    monkeypatch.undo()
    with serving(folder) as served, asking(served.address) as client:
        assert ended(client, number)["state"] == "done"


def test_jobs_wait_for_one_another_and_not_too_many(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_worker(monkeypatch, gated(tmp_path / "gate"))
    with serving(folder, limits=Limits(jobs=2)) as served, asking(served.address) as client:
        first = ask(client, "b.png", uncertainty=True)
        until(lambda: client.get(f"/api/jobs/{first['id']}").json()["state"] == "running")
        assert client.get("/api/gallery").json()["entries"][0]["state"] == "running"
        second = ask(client, "Ärztin 1.png", box=[8, 8, 100, 100])
        assert ask(client, "Ärztin 1.png", box=[8, 8, 100, 100]) == second, (
            "pressed twice, done once"
        )
        ask(client, "Ärztin 1.png")
        refused = client.post(
            "/api/jobs", json={"entry": second["entry"], "model": "lite0", "mpp": 0.25}
        )
        assert (refused.status_code, refused.json()) == (
            429,
            {"error": "2 jobs wait already; try again when some are done"},
        )
        (tmp_path / "gate").touch()
        ends = [ended(client, number)["layer"] for number in (1, 2, 3)]
        assert len(set(ends)) == 3
    made = [(folder / "breastseg" / "maps" / name).stat().st_mtime_ns for name in maps(folder)]
    assert made == sorted(made)
    run = read_json(
        next((folder / "breastseg" / "maps").glob("*-2/*/run.json")), AssertionError, ""
    )
    assert (run["box_level0_px"], run["mpp"], run["mpp_source"]) == ([8, 8, 100, 100], 0.5, "given")


@pytest.mark.parametrize(
    ("wanted", "status", "line"),
    [
        (
            {"mpp": None},
            422,
            (
                "b.png: nobody knows its microns per pixel; say how large a pixel is, as in 0.25"
                " for a 40x scan"
            ),
        ),
        (
            {"mpp": 300.0},
            400,
            "300 microns per pixel, wanted 0.05 to 20, as in 0.25 for a 40x scan",
        ),
        ({"mpp": -1.0}, 400, "body.mpp: Input should be greater than 0"),
        (
            {"model": "../lite0"},
            400,
            "there is no model of this name here; there is breast2, breast1, lite0",
        ),
        ({"box": [0, 0, 0, 10]}, 400, "the box does not lie inside b.png, which has 256 x 256 px"),
        (
            {"box": [-1, 0, 10, 10]},
            400,
            "the box does not lie inside b.png, which has 256 x 256 px",
        ),
        (
            {"box": [200, 0, 10**30, 10]},
            400,
            "the box does not lie inside b.png, which has 256 x 256 px",
        ),
        ({"entry": "0" * 16}, 404, "no such slide in this folder; go back to the gallery"),
        ({"entry": "../b.png"}, 404, "no such slide in this folder; go back to the gallery"),
        ({"threads": 8}, 400, "body.threads: Extra inputs are not permitted"),
    ],
)
def test_a_job_that_cannot_be(shown: Any, wanted: dict[str, Any], status: int, line: str) -> None:
    answer = shown.post(
        "/api/jobs", json={"entry": entry(shown, "b.png"), "model": "lite0", "mpp": 0.5, **wanted}
    )
    assert (answer.status_code, answer.json()) == (status, {"error": line})
    assert shown.get("/api/jobs").json() == []


@pytest.mark.parametrize(
    ("number", "status"),
    [("1", 404), (str(2**40), 404), ("0", 400), (str(10**30), 400), ("one", 400)],
)
def test_a_job_that_is_not(shown: Any, number: str, status: int) -> None:
    for answer in (
        shown.get(f"/api/jobs/{number}"),
        shown.delete(f"/api/jobs/{number}"),
        shown.get(f"/api/jobs/{number}/preview.png"),
    ):
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]


def with_worker(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(
        child, "WORKER", (sys.executable, "-B", "-c", script)
    )  # LIMITED: no compiled module is cut short


def gated(gate: Path) -> str:
    return GATED.replace("GATE", repr(str(gate)))


LIMITED = """
import resource, runpy, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
runpy.run_module("breastseg.serve.jobs.worker", run_name="__main__")
"""


def test_a_disk_that_fills_up_in_a_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the size of files stands for the disk: the write fails as it does there."""
    with serving(folder) as served, asking(served.address) as client:
        with monkeypatch.context() as full:
            with_worker(full, LIMITED)
            job = ended(client, ask(client, "b.png")["id"])
        assert (job["state"], job["layer"]) == ("failed", None)
        assert (
            job["cause"]
            == "the disk is full; nothing half-written was kept, make room and try again"
        )
        assert maps(folder) == []
        assert ended(client, ask(client, "b.png")["id"])["state"] == "done"


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (
            "import os; os.kill(os.getpid(), 9)",
            (
                "the job was killed (SIGKILL), mostly for too much memory; close other programs or"
                " map a smaller box"
            ),
        ),
        (
            "raise SystemExit(7)",
            (
                "the job ended its process with exit status 7 (nothing was said); breastseg doctor"
                " says what works here"
            ),
        ),
        (
            (
                "import sys; sys.stdin.readline(); print('hm'); print('{\"cause\":"
                ' "/no/such/place/x.png: gone"}\'); sys.exit(1)'
            ),
            "x.png: gone",
        ),
    ],
)
def test_a_process_that_ends_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, cause: str
) -> None:
    with_worker(monkeypatch, script)
    with serving(folder) as served, asking(served.address) as client:
        job = ended(client, ask(client, "b.png")["id"])
        assert (job["state"], job["cause"], job["progress"]) == ("failed", cause, 0.0)


def test_a_worker_that_does_not_end_is_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "GRACE", 0.3)
    script = (
        'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(\'{"progress":'
        ' 0.5, "blocks": 1}\', flush=True)'
    )
    with_worker(monkeypatch, script + "; time.sleep(1000)")
    with serving(folder) as served, asking(served.address) as client:
        number = ask(client, "b.png")["id"]
        at_work(client, number)
        assert client.delete(f"/api/jobs/{number}").json()["state"] == "cancelled"
        monkeypatch.undo()
        assert ended(client, ask(client, "b.png")["id"])["state"] == "done"


def test_what_became_of_a_job_is_written_down_when_the_disk_takes_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_AGAIN", 0.05)
    refused: list[str] = []
    change = job_store.JobStore.change

    def full(store: job_store.JobStore, job: job_store.Job, state: Any, **more: Any) -> bool:
        if refused.count(state) < 2:
            refused.append(state)
            raise sqlite3.OperationalError("database or disk is full")
        return change(store, job, state, **more)

    monkeypatch.setattr(job_store.JobStore, "change", full)
    with serving(folder) as served, asking(served.address) as client:
        assert ended(client, ask(client, "b.png")["id"])["layer"]
    assert refused == ["running", "running", "done", "done"]


def test_a_slide_that_goes_while_its_job_waits(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_worker(monkeypatch, gated(tmp_path / "gate"))
    with serving(folder) as served, asking(served.address) as client:
        ask(client, "b.png")
        number = ask(client, "Ärztin 1.png")["id"]
        (folder / "Ärztin 1.png").unlink()
        (tmp_path / "gate").touch()
        job = ended(client, number)
        assert (job["state"], job["cause"]) == (
            "failed",
            "Ärztin 1.png: was removed from the folder",
        )


def test_a_second_server_on_a_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with serving(folder) as served, asking(served.address) as client:
        words = [
            sys.executable,
            "-m",
            "breastseg",
            "serve",
            str(folder),
            "--port",
            "0",
            "--no-open",
        ]
        second = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
        assert second.returncode == 2
        assert (
            second.stderr
            == f"breastseg: {folder / 'breastseg'}: another run is writing there now; wait for it"
            " or choose another folder\n"
        )
        assert ended(client, ask(client, "b.png")["id"])["state"] == "done"


def test_a_stopped_server_ends_its_job_and_the_next_one_does_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as slow, serving(folder) as served, asking(served.address) as client:
        with_worker(
            slow,
            'import time; print(\'{"progress": 0.5, "blocks": 1}\', flush=True); time.sleep(1000)',
        )
        number = ask(client, "b.png")["id"]
        at_work(client, number)
    with serving(folder) as served, asking(served.address) as client:
        assert ended(client, number)["state"] == "done"


def test_a_folder_that_cannot_be_written_to_is_shown_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(jobs, "JobStore", read_only)
    with serving(folder) as served, asking(served.address) as client:
        answer = client.post(
            "/api/jobs", json={"entry": entry(client, "b.png"), "model": "lite0", "mpp": 0.5}
        )
        line = (
            "the folder of results cannot be written to; change its rights, or serve with another"
            " --out"
        )
        assert (answer.status_code, answer.json()) == (403, {"error": line})
        assert client.get("/api/jobs").json() == []


def test_a_list_of_jobs_that_is_none(folder: Path) -> None:
    (folder / "list.sqlite").write_text("not a list\n" * 1000)
    with pytest.raises(
        OutputError,
        match=r"list\.sqlite: not a list of jobs .*; move it away",
    ):
        job_store.JobStore(folder / "list.sqlite")


@pytest.mark.parametrize(
    "asked", [Box(0, 0, 5000, 900), Box(7, 30, 61, 43), Box(1234, 5, 3001, 890)]
)
def test_a_preview_shows_the_pixel_in_the_middle_of_each_of_its_own(
    tmp_path: Path, asked: Box
) -> None:
    field = np.random.default_rng(0).integers(0, 6, (900, 5000), np.uint8)
    blocks = [
        Box(x, y, min(512, 5000 - x), min(352, 900 - y))
        for y in range(0, 900, 352)
        for x in range(0, 5000, 512)
    ]
    told: list[Progress] = []
    preview = Preview(tmp_path / "preview.png", told.append)
    for done, box in enumerate(blocks, start=1):
        labels = field[box.y : box.y + box.height, box.x : box.x + box.width]
        preview.see(Block(box, labels, (5000, 900), asked, box.area, done, len(blocks)))
    seen = np.asarray(Image.open(tmp_path / "preview.png"))
    scale = min(1.0, PREVIEW_PX / max(asked.width, asked.height))
    height, width = max(1, round(asked.height * scale)), max(1, round(asked.width * scale))
    rows = asked.y + ((np.arange(height) + 0.5) * asked.height / height).astype(int)
    columns = asked.x + ((np.arange(width) + 0.5) * asked.width / width).astype(int)
    np.testing.assert_array_equal(seen, field[np.ix_(rows, columns)])
    assert [one.blocks for one in told] == list(range(1, len(told) + 1))
    assert told[0].seconds_left is not None
    assert told[-1].progress == 0.95
