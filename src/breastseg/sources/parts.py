"""A slide with areas far apart -> fields, each a region of its own: what lies between them is never
read."""

import cv2
import numpy as np

from breastseg.errors import SourceError
from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.sources.drawn import Drawn

SIDE_UM = 2048.0
"""Longest side of a field: 17 Mpx at 0.5 um/px."""
_CELL_UM = 32.0
"""Areas nearer to each other than this are in one field."""
_MOST_CELLS = 1 << 24


def fields_of(drawn: Drawn, size_px: tuple[int, int], mpp: float, where: str) -> list[Box]:
    """Return the boxes in which something is drawn, in level-0 pixels; none touches another.

    Args:
        drawn: areas and dots in level-0 pixels.
        size_px: (width, height) of the slide at level 0.
        mpp: microns per pixel at level 0.
        where: the file, for the error.

    Raises:
        SourceError: the slide is too large to be looked at so.
    """
    cell = max(1, round(_CELL_UM / mpp))
    columns, rows = -(-size_px[0] // cell), -(-size_px[1] // cell)
    if columns * rows > _MOST_CELLS:
        raise SourceError(
            f"{where}: its slide has {size_px[0]} x {size_px[1]} px at {mpp:g} um/px, which is no"
            " section of tissue; give the right --source-mpp"
        )
    seen = np.zeros((rows, columns), np.uint8)
    for area in drawn.areas:
        ring = np.clip(np.floor(area.outline / cell), -1, max(columns, rows)).astype(np.int32)
        cv2.fillPoly(seen, [ring], 1)
        cv2.polylines(seen, [ring], True, 1)
    for dot in drawn.dots:
        x, y = int(dot.x // cell), int(dot.y // cell)
        if 0 <= x < columns and 0 <= y < rows:
            seen[y, x] = 1
    side = max(1, int(SIDE_UM / mpp) // cell)
    found = []
    for left, top, width, height in _groups(seen):
        group = seen[top : top + height, left : left + width]
        for y, x in np.ndindex(-(-height // side), -(-width // side)):
            piece = group[y * side : (y + 1) * side, x * side : (x + 1) * side]
            if piece.any():
                inside = _bounds(piece)
                found.append(_box(inside, (left + x * side, top + y * side), cell, size_px))
    return sorted(found, key=lambda box: (box.y, box.x))


def within(drawn: Drawn, box: Box) -> Drawn:
    """Return the areas that reach into a box, and the dots in it."""
    left, top, right, bottom = drawn.boxes().T
    into = (right > box.x) & (bottom > box.y)
    into &= (left < box.x + box.width) & (top < box.y + box.height)
    count = len(drawn.areas)
    areas = tuple(area for area, kept in zip(drawn.areas, into[:count], strict=True) if kept)
    dots = tuple(
        dot
        for dot in drawn.dots
        if box.x <= dot.x < box.x + box.width and box.y <= dot.y < box.y + box.height
    )
    return Drawn(areas, dots, drawn.skipped, drawn.instead)


def _groups(seen: Labels) -> list[tuple[int, int, int, int]]:
    """Return left, top, width and height of what hangs together, in cells; where the boxes of two
    groups meet, they are one."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=8)
    boxes = np.zeros_like(seen)
    while count > 1:
        boxes[:] = 0
        for left, top, width, height, _ in stats[1:]:
            boxes[top : top + height, left : left + width] = 1
        merged, _, stats, _ = cv2.connectedComponentsWithStats(boxes, connectivity=8)
        if merged == count:
            break
        count = merged
    groups = []
    for left, top, width, height, _ in stats[1:].tolist():
        groups.append((left, top, width, height))
    return groups


def _bounds(piece: Labels) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(piece.any(axis=1)), np.flatnonzero(piece.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _box(
    cells: tuple[int, int, int, int], corner: tuple[int, int], cell: int, size_px: tuple[int, int]
) -> Box:
    left, top, right, bottom = cells
    x, y = (corner[0] + left) * cell, (corner[1] + top) * cell
    return Box(
        x,
        y,
        min(size_px[0], (corner[0] + right) * cell) - x,
        min(size_px[1], (corner[1] + bottom) * cell) - y,
    )
