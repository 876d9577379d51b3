"""What does one job, in a process of its own: reads its task from standard input, reports line by
line on standard output.

It ends when its standard input does: a server that was killed leaves no job behind.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import BreastsegError, OutputError
from breastseg.files import held_folder, settle_temporary_folder, written
from breastseg.serve.disk import why

if TYPE_CHECKING:
    from breastseg.inference.map import Block

PREVIEW_PX = 2048
"""Longer side of the preview."""
_SECONDS = 1.0
"""Between two previews."""
_NICENESS = 10
"""Added to the process's nice value: the server, which shows slides meanwhile, goes before it."""
_MAPPING = 0.95
"""Share of the work after which all blocks are mapped; regions and measures follow."""
_PATIENCE = 30.0
"""Seconds that the process of a killed server is waited for."""


@dataclass(frozen=True)
class Task:
    """What the server wants done.

    Attributes:
        slide: its file or folder.
        model: folder of the bundle.
        out: folder of the result.
        preview: image of what was mapped so far.
        box: x, y, width, height in level-0 pixels; None is the whole slide.
        mpp: microns per pixel by the person.
        uncertainty: keep the uncertainty too.
    """

    slide: str
    model: str
    out: str
    preview: str
    box: tuple[int, int, int, int] | None
    mpp: float | None
    uncertainty: bool

    def line(self) -> bytes:
        """Return it as the line that `main` reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        progress: 0 to 1.
        seconds_left: about.
        blocks: how often the preview was written.
    """

    progress: float = 0.0
    seconds_left: float | None = None
    blocks: int = 0


class Preview:
    """The labels so far, over what was asked for; written and reported about once a second."""

    def __init__(self, path: Path, on_progress: Callable[[Progress], object]) -> None:
        """Write to `path`, an 8-bit grey PNG whose values are labels; `on_progress` is called after
        each time."""
        self._path, self._on_progress = path, on_progress
        self._labels = np.zeros((1, 1), np.uint8)
        self._places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None = None
        self._begun = self._shown = time.monotonic()
        self._blocks = 0

    def see(self, block: object) -> None:
        """Take a block of a map; other events are passed over."""
        from breastseg.inference.map import Block

        if not isinstance(block, Block):
            return
        if self._places is None:
            self._places = (
                _middles(block.asked.y, block.asked.height, block),
                _middles(block.asked.x, block.asked.width, block),
            )
            self._labels = np.zeros((len(self._places[0]), len(self._places[1])), np.uint8)
        rows, columns = self._places  # (h,), (w,) the pixels of the field that are shown
        box = block.box
        top, bottom = np.searchsorted(rows, (box.y, box.y + box.height))
        left, right = np.searchsorted(columns, (box.x, box.x + box.width))
        picked = np.ix_(rows[top:bottom] - box.y, columns[left:right] - box.x)
        self._labels[top:bottom, left:right] = block.labels[picked]
        now = time.monotonic()
        # The first and the last block are shown at once: else there would be nothing, or a hole.
        if not self._blocks or now - self._shown >= _SECONDS or block.done_px >= block.wanted_px:
            self._show(block, now)

    def _show(self, block: "Block", now: float) -> None:
        _, png = cv2.imencode(".png", self._labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        # Renamed when it is whole: the server may read it at any time.
        with written(self._path) as temporary:
            temporary.write_bytes(png.tobytes())
        self._shown, self._blocks = now, self._blocks + 1
        share = _MAPPING * block.done_px / max(1, block.wanted_px)
        seconds_left = None
        if share:
            seconds_left = round((now - self._begun) * (1 - share) / share, 1)
        self._on_progress(Progress(round(share, 4), seconds_left, self._blocks))


def _middles(start: int, length: int, block: "Block") -> npt.NDArray[np.intp]:
    """Return which pixels of the field the preview shows along one side of what was asked for."""
    shrink = min(1.0, PREVIEW_PX / max(block.asked.width, block.asked.height))
    shown = max(1, round(length * shrink))
    # The pixel under the centre of each new one, in whole numbers.
    return start + (2 * np.arange(shown) + 1) * length // (2 * shown)


def main() -> int:
    """Do the task of the first line of standard input; 0, or 1 after a last line {"cause": why}."""
    line = sys.stdin.buffer.readline()
    if not line:  # given up before it had a task
        return 1
    settle_temporary_folder()
    task = Task(**json.loads(line))
    threading.Thread(target=_end_with_server, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        _do(task, _print_progress)
    except BreastsegError as error:
        cause = str(error)
    except OSError as error:
        cause = why(error)
    except MemoryError:
        cause = "not enough memory; close other programs, or map a smaller box"
    else:
        return 0
    print(json.dumps({"cause": cause}), flush=True)
    return 1


def _do(task: Task, on_progress: Callable[[Progress], object]) -> None:
    from breastseg.geometry import Box
    from breastseg.inference.config import PredictConfig
    from breastseg.inference.model import load_model
    from breastseg.inference.predict import predict
    from breastseg.reporter import Reporter

    # Imported here, and not before the task is read: a process waits ready for it.
    _outlast(Path(task.out))
    box = None if task.box is None else Box(*task.box)
    config = PredictConfig(mpp=task.mpp, box=box, uncertainty=task.uncertainty)
    preview = Preview(Path(task.preview), on_progress)
    predict(
        task.slide,
        load_model(task.model),
        task.out,
        config,
        reporter=Reporter(lambda text: None, preview.see, bars=False),
    )


def _outlast(out: Path) -> None:
    """Wait until nobody writes to the result: the worker of a server that was killed ends a moment
    after it."""
    end = time.monotonic() + _PATIENCE
    while out.is_dir():
        try:
            with held_folder(out):
                return
        except OutputError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _print_progress(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)


def _end_with_server() -> None:
    # Nothing more is ever sent: this returns when the server's end of the pipe is closed.
    os.read(sys.stdin.fileno(), 1)
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
