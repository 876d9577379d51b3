"""Large images and label images, decoded by a process of their own into a file without a name,
from which their tiles are read.

One at a time: what decoding an image takes, it takes beside the server. The file goes with the
last that holds it open, however the server ends.
"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from breastseg.files import nameless_file
from breastseg.runners.ending import signal_name
from breastseg.serve.disk import not_written
from breastseg.serve.refusals import Forbidden, Full, Refused, Unreadable
from breastseg.serve.room import Room, busy
from breastseg.serve.tiles.decoding import FOOT_BYTES, SCRATCH, Foot, Task
from breastseg.serve.tiles.pieces import grid_of, halved, levels_of, piece_box
from breastseg.serve.tiles.shelf import Shelf

LARGE_PX = 4_000_000
"""An image or label image that has more is decoded in a process of its own; a smaller one sooner
here than a process is begun."""

DECODING = (sys.executable, "-P", "-m", "breastseg.serve.tiles.decoding")
"""Without the current folder among those that are imported from: it may be that of the slides."""
DECODING_S = 600.0
"""Seconds after which decoding is given up."""
WAIT_S = 120.0
"""Seconds that an image waits for those before it; then it is told to come again."""
_MOST = 64
_REFUSALS: Mapping[str, type[Refused]] = {
    kind.__name__: kind for kind in (Forbidden, Full, Unreadable)
}
_SCRATCH_BYTES = 8 * 2**30
_LOG = logging.getLogger(__name__)


class Decoded:
    """What was decoded; threads may read it.

    Attributes:
        size_px: (width, height).
        doubts: of an image, what speaks against its being H&E with tissue on it.
        held_bytes: of the file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Take a file that a process has written to its end.

        Raises:
            Refused: what that process says went wrong.
        """
        self._file = file
        self.held_bytes = os.fstat(file.fileno()).st_size
        # Read from the end: the length of the JSON, the JSON before it, the tiles before that.
        length_at = self.held_bytes - FOOT_BYTES
        foot_length = int.from_bytes(self._read(length_at, FOOT_BYTES), "little")
        self._end = length_at - foot_length
        foot: Foot = json.loads(self._read(self._end, foot_length))
        if "cause" in foot:
            raise _REFUSALS[foot["refusal"]](foot["cause"])
        self.size_px: tuple[int, int] = tuple(foot.get("size_px", (0, 0)))
        self.doubts: list[str] = foot.get("doubts") or []
        self._thumbnail = tuple(foot.get("thumbnail", (0, 0)))
        self._places = [np.array(level, np.int64) for level in foot.get("places", [])]

    def piece(self, level: int, column: int, row: int) -> bytes:
        """Return a tile as it is sent; Absent where there is none."""
        piece_box(self.size_px, level, column, row)  # raises for a tile that there is not
        times = levels_of(self.size_px) - 1 - level
        columns, _ = grid_of(halved(self.size_px, times))
        start, length = self._places[times][row * columns + column]
        return self._read(int(start), int(length))

    def thumbnail(self) -> bytes:
        """Return a large image made small."""
        return self._read(*self._thumbnail)

    def content(self) -> bytes:
        """Return all that was written."""
        return self._read(0, self._end)

    def close(self) -> None:
        """Let go of the file, which is then gone."""
        self._file.close()

    def _read(self, start: int, length: int) -> bytes:
        # pread has no position that threads would share.
        return os.pread(self._file.fileno(), length, start)


class Decoder:
    """Begins the processes, one at a time, and holds what they have decoded."""

    def __init__(self) -> None:
        """Begin none yet."""
        self._turn = threading.Lock()
        self._disk = Room(_SCRATCH_BYTES)
        self._shelf: Shelf[Decoded] = Shelf(_MOST, self._disk)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def borrowed(self, key: tuple[str, ...], task: Task) -> AbstractContextManager[Decoded]:
        """Lend what is decoded under a key, or decode it.

        Raises:
            Refused: it cannot be decoded; others are; there is no room on the
                disk.
        """
        return self._shelf.borrowed(key, partial(self.decoded, task))

    def holds(self, key: tuple[str, ...]) -> bool:
        """Return whether something is decoded already."""
        return self._shelf.peek(key) is not None

    def decoded(self, task: Task) -> Decoded:
        """Decode something that is not kept.

        Raises:
            Refused: as of `borrowed`.
        """
        if not self._turn.acquire(timeout=WAIT_S):
            raise busy("other large images are being decoded")
        try:
            return self._run(task)
        except OSError as error:
            raise not_written(SCRATCH, error) from None
        finally:
            self._turn.release()

    def close(self) -> None:
        """End what decodes, and let go of all that is decoded."""
        self._closed = True  # first: who gets the turn now must not begin a process
        self._disk.close()
        process = self._process
        if process is not None:
            process.kill()
        self._shelf.close()

    def _run(self, task: Task) -> Decoded:
        file = nameless_file()  # held until it is let go of
        try:
            with nameless_file() as errors:
                status = self._status_of(task, file, errors)
                if status:
                    errors.seek(0)
                    printed = errors.read()[-4000:].decode(errors="replace")
                    _LOG.error("%s: decoding ended with %s: %s", task.path, status, printed)
                    raise Unreadable(f"{Path(task.path).name}: {_ending(status)}")
            return Decoded(file)
        except BaseException:  # whatever it is: nobody else would close the file
            file.close()
            raise

    def _status_of(self, task: Task, file: IO[bytes], errors: IO[bytes]) -> int:
        """Let a process do a task, to its end; return its status."""
        if self._closed:
            raise busy("the server ends")
        with subprocess.Popen(
            DECODING, stdin=subprocess.PIPE, stdout=file, stderr=errors, start_new_session=True
        ) as process:
            self._process = process
            try:
                assert process.stdin
                with suppress(BrokenPipeError):  # its status says why
                    process.stdin.write(task.line())
                    process.stdin.flush()  # left open: it ends when this does
                status = process.wait(DECODING_S)
            except subprocess.TimeoutExpired:
                raise Unreadable(
                    f"{Path(task.path).name}: not decoded after {DECODING_S:g} s; cut it into"
                    " smaller fields",
                ) from None
            finally:
                process.kill()
                self._process = None
        # Then `close` has killed it, and its status says nothing of the image.
        if self._closed:
            raise busy("the server ends")
        return status


def _ending(status: int) -> str:
    """Return in words how decoding ended that did not end itself."""
    name = signal_name(-status) if status < 0 else f"exit status {status}"
    if name == "SIGKILL":
        return (
            "decoding was stopped from outside (SIGKILL), as happens when memory runs out; close"
            " other programs, or cut the image"
        )
    return f"decoding it failed ({name}); export it again, or cut it into smaller fields"
