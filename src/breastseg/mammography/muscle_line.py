"""muscle.json: the line of the pectoral muscle as a person put it, beside a prepared film.

Muscle is what lies of the breast between the line, which goes on for ever, and the upper corner at
the chest wall. No points at all mean that there is no muscle on the film.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from breastseg.errors import DatasetError
from breastseg.files import sha256_of, write_json
from breastseg.json_files import number_in, read_json, whole_in
from breastseg.mammography.film import MAX_MM_PER_PX, MIN_MM_PER_PX
from breastseg.mammography.masks import BREAST, MUSCLE, FilmMasks

LINE = "muscle.json"
LINE_BYTES = 2**14
"""Of the file; what is written here has some 300."""
MOST_PX = 100_000
"""Longest side of a film that is believed."""
_LEAST_PX = 2.0
"""Two points that are nearer to one another than this are no line."""
_LARGE_SHARE = 0.5
_SAME = 0.01

Points = tuple[tuple[float, float], ...]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class MuscleLine:
    """A line on an image, in which whole numbers are the middles of pixels.

    Attributes:
        chest_wall: side of the image at which the chest wall lies.
        size_px: (width, height) of the image.
        points_px: two (x, y) on the line, or none where there is no muscle.
        mm_per_px: millimetres a pixel; None where it is not known.
    """

    chest_wall: Side
    size_px: tuple[int, int]
    points_px: Points
    mm_per_px: float | None = None


def check_line(line: MuscleLine) -> MuscleLine:
    """Return a line whose points are rounded to tenths of a pixel; ValueError where it is none."""
    width, height = line.size_px
    if len(line.points_px) not in (0, 2):
        raise ValueError(f"{len(line.points_px)} points, wanted two, or none for no muscle")
    points = []
    for x, y in line.points_px:
        across = number_in(x, -width, 2 * width, "x of a point")
        down = number_in(y, -height, 2 * height, "y of a point")
        points.append((round(across, 1), round(down, 1)))
    if points:
        apart_px = np.hypot(*np.subtract(points[0], points[1]))
        if apart_px < _LEAST_PX:
            raise ValueError("the two points are one, wanted a line; move them apart")
    return replace(line, points_px=tuple(points))


def from_corner_mm(line: MuscleLine) -> list[list[float]] | None:
    """Return the points in millimetres from the upper corner at the chest wall: across, down.

    They are the same on a film and on its mirror image. None where nobody knows a pixel's size.
    """
    if line.mm_per_px is None:
        return None
    unit = line.mm_per_px
    points = []
    for x, y in _turned(line):
        # from the corner of the first pixel, not from its middle
        across = (x + 0.5) * unit
        down = (y + 0.5) * unit
        points.append([round(across, 2), round(down, 2)])
    return points


def write_line(path: Path, line: MuscleLine) -> None:
    """Write a line.

    Args:
        path: FILM/muscle.json.
        line: as `check_line` returns it.
    """
    record = {
        "chest_wall": line.chest_wall,
        "width_px": line.size_px[0],
        "height_px": line.size_px[1],
        "mm_per_px": line.mm_per_px,
        "points_px": [list(point) for point in line.points_px],
        "points_mm_from_corner_at_chest_wall": from_corner_mm(line),
    }
    write_json(path, record)


def read_line(path: Path, where: str) -> MuscleLine | None:
    """Read a line; None where there is no file.

    Args:
        path: FILM/muscle.json.
        where: how errors call the film.

    Raises:
        DatasetError: the file is not what `write_line` writes, or contradicts itself.
    """
    if not path.is_file():
        return None
    record = read_json(path, DatasetError, "the line of a muscle", most_bytes=LINE_BYTES)
    try:
        return _line_of(record)
    except (ValueError, TypeError, KeyError) as cause:
        fault = f"no '{cause.args[0]}'" if isinstance(cause, KeyError) else str(cause)
        raise DatasetError(
            f"{where}: {LINE}: {fault}; put the line again in breastseg serve, or remove the file"
        ) from None


def _line_of(record: Any) -> MuscleLine:
    if not isinstance(record, dict):
        raise ValueError("not an object, wanted the line of a muscle")
    side = record["chest_wall"]
    if side not in ("left", "right"):
        raise ValueError("chest_wall, wanted left or right")
    width = whole_in(record["width_px"], 1, MOST_PX, "width_px")
    height = whole_in(record["height_px"], 1, MOST_PX, "height_px")
    unit = record["mm_per_px"]
    if unit is not None:
        unit = number_in(unit, MIN_MM_PER_PX, MAX_MM_PER_PX, "mm_per_px")
    pairs = record["points_px"]
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise ValueError("points_px, wanted a list of [x, y]")
    points = tuple(map(tuple, pairs))
    line = check_line(MuscleLine(side, (width, height), points, unit))
    # Twice in the file: a person who changes one of the two by hand is told.
    in_mm = record["points_mm_from_corner_at_chest_wall"]
    if not _agree(in_mm, line):
        raise ValueError("the points in mm are not those in px, wanted the same line twice")
    return line


def _is_pair(point: Any) -> bool:
    return isinstance(point, list) and len(point) == 2


def _agree(in_mm: Any, line: MuscleLine) -> bool:
    """Return whether points in mm, read from JSON, are those of a line to one pixel."""
    wanted = from_corner_mm(line)
    if wanted is None or in_mm is None:
        return wanted is in_mm
    if not isinstance(in_mm, list) or len(in_mm) != len(wanted):
        return False
    if not all(map(_is_pair, in_mm)):
        return False
    if not wanted:
        return True
    numbers = []
    for point in in_mm:
        for value in point:
            numbers.append(number_in(value, -1e6, 1e6, "a point in mm"))
    apart_mm = np.abs(np.subtract(numbers, np.ravel(wanted)))
    return bool(apart_mm.max() <= (line.mm_per_px or 1))


def line_hash(folder: Path) -> str | None:
    """Return what tells one muscle.json of a film's folder from another; None for none."""
    path = folder / LINE
    return sha256_of(path) if path.is_file() else None


