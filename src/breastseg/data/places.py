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
    dots = []
    for dot in drawn.dots:
        _, is_not = label_map.kind_of(dot.name, where)
        if not is_not:
            dots.append(dot)
    if len(dots) == len(drawn.dots):
        return drawn
    return replace(drawn, dots=tuple(dots))


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
        drawn: in pixels of the image, `measured`.
        label_map: turns names into labels; dots of a class that is not annotated are left out.
        size_px: (width, height) of the image.
        new_size_px: (width, height) of the result.
        where: the file, for errors.

    Returns:
        (N, 7) rows.

    Raises:
        LabelError: a class that the map lacks.
    """
    kinds = []
    has_more = False
    for dot in drawn.dots:
        label, is_not = label_map.kind_of(dot.name, where)
        kinds.append((dot, label, is_not))
        has_more = has_more or is_not or dot.width > 0
    if not has_more:
        # Dots of classes alone are in ID.dots.npy, and `Dataset.places` makes places of them.
        return np.empty((0, COLUMNS), np.int32)
    rows = []
    for dot, label, is_not in kinds:
        if label:
            rows.append((label, is_not, dot.is_round, *place_px(dot, size_px, new_size_px)))
    return np.array(rows, np.int32).reshape(-1, COLUMNS)


def place_px(
    dot: Dot, size_px: Sequence[int], new_size_px: Sequence[int]
) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of the pixels of a dot.

    They are those whose middles its box has, or the one under the dot.
    """
    left, right = _pixels_of(dot.x, dot.width, size_px[0], new_size_px[0])
    top, bottom = _pixels_of(dot.y, dot.height, size_px[1], new_size_px[1])
    return top, left, bottom, right


def _pixels_of(middle: float, side: float, length: int, new_length: int) -> tuple[int, int]:
    """Return the first pixel along an axis, and one past the last, at the new resolution."""
    # Multiplied first: a factor new / old of its own would be rounded once more.
    low = (middle - side / 2) * new_length / length
    high = (middle + side / 2) * new_length / length
    return middles_within(low, high, new_length)
