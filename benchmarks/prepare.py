"""What preparing a data set costs beyond reading its files.

Compares `breastseg prepare SOURCE` (all of it: start, decoding, resampling, hashing, writing) with
a Python that decodes the same images and masks with Pillow, one after the other, and throws them
away; each in a process of its own, in turn, after one run of each that is not counted. CPU seconds
are those of the process and of every process it starts, also of those it leaves behind. Memory is
that of the largest process, and the highest sum over all its processes seen every 50 ms (shared
pages counted once: PSS). Linux only.
Target: at most 2.5 times the decoding, in CPU seconds and in wall seconds (ratio of medians).

    python benchmarks/prepare.py BCSS
"""

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TARGET = 2.5
DECODE = """
import sys
from PIL import Image
for path in sys.stdin.read().splitlines():
    with Image.open(path) as image:
        image.load()
"""
LIST = """
import json, sys
from breastseg.sources import open_source
paths, mpp = json.loads(sys.argv[1])
for region in open_source(*paths, mpp=mpp).regions:
    print(region.image.resolve(), region.labels.resolve(), sep="\\n")
"""
"""In a process of its own too: a child's peak memory starts at its parent's, so this one must stay
small."""
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Seconds and megabytes of one run."""

    cpu_s: float
    wall_s: float
    largest_mb: float
    sum_mb: float


def cost_of(command: list[str], folder: Path, words: str = "") -> Cost:
    """Run a command with `words` at its standard input, and count it with all its descendants."""
    (folder / "stdin").write_text(words)
    start = time.perf_counter()
    with (folder / "stdin").open() as words_in, (folder / "stdout").open("w") as out:
        process = subprocess.Popen(
            command, stdin=words_in, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    done, sums = threading.Event(), [0.0]
    watch = threading.Thread(target=_watch, args=(process.pid, done, sums))
    watch.start()
    cpu, largest, wall, status = 0.0, 0, 0.0, 0
    # multiprocessing's fork server outlives its parent by a moment: as subreaper this process
    # inherits it and its time
    while True:
        try:
            pid, code, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        if pid == process.pid:
            wall, status = time.perf_counter() - start, code
            process.returncode = os.waitstatus_to_exitcode(code)
        cpu, largest = cpu + usage.ru_utime + usage.ru_stime, max(largest, usage.ru_maxrss)
    done.set()
    watch.join()
    if status:
        sys.exit(f"{' '.join(command[:3])} ... failed:\n{(folder / 'stdout').read_text()}")
    return Cost(cpu, wall, largest / 1e3, sums[0])


def _watch(session: int, done: threading.Event, sums: list[float]) -> None:
    while not done.wait(0.05):
        sums[0] = max(
            sums[0],
            sum(
                _pss_mb(p)
                for p in Path("/proc").iterdir()
                if p.name.isdigit() and _session(p) == session
            ),
        )


def _session(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:  # it ended in the meantime
        return -1


def _pss_mb(process: Path) -> float:
    try:
        return int((process / "smaps_rollup").read_text().split("Pss:")[1].split()[0]) / 1e3
    except (OSError, IndexError):  # it ended in the meantime
        return 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "source", nargs="+", help="folders of annotated images, as for breastseg prepare"
    )
    parser.add_argument("--mpp", type=float, help="microns per pixel, for sources that do not say")
    parser.add_argument("--labels", help="label map, for sources that have none")
    parser.add_argument(
        "--workers", type=int, default=0, help="passed on to prepare (default: one per core)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each (default 5)")
    options = parser.parse_args()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}; this needs Linux")
    listing = [sys.executable, "-c", LIST, json.dumps([options.source, options.mpp])]
    files = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    given = {
        "--mpp": options.mpp,
        "--labels": options.labels,
        "--workers": options.workers,
    }
    extra = [
        word for key, value in given.items() if value is not None for word in (key, str(value))
    ]
    runs: dict[str, list[Cost]] = {"decode": [], "prepare": []}
    for repeat in range(options.repeats + 1):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            decode = cost_of([sys.executable, "-c", DECODE], folder, files)
            prepare = cost_of(
                [
                    sys.executable,
                    "-m",
                    "breastseg",
                    "prepare",
                    *options.source,
                    "--out",
                    str(folder / "out"),
                    *extra,
                ],
                folder,
            )
        if repeat:  # the first run of each warms the file cache
            runs["decode"].append(decode)
            runs["prepare"].append(prepare)
    print(f"{len(files.splitlines())} files, {os.cpu_count()} cores, median of {options.repeats}")
    print(f"{'':10} {'CPU s':>8} {'wall s':>8} {'largest MB':>11} {'sum MB':>8}")
    names = ("cpu_s", "wall_s", "largest_mb", "sum_mb")
    middle = {
        name: [statistics.median(getattr(c, key) for c in costs) for key in names]
        for name, costs in runs.items()
    }
    for name, (cpu, wall, largest, total) in middle.items():
        print(f"{name:10} {cpu:8.2f} {wall:8.2f} {largest:11.0f} {total:8.0f}")
    for place, what in enumerate(("CPU", "wall")):
        ratio = middle["prepare"][place] / middle["decode"][place]
        print(
            f"{what} ratio {ratio:.2f}, target at most {TARGET}:"
            f" {'met' if ratio <= TARGET else 'missed'}"
        )


if __name__ == "__main__":
    main()
