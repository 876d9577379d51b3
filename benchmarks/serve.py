"""How soon tiles come when eight people pan over one slide, how much memory that takes, and what a
person waits for first.

Each client is a process that does what the page does: a view of 1280 x 800 px over a slide and
its map, at most 6 requests on their way, tiles nearest the middle first, none asked twice. It
drags the view for a second at 800 px/s in a direction of its own, looks for half a second, and
with every fourth drag zooms by two, in or out, between the fit and the full size; the clients
begin within 5 s of each other. Same seed, same walk. A tile's time is from its request to the
answer's last byte; clients share the machine with the server. Targets: p95 of slide tiles and of
overlay tiles under 40 ms, under 150 ms while a job maps the slide; memory flat over 20,000
tiles; first view of a slide under 1 s after the click on a server that has just started; page
under 500 kB before the first tile.

    python benchmarks/mosaic.py WORK/slide.tif --region REGION.png --side 20000 --glass 0.33
    breastseg predict WORK/slide.tif --out WORK/maps --uncertainty
    taskset -c 0,1 python benchmarks/serve.py WORK
"""

import argparse
import http.client
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urljoin, urlsplit

CLIENTS, AT_ONCE, KEPT = 8, 6, 600
VIEW = (1280, 800)
SPEED, DRAG_S, LOOK_S, STEP_S, SPREAD_S = 800, 1.0, 0.5, 0.1, 5.0
PIECE = 256
TARGET_MS, TARGET_JOB_MS, TARGET_FIRST_S, TARGET_PAGE_KB, FLAT = 40, 150, 1.0, 500, 1.10


