"""A runner whose network runs in a process of its own: a fault in native code ends that process,
not the one that asked.

There is one process a runner, for as long as the runner lives. Where it died, the next question
begins another.
"""

import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import IO, Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from breastseg import errors
from breastseg.bundles.bundle import Bundle
from breastseg.errors import BreastsegError, EngineError, ShortageError
from breastseg.files import nameless_file
from breastseg.json_files import JsonObject
from breastseg.labels import Labels
from breastseg.runners.ending import ending, ran_short
from breastseg.runners.runner import DEFAULT_BACKEND
from breastseg.runners.worker import receive, send

_WORKER = (
    "import sys; sys.path[:] = sys.argv[1:]; from breastseg.runners.worker import main; main()"
)
"""It imports from where this process does, as a notebook may have set it, but not from the current
folder: that may be of the slides."""
_PIPE_BYTES = 2**20


class ChildRunner:
    """Runs a bundle like `load_runner`'s, in another process. Threads take turns."""

    def __init__(
        self,
        bundle: Bundle,
        backend: str = DEFAULT_BACKEND,
        *,
        precision: str = "auto",
        threads: int = 0,
    ) -> None:
        """Begin the process and load the network there.

        Args:
            bundle: the model.
            backend: a name of `BACKENDS`.
            precision: one of `PRECISIONS`.
            threads: CPU threads of the network; 0 takes one for each core that this process may
                use.

        Raises:
            what `load_runner` raises. EngineError: the process died.
        """
        self._task = {
            "bundle": str(bundle.path),
            "backend": backend,
            "precision": precision,
            "threads": threads,
        }
        self._turn = threading.Lock()
        self._process: _Process | None = None
        self.name = self.package = backend
        self._begin()

    @property
    def pid(self) -> int | None:
        """Return the number of the process; None when none runs."""
        return self._process.popen.pid if self._process else None

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        return np.asarray(self._ask({"what": "probabilities"}, tiles), np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels."""
        return np.asarray(self._ask({"what": "labels"}, tiles), np.uint8)

    def features(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, C) float32, as `FeatureNetwork` does."""
        return np.asarray(self._ask({"what": "features"}, tiles), np.float32)

    def release(self) -> None:
        """Give back the memory that is held between tiles."""
        if self._process is not None:
            self._ask({"what": "release"})

    def close(self) -> None:
        """End the process; a later question begins another."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _begin(self) -> None:
        self._process = _Process()
        told, _ = self._exchange(self._task, None)
        self.name, self.package = told["name"], told["package"]

    def _ask(
        self, head: JsonObject, tiles: npt.NDArray[np.uint8] | None = None
    ) -> npt.NDArray[Any] | None:
        with self._turn:
            if self._process is None:
                self._begin()
            return self._exchange(head, tiles)[1]

    def _exchange(
        self, head: JsonObject, tiles: npt.NDArray[np.uint8] | None
    ) -> tuple[JsonObject, npt.NDArray[Any] | None]:
        assert self._process
        try:
            send(self._process.questions, head, tiles)
            told, array = receive(self._process.answers)
        except (EOFError, BrokenPipeError):
            status, said = self._process.end_of()
            self._process = None
            kind = ShortageError if ran_short(said) else EngineError
            raise kind(f"the network ({self.name}) {ending(status, said)}") from None
        except BaseException:  # Ctrl-C: half a message would be answered to the next question
            self.close()
            raise
        if "error" in told:
            raise _error(told, self.name)
        return told, array


class _Process:
    """The process, ended when nobody holds it any more; what it says on standard error is kept for
    its end."""

    def __init__(self) -> None:
        self._said: IO[bytes] = nameless_file()  # closed by `close`
        command = [sys.executable, "-P", "-c", _WORKER, *filter(None, sys.path)]
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        self.questions, self.answers = (
            cast(BinaryIO, self.popen.stdin),
            cast(BinaryIO, self.popen.stdout),
        )
        for stream in (self.questions, self.answers):
            _widen(stream)
        self.close = weakref.finalize(self, _end, self.popen, self._said)

    def end_of(self) -> tuple[int, str]:
        """Wait for the end; return its status, and the last that the process said."""
        status = self.popen.wait()
        self._said.seek(0)
        said = self._said.read()[-2000:].decode(errors="replace").strip()
        self.close()
        return status, said


def _end(popen: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
    popen.kill()
    for stream in (popen.stdin, popen.stdout):
        assert stream
        with suppress(BrokenPipeError):  # what it never read
            stream.close()
    popen.wait()
    said.close()


def _widen(stream: BinaryIO) -> None:
    """Let a pipe hold a megabyte, where the system can: fewer turns between the two processes."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # a limit of the system's: it works as it is
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _error(told: JsonObject, name: str) -> Exception:
    """Return the error that was raised in the process, of the same class."""
    found = getattr(errors, str(told["error"]), None)
    if isinstance(found, type) and issubclass(found, BreastsegError):
        return found(told["cause"])
    if told["error"] == "MemoryError":
        return MemoryError(told["cause"])
    return EngineError(
        f"the network ({name}) failed:"
        f" {told['cause'].strip().splitlines()[-1] if told['cause'].strip() else told['error']}"
    )
