"""scripts/fuzz N SEED [TARGET ...]: damaged inputs in child processes that are watched from
outside.

A fault is an exception that is not a BreastsegError (of the viewer: an answer of 400 to 499), an
error that is not one line, a process that a signal ends, more than 20 s of computing (or 90 s of
waiting), or more than 1 GB of memory for one input.
"""

import argparse
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fuzzing.targets import TARGETS, whole
from fuzzing.worker import damage

CPU_S, WALL_S, MEMORY_MB = 20.0, 90.0, 1024
"""What one input may take."""
_SPARE_BYTES = 6 * 2**30
"""Address space of a child beyond what an input may take: the machine is not to suffer from what is
not seen in time."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = resource.getpagesize() / 2**20
_KEPT = 3


@dataclass
class Tally:
    """What came of the inputs of a target."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    faults: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0


@dataclass
class Run:
    """What came of all inputs; threads may add to it."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    faults: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, task: dict[str, Any], found: dict[str, Any]) -> bool:
        """Count an input; return whether it is among the first of its kind of fault."""
        with self.lock:
            tally = self.tallies.setdefault(task["target"], Tally())
            tally.inputs += 1
            tally.slowest_s = max(tally.slowest_s, found.get("seconds", 0.0))
            tally.most_mb = max(tally.most_mb, found.get("peak_mb", 0.0))
            if found["outcome"] != "fault":
                setattr(tally, found["outcome"], getattr(tally, found["outcome"]) + 1)
                return False
            tally.faults += 1
            kind = found["what"].split(":")[0], found.get("where", "")
            alike = self.faults.setdefault((task["target"], *kind), [])
            alike.append({**task, **found})
            return len(alike) <= _KEPT


class Child:
    """A worker process, begun again when it has died."""

    def __init__(
        self, files: Path, place: Path, program: Sequence[str] = ("-m", "fuzzing.worker")
    ) -> None:
        """Take the folder of whole files, a place to damage copies in, and what Python runs."""
        self._command = [sys.executable, "-X", "faulthandler", *program, str(files), str(place)]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = place.with_suffix(".log")
        self._said = b""

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """Return what came of an input."""
        process = self._process or self._begun()
        assert process.stdin is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        start, cpu, size = time.monotonic(), 0.0, 0.0
        begun = False
        while True:
            found = self._answer(process)
            if found is not None and "begun" in found:
                begun, start, cpu, size = (
                    True,
                    time.monotonic(),
                    _cpu_s(process.pid),
                    _rss_mb(process.pid),
                )
                continue
            seconds = time.monotonic() - start
            if found is not None:
                if found.get("peak_mb", 0) > MEMORY_MB:
                    found = {
                        **found,
                        "outcome": "fault",
                        "what": f"memory: {found['peak_mb']:.0f} MB",
                        "where": found.get("where", ""),
                    }
                if _rss_mb(process.pid) > 2 * MEMORY_MB:
                    self.end()
                return {**found, "seconds": seconds}
            if process.poll() is not None:
                return self._died(process, task, seconds)
            if begun and (_cpu_s(process.pid) - cpu > CPU_S or seconds > WALL_S):
                return self._stopped(f"hang: still at work after {seconds:.0f} s", seconds)
            if begun and _rss_mb(process.pid) - size > 2 * MEMORY_MB:
                return self._stopped(f"memory: more than {2 * MEMORY_MB} MB", seconds)

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what was not yet written to it
                    if pipe is not None:
                        pipe.close()
            self._process = None

    def _begun(self) -> "subprocess.Popen[bytes]":
        def bounded() -> None:
            most = 2**20 * MEMORY_MB + _SPARE_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        self._said = b""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=bounded,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process

    def _answer(self, process: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
        """Return the next line that the process has written; None when there was none for a
        moment."""
        assert process.stdout is not None
        if b"\n" not in self._said:
            if not select.select([process.stdout], [], [], 0.05)[0]:
                return None
            more = os.read(process.stdout.fileno(), 2**16)
            if not more:
                time.sleep(0.02)  # it has ended, and is not yet waited for
            self._said += more
        line, end, rest = self._said.partition(b"\n")
        if not end:
            return None
        self._said = rest
        found: dict[str, Any] = json.loads(line)
        return found

    def _died(
        self, process: "subprocess.Popen[bytes]", task: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        self.end()
        code = process.returncode
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        said = self._log.read_text(errors="replace")[-3000:]
        return {
            "outcome": "fault",
            "what": f"died: {name}",
            "where": _last_frame(said),
            "trace": said,
            "seconds": seconds,
        }

    def _stopped(self, what: str, seconds: float) -> dict[str, Any]:
        process, where = self._process, ""
        if process is not None:
            process.send_signal(signal.SIGABRT)  # faulthandler writes where it was
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            where = _last_frame(self._log.read_text(errors="replace")[-20_000:])
        self.end()
        return {"outcome": "fault", "what": what, "where": where, "seconds": seconds}


def _last_frame(log: str) -> str:
    lines = [
        line
        for line in log.splitlines()
        if "breastseg/" in line
        and "File" in line
        and "/fuzzing/" not in line
        and "/tests/" not in line
    ]
    if not lines:
        return ""
    file, line, *_, name = lines[0].replace(",", "").split()[1:]
    return (
        f"{'/'.join(Path(file.strip(chr(34))).parts[-2:])}"
        f":{line if line != 'line' else lines[0].replace(',', '').split()[3]}"
        f" {name}"
    )


def _rss_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB
    except (OSError, IndexError):
        return 0.0


def _cpu_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS
    except (OSError, IndexError):
        return 0.0


def tasks(count: int, seed: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """Share `count` inputs out among targets; the inputs of a target are numbered from 0, whatever
    others run beside it."""
    total = sum(TARGETS[name].share for name in names)
    numbers: Counter[str] = Counter()
    found = []
    for _ in range(count):  # always the one that is furthest behind its share
        name = max(
            names, key=lambda one: TARGETS[one].share * (len(found) + 1) / total - numbers[one]
        )
        found.append({"target": name, "seed": seed, "number": numbers[name]})
        numbers[name] += 1
    return found


def fuzz(todo: Sequence[dict[str, Any]], *, workers: int, keep: Path | None = None) -> Run:
    """Run inputs in child processes and return what came of them; files of faults are copied into
    `keep`."""
    run = Run()
    with tempfile.TemporaryDirectory(
        prefix="fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    ) as scratch:
        files = Path(scratch) / "whole"
        for name in dict.fromkeys(task["target"] for task in todo):
            whole(name, files / name)
        waiting = iter(todo)
        bar = tqdm(total=len(todo), unit="input", desc="fuzz", disable=None)

        def work(number: int) -> None:
            place = Path(scratch) / f"place{number}"
            child = Child(files, place)
            while True:
                with run.lock:
                    task = next(waiting, None)
                if task is None:
                    child.end()
                    return
                if run.add(task, child.ask(task)) and keep is not None:
                    kept = keep / f"{task['target']}-{task['seed']}-{task['number']}"
                    shutil.rmtree(kept, ignore_errors=True)
                    damage(
                        task["target"], task["seed"], task["number"], files / task["target"], kept
                    )
                with run.lock:
                    bar.update()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:  # what was found until then is told
            with run.lock:
                waiting = iter(())
            for thread in threads:
                thread.join()
        bar.close()
    return run


def told(run: Run) -> str:
    """Return the table by target, and each kind of fault with the commands that show it again."""
    lines = [
        f"{'target':<12}{'inputs':>8}{'read':>8}{'refused':>9}{'faults':>8}{'slowest':>10}"
        f"{'most':>9}"
    ]
    rows = [*sorted(run.tallies.items()), ("all", _sum(list(run.tallies.values())))]
    for name, one in rows:
        lines.append(
            f"{name:<12}{one.inputs:>8,}{one.read:>8,}{one.refused:>9,}{one.faults:>8,}"
            f"{one.slowest_s:>8.1f}"
            f" s{one.most_mb:>6.0f} MB"
        )
    for (target, _, where), alike in sorted(run.faults.items(), key=lambda item: -len(item[1])):
        first = alike[0]
        lines.append(
            f"\n{len(alike)} x {target}: {first['what']}\n    at {where or 'no frame of ours'}"
        )
        lines += [
            f"    scripts/fuzz 1 {one['seed']} {target} --from {one['number']}"
            for one in alike[:_KEPT]
        ]
    return "\n".join(lines)


def _sum(tallies: Sequence[Tally]) -> Tally:
    added = (
        sum(getattr(one, name) for one in tallies)
        for name in ("inputs", "read", "refused", "faults")
    )
    return Tally(
        *added,
        max((t.slowest_s for t in tallies), default=0.0),
        max((t.most_mb for t in tallies), default=0.0),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 1 when there were faults."""
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=(
            f"targets: {', '.join(TARGETS)}\n"
            "\n"
            "example: scripts/fuzz 25000 1 --keep faults\n"
            "         scripts/fuzz 1000 7 slide dicom"
        ),
    )
    parser.add_argument("count", metavar="N", type=int, help="number of inputs")
    parser.add_argument("seed", metavar="SEED", type=int, help="same seed, same inputs")
    parser.add_argument(
        "targets", metavar="TARGET", nargs="*", help="what is fuzzed; all when none is named"
    )
    parser.add_argument(
        "--from",
        dest="first",
        type=int,
        default=0,
        metavar="NUMBER",
        help="begin with this input of each target",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="K",
        help="child processes; one a core",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep the files of the first faults of each kind there",
    )
    parser.add_argument(
        "--trace", action="store_true", help="print the traceback of the first fault of each kind"
    )
    options = parser.parse_intermixed_args(arguments)
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"target '{unknown[0]}': not known; wanted {', '.join(TARGETS)}")
    start = time.monotonic()
    todo = tasks(options.count, options.seed, options.targets or list(TARGETS))
    run = fuzz(
        [{**task, "number": task["number"] + options.first} for task in todo],
        workers=options.workers,
        keep=options.keep,
    )
    print(told(run))
    if options.trace:
        print(*(f"\n{alike[0].get('trace', '')}" for alike in run.faults.values()))
    done = sum(tally.inputs for tally in run.tallies.values())
    print(
        f"\n{done:,} inputs of seed {options.seed} in {time.monotonic() - start:.0f} s:"
        f" {len(run.faults)} kinds of fault"
    )
    return int(bool(run.faults))


if __name__ == "__main__":
    sys.exit(main())
