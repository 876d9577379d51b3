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
        process = self._process
        self._process = None
        if process is not None:
            process.close()

    def _begin(self) -> None:
        self._process = _Process()
        answer, _ = self._exchange(self._task, None)
        self.name = answer["name"]
        self.package = answer["package"]

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
            answer, array = receive(self._process.answers)
        except (EOFError, BrokenPipeError):
            status, last_words = self._process.end_of()
            self._process = None
            kind = ShortageError if ran_short(last_words) else EngineError
            raise kind(f"the network ({self.name}) {ending(status, last_words)}") from None
        except BaseException:
            # As Ctrl-C: the rest of this answer would be taken for that of the next question.
            self.close()
            raise
        if "error" in answer:
            raise _error(answer, self.name)
        return answer, array


class _Process:
    """The process, ended when nothing refers to it any more; its standard error is kept, to explain
    its end."""

    def __init__(self) -> None:
        # Closed by `close`.
        self._errors: IO[bytes] = nameless_file()
        # "-P" keeps the current folder, which may be of the slides, out of sys.path.
        command = [sys.executable, "-P", "-c", _WORKER, *filter(None, sys.path)]
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Ctrl-C in a terminal is the parent's to handle.
            start_new_session=True,
        )
        self.questions = cast(BinaryIO, self.popen.stdin)
        self.answers = cast(BinaryIO, self.popen.stdout)
        _widen(self.questions)
        _widen(self.answers)
        self.close = weakref.finalize(self, _end, self.popen, self._errors)

    def end_of(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and the last of standard error."""
        status = self.popen.wait()
        self._errors.seek(0)
        last_words = self._errors.read()[-2000:].decode(errors="replace").strip()
        self.close()
        return status, last_words


def _end(popen: "subprocess.Popen[bytes]", errors_file: IO[bytes]) -> None:
    """End a process at once: it holds nothing that must be put in order."""
    popen.kill()
    for stream in (popen.stdin, popen.stdout):
        assert stream
        # Closing flushes what the process never read.
        with suppress(BrokenPipeError):
            stream.close()
    popen.wait()
    errors_file.close()


def _widen(stream: BinaryIO) -> None:
    """Let a pipe hold a megabyte, where the system can: fewer turns between the two processes."""
    if sys.platform == "linux":
        import fcntl

        # A system may allow less; then the pipe stays as it is, and works.
        with suppress(OSError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _error(answer: JsonObject, name: str) -> Exception:
    """Return the error that was raised in the process, of the same class."""
    kind = str(answer["error"])
    cause = answer["cause"]
    error_class = getattr(errors, kind, None)
    if isinstance(error_class, type) and issubclass(error_class, BreastsegError):
        return error_class(cause)
    if kind == "MemoryError":
        return MemoryError(cause)
    # Of several lines the last says what is wrong; the others name files of the back end.
    lines = cause.strip().splitlines()
    return EngineError(f"the network ({name}) failed: {lines[-1] if lines else kind}")
