"""Dots, boxes and discs -> places of a data set: rows of pixels that a map is scored at.

They teach nothing but the dots that they are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from breastseg.geometry import middles_within
from breastseg.labels import LabelMap
from breastseg.sources.annotations import Drawn
from breastseg.sources.points import Dot

Places = npt.NDArray[np.int32]
"""(N, 7) rows of (label, is_not, is_round, top, left, bottom, right): see `metrics/places.py`."""

COLUMNS = 7


def without_nots(drawn: Drawn, label_map: LabelMap, where: str) -> Drawn:
    """Return what is drawn without the dots that say what a place is not."""
    if not any(label_map.kind_of(dot.name, where)[1] for dot in drawn.dots):
        return drawn
    kept = tuple(dot for dot in drawn.dots if not label_map.kind_of(dot.name, where)[1])
    return replace(drawn, dots=kept)


def places_of(
    drawn: Drawn,
    label_map: LabelMap,
    size_px: tuple[int, int],
    new_size_px: tuple[int, int],
    where: str,
) -> Places:
    """Return the dots as places at the resolution of a data set; nothing where they are dots of
    classes alone.

    Args:
        drawn: in pixels of the picture, `measured`.
        label_map: turns names into labels; dots of a class that is not annotated are left out.
        size_px: (width, height) of the picture.
        new_size_px: (width, height) of the result.
        where: the file, for errors.

    Returns:
        (N, 7) rows.

    Raises:
        LabelError: a class that the map lacks.
    """
    kinds = [label_map.kind_of(dot.name, where) for dot in drawn.dots]
    if not any(is_not or dot.width for dot, (_, is_not) in zip(drawn.dots, kinds, strict=True)):
        return np.empty((0, COLUMNS), np.int32)
    rows = []
    for dot, (label, is_not) in zip(drawn.dots, kinds, strict=True):
        if label:
            rows.append((label, is_not, dot.is_round, *place_px(dot, size_px, new_size_px)))
    return np.array(rows, np.int32).reshape(-1, COLUMNS)


def place_px(
    dot: Dot, size_px: Sequence[int], new_size_px: Sequence[int]
) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of the pixels of a dot.

    They are those whose middles its box has, or the one under the dot.
    """
    ends = []
    sides = (dot.x, dot.width), (dot.y, dot.height)
    for (middle, side), old, new in zip(sides, size_px, new_size_px, strict=True):
        low = (middle - side / 2) * new / old
        high = (middle + side / 2) * new / old
        ends.append(middles_within(low, high, new))
    (left, right), (top, bottom) = ends
    return top, left, bottom, right