def fitted_to(line: MuscleLine, size_px: tuple[int, int], where: str) -> MuscleLine:
    """Return a line on an image of the same film in another size.

    Raises:
        DatasetError: the image has another shape.
    """
    if size_px == line.size_px:
        return line
    width, height = size_px
    factor = width / line.size_px[0]
    if abs(height / line.size_px[1] / factor - 1) > _SAME:
        raise DatasetError(
            f"{where}: {LINE} is of an image of {line.size_px[0]} x {line.size_px[1]} pixels, "
            f"this one has {width} x {height}; is it of another film?"
        )
    points = []
    for x, y in line.points_px:
        # the edges of pixels are scaled, not their middles
        new_x = (x + 0.5) * factor - 0.5
        new_y = (y + 0.5) * factor - 0.5
        points.append((new_x, new_y))
    unit = None if line.mm_per_px is None else line.mm_per_px / factor
    return MuscleLine(line.chest_wall, size_px, tuple(points), unit)


def _turned(line: MuscleLine) -> Points:
    """Return the points of a line as they are where the chest wall lies left."""
    if line.chest_wall == "left":
        return line.points_px
    last = line.size_px[0] - 1
    points = []
    for x, y in line.points_px:
        points.append((round(last - x, 2), y))
    return tuple(points)


def side_of(line: MuscleLine) -> npt.NDArray[np.bool_]:
    """Return what lies between a line and the upper corner at the chest wall: (H, W)."""
    width, height = line.size_px
    if not line.points_px:
        return np.zeros((height, width), bool)
    (left, top), (right, bottom) = _turned(line)
    across = right - left
    down = bottom - top
    # The cross product with the line's direction has one sign on each side of it.
    corner = across * (-0.5 - top) - down * (-0.5 - left)
    sign = float(np.sign(corner))  # 0 where the line goes through the corner: nothing lies between
    rows = sign * across * (np.arange(height) - top)  # (H,)
    columns = sign * down * (np.arange(width) - left)  # (W,)
    inside = rows[:, None] > columns[None, :]
    if line.chest_wall == "left":
        return inside
    return np.ascontiguousarray(inside[:, ::-1])


def with_line(masks: FilmMasks, line: MuscleLine) -> FilmMasks:
    """Return masks in which the muscle is what a person's line cuts off.

    Args:
        masks: of a film, with or without muscle.
        line: on an image of their size.
    """
    tissue = (masks.labels == BREAST) | (masks.labels == MUSCLE)
    cut = tissue & side_of(line)
    labels = masks.labels.copy()
    labels[tissue] = BREAST
    labels[cut] = MUSCLE
    how = "by the line that a person put" if line.points_px else "none, as a person said"
    notes = [*masks.notes, f"muscle: {how} ({LINE})"]
    share = int(cut.sum()) / max(1, int(tissue.sum()))
    if share > _LARGE_SHARE:
        notes.append(f"the line cuts {100 * share:.0f} % of the breast off as muscle: look at it")
    return replace(
        masks,
        labels=labels,
        chest_wall=line.chest_wall,
        muscle_score=float("nan"),
        notes=tuple(notes),
    )
