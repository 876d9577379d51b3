"""A slide with areas far apart -> fields, each a region of its own: pixels between them are never
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
# A grid of cells of 32 um: 16 million are 131 x 131 mm, more than any glass holds.
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
    columns = -(-size_px[0] // cell)
    rows = -(-size_px[1] // cell)
    if columns * rows > _MOST_CELLS:
        raise SourceError(
            f"{where}: its slide has {size_px[0]} x {size_px[1]} px at {mpp:g} um/px, which is no"
            " section of tissue; give the right --source-mpp"
        )
    # (rows, columns) uint8: 1 where an area or a dot reaches into a cell
    marked = np.zeros((rows, columns), np.uint8)
    for area in drawn.areas:
        ring = np.floor(area.outline / cell)
        # A corner far outside would not fit into 32 bits.
        ring = np.clip(ring, -1, max(columns, rows)).astype(np.int32)
        # fillPoly alone leaves out what is thinner than a cell.
        cv2.fillPoly(marked, [ring], 1)
        cv2.polylines(marked, [ring], True, 1)
    for dot in drawn.dots:
        x = int(dot.x // cell)
        y = int(dot.y // cell)
        if 0 <= x < columns and 0 <= y < rows:
            marked[y, x] = 1
    side = max(1, int(SIDE_UM / mpp) // cell)
    boxes = []
    for left, top, width, height in _groups(marked):
        group = marked[Box(left, top, width, height).slices]
        # A group wider than a field is cut into squares of a field's side.
        for y in range(0, height, side):
            for x in range(0, width, side):
                square = group[Box(x, y, side, side).slices]
                if square.any():
                    corner = (left + x, top + y)
                    boxes.append(_box(_bounds(square), corner, cell, size_px))
    return sorted(boxes, key=lambda box: (box.y, box.x))


def within(drawn: Drawn, box: Box) -> Drawn:
    """Return the areas that reach into a box, and the dots in it."""
    left, top, right, bottom = drawn.boxes().T
    reaches_in = (right > box.x) & (bottom > box.y)
    reaches_in &= (left < box.x + box.width) & (top < box.y + box.height)
    # Areas come before dots in `boxes`.
    of_areas = reaches_in[: len(drawn.areas)]
    areas = []
    for area, reaches in zip(drawn.areas, of_areas, strict=True):
        if reaches:
            areas.append(area)
    dots = []
    for dot in drawn.dots:
        # A dot belongs to the field in which its middle lies, so that none is in two.
        is_across = box.x <= dot.x < box.x + box.width
        is_down = box.y <= dot.y < box.y + box.height
        if is_across and is_down:
            dots.append(dot)
    return Drawn(tuple(areas), tuple(dots), drawn.skipped, drawn.instead)


def _groups(marked: Labels) -> list[tuple[int, int, int, int]]:
    """Return left, top, width and height of connected cells; where the boxes of two groups meet,
    they are one."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    boxes = np.zeros_like(marked)
    # Joined boxes are larger and may meet again, so this goes on until none does.
    while count > 1:
        boxes[:] = 0
        # Row 0 of the statistics is the background.
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


def _bounds(square: Labels) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is marked, the last two one past the last."""
    rows = np.flatnonzero(square.any(axis=1))
    columns = np.flatnonzero(square.any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return left, top, right, bottom


def _box(
    cells: tuple[int, int, int, int], corner: tuple[int, int], cell: int, size_px: tuple[int, int]
) -> Box:
    """Return cells of a square as a box in level-0 pixels, cut where the slide ends."""
    left, top, right, bottom = cells
    x = (corner[0] + left) * cell
    y = (corner[1] + top) * cell
    end_x = min(size_px[0], (corner[0] + right) * cell)
    end_y = min(size_px[1], (corner[1] + bottom) * cell)
    return Box(x, y, end_x - x, end_y - y)
