"""What a command costs: CPU-seconds, wall seconds and peak memory of its processes."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.05


@dataclass(frozen=True)
class Cost:
    """CPU-seconds (user and system, children too) and wall seconds from start to end; MB (10^6
    bytes) at the peak."""

    cpu_s: float
    wall_s: float
    private_mb: float
    resident_mb: float


def run(command: Sequence[str | Path], log: Path) -> Cost:
    """Run a command to its end, what it prints goes to `log`.

    Private memory is sampled every 0.05 s. Resident memory of one process is the kernel's own
    high-water mark; that of several is the sum
    of a sample. `ru_maxrss` is of no use: a new process starts with its parent's.

    Raises:
        RuntimeError: the command failed; the message has the end of its log.
    """
    with log.open("wb") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], stdout=said, stderr=subprocess.STDOUT
        )
        with watched(process.pid) as peaks:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(
            f"{' '.join(map(str, command))}: exit status {process.returncode}\n{end}"
        )
    return Cost(usage.ru_utime + usage.ru_stime, wall, *peaks)


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """Sample a process and all that it started, as `run` does; yield what becomes [private MB,
    resident MB] at the peak."""
    peaks, ended = [0.0, 0.0], threading.Event()
    sampler = threading.Thread(target=_watch, args=(pid, peaks, ended))
    sampler.start()
    try:
        yield peaks
    finally:
        ended.set()
        sampler.join()


def _watch(pid: int, peaks: list[float], ended: threading.Event) -> None:
    while not ended.wait(_EVERY_S):
        together = list(family(pid))
        private = sum(
            _mb(process, "smaps_rollup", ("Private_Clean", "Private_Dirty")) for process in together
        )
        resident = (
            _mb(pid, "status", ("VmHWM",))
            if len(together) == 1
            else sum(_mb(p, "status", ("VmRSS",)) for p in together)
        )
        peaks[:] = max(peaks[0], private), max(peaks[1], resident)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it started."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _text(file).split():
            yield from family(int(child))


def _mb(pid: int, file: str, names: tuple[str, ...]) -> float:
    lines = (line.split() for line in _text(Path(f"/proc/{pid}/{file}")).splitlines())
    return sum(int(words[1]) for words in lines if words[0].rstrip(":") in names) * 1024 / 1e6


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has just ended
