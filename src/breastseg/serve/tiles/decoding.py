"""What decodes one large image or label image, in a process of its own: all tiles that can be
asked for, to standard output.

The server reads these from there; what an image takes meanwhile, this process takes and gives back
by ending. It ends when its standard input does: a server that was killed leaves none behind.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from breastseg.errors import BreastsegError
from breastseg.files import settle_temporary_folder
from breastseg.histology.stain_check import doubts
from breastseg.images import Pixels, resample_pixels
from breastseg.images.readers.flat import FlatSlide
from breastseg.json_files import JsonObject
from breastseg.labels import label_map_of
from breastseg.serve.disk import not_written
from breastseg.serve.tiles.film_thumbnail import film_thumbnail
from breastseg.serve.tiles.halvings import Halvings
from breastseg.serve.tiles.label_files import held_labels
from breastseg.serve.tiles.pieces import grey_png, grid_of, halved, jpeg, levels_of, thumbnail_size

FOOT_BYTES = 8
"""The last of what is written: how long the JSON before it is."""

SCRATCH = "the folder of temporary files"

Foot: TypeAlias = JsonObject
"""What is said of what was written: places of tiles (start, length) by level, the largest first,
and row by row."""


@dataclass(frozen=True)
class Task:
    """What the server wants decoded.

    Attributes:
        kind: an image as JPEG tiles, labels as PNG tiles, the page of a map, or a film made small.
        path: the file, or the folder of the map.
        label_map: as a dict, for codes that are not labels yet.
        made: when the map was made, as text.
    """

    kind: Literal["picture", "labels", "report", "film"]
    path: str
    label_map: JsonObject | None = None
    made: str | None = None

    def line(self) -> bytes:
        """Return it as the line that `main` reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> int:
    """Do the task of the first line of standard input; what went wrong stands at the end of what
    was written."""
    settle_temporary_folder()
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what a library prints is no tile
        task = Task(**json.loads(sys.stdin.buffer.readline()))
        threading.Thread(target=_end_with_server, daemon=True).start()
        try:
            foot = _KINDS[task.kind](task, out)
        except BreastsegError as error:
            foot = {"refusal": "Unreadable", "cause": str(error)}
        except OSError as error:
            refusal = not_written(SCRATCH, error)
            foot = {"refusal": type(refusal).__name__, "cause": str(refusal)}
        except MemoryError:
            cause = (
                f"{Path(task.path).name}: not enough memory to decode it; close other programs, or"
                " cut it"
            )
            foot = {"refusal": "Unreadable", "cause": cause}
        # At the end, because the places of tiles are known only when all are written.
        text = json.dumps(foot).encode()
        out.write(text + len(text).to_bytes(FOOT_BYTES, "little"))
    return 0


class _Written:
    """Counts what is written, so that it can be found again."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._end = out, 0

    def put(self, data: bytes) -> tuple[int, int]:
        """Write something; return where it begins, and its length."""
        start = self._end
        self._end += self._out.write(data)
        return start, len(data)


def _write_picture(task: Task, out: BinaryIO) -> Foot:
    written = _Written(out)
    with closing(FlatSlide(Path(task.path), mpp=1.0)) as slide:  # tiles need no um/px
        size = slide.size_px
        places: list[list[tuple[int, int]]] = [[] for _ in range(levels_of(size))]

        def put(times: int, pixels: Pixels) -> None:
            places[times].append(written.put(jpeg(pixels)))

        halvings = Halvings(size, put)
        for band in slide.bands():
            halvings.add(band)
    overview = halvings.overview()
    thumbnail = written.put(jpeg(resample_pixels(overview, thumbnail_size(size))))
    return {"size_px": size, "places": places, "doubts": doubts(overview), "thumbnail": thumbnail}


def _write_labels(task: Task, out: BinaryIO) -> Foot:
    label_map = None if task.label_map is None else label_map_of(task.label_map, "the label map")
    labels = held_labels(Path(task.path), label_map)
    size, places, written = labels.size_px, [], _Written(out)
    for times in range(levels_of(size)):
        columns, rows = grid_of(halved(size, times))
        level = levels_of(size) - 1 - times
        of_level = []
        for row, column in product(range(rows), range(columns)):
            tile = labels.tile(level, column, row)
            of_level.append(written.put(grey_png(tile)))
        places.append(of_level)
    return {"size_px": size, "places": places}


def _write_report(task: Task, out: BinaryIO) -> Foot:
    from breastseg.report.slide import slide_page

    out.write(slide_page(task.path, made=task.made).encode())
    return {}


def _write_film(task: Task, out: BinaryIO) -> Foot:
    out.write(film_thumbnail(Path(task.path)))
    return {}


_KINDS: Mapping[str, Callable[[Task, BinaryIO], Foot]] = {
    "picture": _write_picture, "labels": _write_labels, "report": _write_report,
    "film": _write_film,
}  # fmt: skip


def _end_with_server() -> None:
    # Nothing more is ever sent: this returns when the server's end of the pipe is closed.
    os.read(sys.stdin.fileno(), 1)
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
