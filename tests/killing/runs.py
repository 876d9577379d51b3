"""One run of a command in a place of its own: undisturbed, or killed at a moment or at a change of
its files."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).parent / "on_change"
SURVIVE_S = 5.0
"""Seconds that a process may live on after the one that started it was killed."""
STOPPED = threading.Event()
"""Set when the person stops it all: every run is killed."""
_LOOK_S = 0.002
_TOKEN = "KILLS_RUN"

Drive = Callable[[subprocess.Popen[bytes], Path], None]
"""What a person does while the command runs: given the process and the file with what it says."""


@dataclass(frozen=True)
class Kill:
    """When and whom to kill.

    Attributes:
        at: "start", seconds after the command was given; "work", seconds after the first file was
            there; "change", at which change of files.
        value: which.
        alone: the first process alone, as the system does that runs out of memory; else its whole
            group, as a shell does.
    """

    at: str
    value: float
    alone: bool

    def __str__(self) -> str:
        """Say it in words."""
        whom = "alone" if self.alone else "with its group"
        if self.at == "change":
            return f"{whom} before change {self.value:.0f} of files"
        return (
            f"{whom} {self.value:.3f} s after the"
            f" {'command' if self.at == 'start' else 'first file'}"
        )


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        status: exit status; minus the signal.
        said: standard output and error.
        seconds: from start to end.
        first_s: seconds to the first file in the output.
        changes: changes of files that were begun.
        orphans: processes that lived on for more than SURVIVE_S; they were killed then.
    """

    status: int
    said: str
    seconds: float
    first_s: float
    changes: int
    orphans: tuple[str, ...]


class Slot:
    """A place for one run after the other. All have the same paths, because paths are in some
    files.

    Attributes:
        folder: where the command is given; what it makes is in it.
        temporary: its folder of temporary files.
    """

    def __init__(self, place: Path) -> None:
        """Lay it out in `place`, which is emptied."""
        self.place = place
        self.folder, self.temporary = place / "run", place / "tmp"
        self._log, self._counter = place / "said.txt", place / "changes"
        self.clear()

    def clear(self) -> None:
        """Make it as new."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.temporary.mkdir()

    def keep(self, name: str) -> Path:
        """Move all of it to a place beside, for a person to look at; return where."""
        kept = self.place.with_name(f"{self.place.name}-{name}")
        self.place.rename(kept)
        return kept

    def run(
        self, words: Sequence[str], drive: Drive | None, limit_s: float, kill: Kill | None = None
    ) -> Ended:
        """Run a command to its end, or until it is killed; all that it started is gone afterwards.

        Args:
            words: the command.
            drive: what is done meanwhile.
            limit_s: seconds after which it counts as hanging, and is killed.
            kill: when to kill it.
        """
        token = secrets.token_hex(8)
        self._counter.unlink(missing_ok=True)
        start, first_s = time.monotonic(), 0.0
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment(token, kill),
            )
        driver = threading.Thread(target=drive, args=(process, self._log)) if drive else None
        if driver:
            driver.start()
        while process.poll() is None:
            passed = time.monotonic() - start
            if not first_s and self._has_begun():
                first_s = passed
            if (
                STOPPED.is_set()
                or passed > limit_s
                or (kill and self._is_due(kill, passed, first_s))
            ):
                _kill(process.pid, alone=kill is not None and kill.alone)
                break
            time.sleep(_LOOK_S)
        process.wait()
        seconds = time.monotonic() - start
        orphans = _outlive(token)
        if driver:
            driver.join()
        said = self._log.read_text(errors="replace")
        if kill is None and seconds > limit_s:
            said += f"\nhad not ended after {limit_s:.0f} s"
        return Ended(process.returncode, said, seconds, first_s, self._changes(), orphans)

    def _environment(self, token: str, kill: Kill | None) -> dict[str, str]:
        paths = [str(HOOK), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # nor may a kill leave half a compiled module
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            _TOKEN: token,
            "KILLS_WATCHED": f"{self.folder}{os.pathsep}{self.temporary}",
            "KILLS_COUNTER": str(self._counter),
            "KILLS_STOP_AT": str(int(kill.value)) if kill and kill.at == "change" else "0",
        }

    def _has_begun(self) -> bool:
        return any(self.folder.iterdir())

    def _changes(self) -> int:
        return self._counter.stat().st_size if self._counter.is_file() else 0

    def _is_due(self, kill: Kill, passed: float, first_s: float) -> bool:
        if kill.at == "change":
            return self._changes() >= kill.value
        if kill.at == "work":
            return first_s > 0 and passed - first_s >= kill.value
        return passed >= kill.value


def _kill(pid: int, *, alone: bool) -> None:
    """Kill a process that was started in a session of its own and has not been waited for."""
    (os.kill if alone else os.killpg)(pid, signal.SIGKILL)


def _outlive(token: str) -> tuple[str, ...]:
    """Wait until nothing of a run lives any more; kill what does not end by itself, and return
    it."""
    end = time.monotonic() + SURVIVE_S
    while living := dict(_of_run(token)):
        if time.monotonic() > end:
            for pid in living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return tuple(living.values())
        time.sleep(0.02)
    return ()


def _of_run(token: str) -> Iterator[tuple[int, str]]:
    """Yield process id and words of what has the token in its environment, whoever its parent is
    now."""
    wanted = f"{_TOKEN}={token}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                words = (
                    (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                yield int(place.name), words[:120]
        except OSError:
            continue  # it has just ended, or is somebody else's