@dataclass(frozen=True)
class Pyramid:
    """What is needed to ask for tiles of a slide or a map: `scale` is level-0 px of the slide for a
    pixel of it."""

    kind: str
    address: str
    size_px: tuple[int, int]
    levels: int
    scale: float

    def visible(self, x: float, y: float, zoom: float) -> list[tuple[float, str]]:
        """Return (distance from the middle, address) of the tiles in a view with its corner at x,
        y, where a screen px is `zoom` px."""
        level = min(
            self.levels - 1,
            max(0, self.levels - 1 - math.floor(math.log2(max(1.0, zoom / self.scale)))),
        )
        factor = 2 ** (self.levels - 1 - level)
        width, height = (-(-side // factor) for side in self.size_px)
        to_tile = 1 / (self.scale * factor * PIECE)
        middle = (x + zoom * VIEW[0] / 2) * to_tile - 0.5, (y + zoom * VIEW[1] / 2) * to_tile - 0.5
        columns = range(
            max(0, int(x * to_tile)),
            min(-(-width // PIECE), math.ceil((x + zoom * VIEW[0]) * to_tile)),
        )
        rows = range(
            max(0, int(y * to_tile)),
            min(-(-height // PIECE), math.ceil((y + zoom * VIEW[1]) * to_tile)),
        )
        return [
            (
                math.hypot(column - middle[0], row - middle[1]),
                self.address.format(level=level, column=column, row=row),
            )
            for row in rows
            for column in columns
        ]


@dataclass
class Walk:
    """What a client has seen so far: seconds of each tile by kind, of each full view, and answers
    that were no tiles."""

    tiles: dict[str, list[float]] = field(default_factory=dict)
    views: list[float] = field(default_factory=list)
    failures: int = 0
    bytes: int = 0
    cpu_s: float = 0.0


class Client:
    """One person with a browser."""

    def __init__(self, port: int, pyramids: Sequence[Pyramid], seed: int) -> None:
        self.port, self.pyramids, self.draws, self.walk = (
            port,
            pyramids,
            random.Random(seed),
            Walk(),
        )
        self.slide = pyramids[0]
        self.fit = max(side / shown for side, shown in zip(self.slide.size_px, VIEW, strict=True))
        self.zoom = 2.0 ** self.draws.randint(0, max(0, math.floor(math.log2(self.fit))))
        self.place = [self.draws.random() * self.room(axis) for axis in (0, 1)]
        self.seen: deque[str] = deque(maxlen=KEPT)
        self.wanted: list[tuple[float, str, str]] = []
        self.on_their_way: set[str] = set()
        self.asked_for = 0.0
        self.changed = threading.Condition()
        self.over = False

    def room(self, axis: int) -> float:
        return max(0.0, self.slide.size_px[axis] - VIEW[axis] * self.zoom)

    def pan(self, until: float) -> Walk:
        lines = [threading.Thread(target=self.fetch, daemon=True) for _ in range(AT_ONCE)]
        for line in lines:
            line.start()
        time.sleep(self.draws.random() * SPREAD_S)
        for drag in range(10**9):
            if time.time() > until:
                break
            if drag % 4 == 3:
                self.zoom = min(
                    2.0 ** math.ceil(math.log2(self.fit)),
                    max(1.0, self.zoom * self.draws.choice((0.5, 2.0))),
                )
            angle = self.draws.random() * 2 * math.pi
            for _ in range(round(DRAG_S / STEP_S)):
                started = time.perf_counter()
                for axis, way in enumerate((math.cos(angle), math.sin(angle))):
                    moved = self.place[axis] + way * SPEED * STEP_S * self.zoom
                    self.place[axis] = min(self.room(axis), max(0.0, moved))
                self.look()
                time.sleep(max(0.0, STEP_S - (time.perf_counter() - started)))
            time.sleep(LOOK_S)
        with self.changed:
            self.over = True
            self.changed.notify_all()
        for line in lines:
            line.join()
        self.walk.cpu_s = time.process_time()
        return self.walk

    def look(self) -> None:
        """Want what is visible now and not here; what was wanted before and is out of view is
        dropped."""
        with self.changed:
            visible = [
                (distance, pyramid.kind, address)
                for pyramid in self.pyramids
                for distance, address in pyramid.visible(*self.place, self.zoom)
            ]
            here = set(self.seen)
            self.wanted = sorted(
                (one for one in visible if one[2] not in here and one[2] not in self.on_their_way),
                reverse=True,
            )
            if self.wanted:
                self.asked_for = self.asked_for or time.perf_counter()
                self.changed.notify_all()

    def fetch(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        while True:
            with self.changed:
                while not self.wanted and not self.over:
                    self.changed.wait()
                if self.over:
                    line.close()
                    return
                _, kind, address = self.wanted.pop()
                self.on_their_way.add(address)
            start = time.perf_counter()
            status, body = self.answer(line, address)
            took = time.perf_counter() - start
            with self.changed:
                self.walk.tiles.setdefault(kind, []).append(took)
                self.walk.bytes += len(body)
                self.walk.failures += status != 200
                self.on_their_way.discard(address)
                self.seen.append(address)
                if not self.wanted and not self.on_their_way and self.asked_for:
                    self.walk.views.append(time.perf_counter() - self.asked_for)
                    self.asked_for = 0.0

    def answer(self, line: http.client.HTTPConnection, address: str) -> tuple[int, bytes]:
        """Ask on a line that is kept; the server may have hung up meanwhile, then on a new one, as
        a browser does."""
        try:
            line.request("GET", address)
            answer = line.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            line.close()
            line.request("GET", address)
            answer = line.getresponse()
        return answer.status, answer.read()


def client(
    port: int,
    pyramids: Sequence[Pyramid],
    seed: int,
    until: float,
    walks: "multiprocessing.Queue[Walk]",
) -> None:
    walks.put(Client(port, pyramids, seed).pan(until))


def asked(
    port: int, path: str, *, method: str = "GET", value: Any = None, **headers: str
) -> tuple[int, bytes]:
    line = http.client.HTTPConnection("127.0.0.1", port)
    body = None if value is None else json.dumps(value)
    sent = {"X-Breastseg": "1"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        sent["Content-Type"] = "application/json"
    line.request(method, path, body, sent)
    answer = line.getresponse()
    told = answer.status, answer.read()
    line.close()
    return told


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    pid: int
    port: int

    def json(self, path: str, **options: Any) -> Any:
        status, body = asked(self.port, path, **options)
        if status >= 400:
            raise RuntimeError(f"{path}: {status} {body.decode(errors='replace')}")
        return json.loads(body)

    @property
    def cpu_s(self) -> float:
        words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_mb(self) -> float:
        line = next(
            line
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )
        return int(line.split()[1]) * 1024 / 1e6


@contextmanager
def serving(folder: Path, out: Path) -> Iterator[Server]:
    program = Path(sys.executable).with_name("breastseg")
    command = [
        str(program),
        "serve",
        str(folder),
        "--port",
        "0",
        "--no-token",
        "--no-open",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        if found is None:
            raise RuntimeError(f"the server said {said!r}")
        server = Server(process.pid, int(found[1]))
        server.json("/api/gallery")
        yield server
    finally:
        process.terminate()
        process.wait()


def pyramids_of(server: Server, entry: str) -> list[Pyramid]:
    """Return the slide and its newest map."""
    slide = server.json(f"/api/entries/{entry}")
    found = [
        Pyramid(
            "slide",
            f"/api/entries/{entry}/tiles/{{level}}/{{column}}_{{row}}.jpg?v={slide['version']}",
            tuple(slide["size_px"]),
            slide["levels"],
            1.0,
        )
    ]
    for layer in slide["layers"][:1]:
        size = tuple(layer["size_px"])
        address = f"/api/layers/{layer['id']}/tiles/{{level}}/{{column}}_{{row}}.png"
        found.append(
            Pyramid("overlay", address, size, layer["levels"], slide["size_px"][0] / size[0])
        )
    return found


def panned(
    server: Server, pyramids: Sequence[Pyramid], clients: int, seconds: float, seed: int
) -> tuple[list[Walk], float]:
    """Let clients pan; return their walks and the server's CPU seconds."""
    walks: multiprocessing.Queue[Walk] = multiprocessing.Queue()
    before, until = server.cpu_s, time.time() + seconds
    started = [
        multiprocessing.Process(target=client, args=(server.port, pyramids, seed + k, until, walks))
        for k in range(clients)
    ]
    for one in started:
        one.start()
    found = [walks.get() for _ in started]
    for one in started:
        one.join()
    return found, server.cpu_s - before


def row(
    name: str, walks: Sequence[Walk], kind: str, seconds: float, cpu_s: float, target_ms: float
) -> None:
    times = sorted(1e3 * took for walk in walks for took in walk.tiles.get(kind, []))
    if not times:
        return
    p50, p95, p99 = (
        times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.95, 0.99)
    )
    total = sum(len(one) for walk in walks for one in walk.tiles.values())
    verdict = "met" if p95 < target_ms else "missed"
    print(
        f"| {name}, {kind} | {len(times)} | {total / seconds:.0f} | {p50:.1f} | {p95:.1f} |"
        f" {p99:.1f} | {times[-1]:.0f} | {1e3 * cpu_s / total:.2f} |"
        f" {sum(walk.failures for walk in walks)} | {target_ms} {verdict} |",
        flush=True,
    )


def views_row(name: str, walks: Sequence[Walk]) -> str:
    views = sorted(1e3 * took for walk in walks for took in walk.views)
    return (
        f"{name}: a view was whole {statistics.median(views):.0f} ms (p95"
        f" {views[int(0.95 * len(views))]:.0f} ms) after it was asked for"
    )


def measure_panning(server: Server, entry: str, options: argparse.Namespace) -> None:
    pyramids, views = pyramids_of(server, entry), []
    panned(server, pyramids, 2, 3, seed=99)
    print(
        "| load | tiles | tiles / s | p50 ms | p95 ms | p99 ms | worst ms | server CPU ms / tile |"
        " failures | target p95 ms |"
    )
    print("| --- " * 10 + "|")
    walks, cpu_s = panned(server, pyramids, options.clients, options.seconds, options.seed)
    for kind in ("slide", "overlay"):
        row(f"{options.clients} clients", walks, kind, options.seconds, cpu_s, TARGET_MS)
    views.append(views_row("nothing else runs", walks))
    views.append(
        f"clients took {sum(walk.cpu_s for walk in walks) / options.seconds:.2f} cores, the server"
        f" {cpu_s / options.seconds:.2f}"
    )
    if options.job:
        job = server.json("/api/jobs", method="POST", value={"entry": entry, "model": "lite0"})
        while server.json(f"/api/jobs/{job['id']}")["progress"] == 0:
            time.sleep(0.2)
        walks, cpu_s = panned(
            server, pyramids, options.clients, options.seconds, options.seed + 100
        )
        state = server.json(f"/api/jobs/{job['id']}")["state"]
        for kind in ("slide", "overlay"):
            row(
                f"while a job runs ({state} at the end)",
                walks,
                kind,
                options.seconds,
                cpu_s,
                TARGET_JOB_MS,
            )
        views.append(views_row("while a job runs", walks))
        server.json(f"/api/jobs/{job['id']}", method="DELETE")
    print("\n" + "\n".join(views))


def measure_memory(server: Server, entry: str, tiles: int) -> None:
    """Ask for tiles one after the other, slide and overlay in turn, all different as far as there
    are so many."""
    pyramids = pyramids_of(server, entry)
    places = [address for pyramid in pyramids for address in all_tiles(pyramid)]
    random.Random(0).shuffle(places)
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    marks, resident = {tiles * share // 20: 0.0 for share in (1, 2, 5, 10, 15, 20)}, []
    for number in range(1, tiles + 1):
        line.request("GET", places[number % len(places)])
        line.getresponse().read()
        if number in marks:
            marks[number] = server.resident_mb
    resident = list(marks.values())
    verdict = "met" if resident[-1] <= FLAT * resident[2] else "missed"
    print(
        "\n"
        f"memory of the server, {len(places)} different tiles\n"
        f"| tiles | {' | '.join(str(mark) for mark in marks)} |"
    )
    print("| --- " * (len(marks) + 1) + "|")
    print(f"| resident MB | {' | '.join(f'{mb:.0f}' for mb in resident)} |")
    print(f"target: no more than {FLAT:.2f} times from a quarter of them to the end: {verdict}")


def all_tiles(pyramid: Pyramid) -> Iterator[str]:
    for level in range(pyramid.levels):
        width, height = (-(-side // 2 ** (pyramid.levels - 1 - level)) for side in pyramid.size_px)
        for row_number in range(-(-height // PIECE)):
            for column in range(-(-width // PIECE)):
                yield pyramid.address.format(level=level, column=column, row=row_number)


def measure_first_view(folder: Path, out: Path, repeats: int) -> None:
    """From the click on a slide to its first image, and to all tiles of the view that fits it,
    each on a server that has just started."""
    print(
        "\n"
        "after a click, on a server that has just started\n"
        "| slide | MB | first tile s | whole view s | target s |"
    )
    print("| --- " * 5 + "|")
    with serving(folder, out) as server:
        entries = server.json("/api/gallery")["entries"]
    for entry in entries:
        times = []
        for _ in range(repeats):
            with serving(folder, out) as server:
                if (took := first_view(server, entry["id"])) is not None:
                    times.append(took)
        if times:
            first, whole = (statistics.median(one) for one in zip(*times, strict=True))
            verdict = "met" if whole < TARGET_FIRST_S else "missed"
            print(
                f"| {entry['name']} | {entry['bytes'] / 1e6:.1f} | {first:.2f} | {whole:.2f} |"
                f" {TARGET_FIRST_S} {verdict} |",
                flush=True,
            )


def first_view(server: Server, entry: str) -> tuple[float, float] | None:
    """Return seconds to the first tile and to the last of a view that fits; None for what is no
    slide."""
    start = time.perf_counter()
    try:
        pyramids = pyramids_of(server, entry)
    except RuntimeError:
        return None
    fit = max(side / shown for side, shown in zip(pyramids[0].size_px, VIEW, strict=True))
    corner = (-(VIEW[axis] * fit - pyramids[0].size_px[axis]) / 2 for axis in (0, 1))
    wanted = [address for _, address in sorted(pyramids[0].visible(*corner, fit))]
    first, done, waiting = [], [], Queue[str]()
    for address in wanted:
        waiting.put(address)

    def fetch() -> None:
        while not waiting.empty():
            asked(server.port, waiting.get())
            first.append(time.perf_counter() - start)
        done.append(time.perf_counter() - start)

    lines = [threading.Thread(target=fetch) for _ in range(min(AT_ONCE, len(wanted)))]
    for line in lines:
        line.start()
    for line in lines:
        line.join()
    return min(first), max(done)


def measure_page(server: Server, entry: str) -> None:
    """Add up what the page loads before its first tile: itself, what it names, the gallery and the
    slide."""
    sizes, waiting = Counter[str](), ["/"]
    while waiting:
        path = waiting.pop()
        status, body = asked(server.port, path, Accept_Encoding="gzip")
        if status != 200 or path in sizes:
            continue
        _, plain = asked(server.port, path)
        sizes[path] = len(body)
        if path == "/" or (path.endswith((".js", ".css")) and "vendor" not in path):
            named = re.findall(
                r"(?:src=|href=|from\s*|import\s*\(?|url\()"
                r"""["']?([\w./-]+\.(?:js|css|svg|png|woff2))""",
                plain.decode(),
            )
            waiting += [urlsplit(urljoin(f"http://x{path}", name)).path for name in named]
    for path in ("/api/gallery", f"/api/entries/{entry}"):
        sizes[path] = len(asked(server.port, path, Accept_Encoding="gzip")[1])
    total = sum(sizes.values()) / 1e3
    heavy = ", ".join(f"{path} {size / 1e3:.0f}" for path, size in sizes.most_common(4))
    verdict = "met" if total < TARGET_PAGE_KB else "missed"
    print(
        f"\npage before its first tile: {total:.0f} kB in {len(sizes)} requests ({heavy} kB);"
        f" target {TARGET_PAGE_KB} kB: {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, help="with slides; the largest that has a map is panned over"
    )
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument(
        "--seconds", type=float, default=60, help="of panning, in each state (default 60)"
    )
    parser.add_argument("--tiles", type=int, default=20_000, help="for memory (default 20000)")
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="fresh servers for each slide's first view (default 3)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--no-job", dest="job", action="store_false", help="do not measure while a job runs"
    )
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="serve-"))
    try:
        with serving(options.folder, work) as server:
            mapped = [entry for entry in server.json("/api/gallery")["entries"] if entry["maps"]]
            if not mapped:
                raise SystemExit(
                    f"{options.folder}: no slide with a map; make one with breastseg predict SLIDE"
                    f" --out {options.folder}/maps"
                )
            entry = max(mapped, key=lambda one: one["bytes"])
            print(
                f"{entry['name']}, {entry['bytes'] / 1e6:.0f} MB; {os.cpu_count()} cores,"
                f" {len(os.sched_getaffinity(0))} of them used"
            )
            measure_page(server, entry["id"])
            measure_panning(server, entry["id"], options)
        with serving(options.folder, work) as server:
            measure_memory(server, entry["id"], options.tiles)
        measure_first_view(options.folder, work, options.repeats)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
