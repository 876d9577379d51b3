"""Areas and dots -> a label image, and the dots as places in it."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import SourceError
from breastseg.labels import LabelMap, Labels
from breastseg.sources.drawn import Area, Dot, Drawn, Ring

Dots = npt.NDArray[np.int32]
"""(N, 3) rows of (label, y, x)."""

_SHIFT = 4
"""OpenCV takes corners as whole numbers: sixteenths of a pixel."""


def draw(
    drawn: Drawn, label_map: LabelMap, size_px: tuple[int, int], new_size_px: tuple[int, int], *, radius_px: float, where: str
) -> tuple[Labels, Dots]:
    """Draw annotation at the resolution of a data set.

    Smaller areas lie on larger ones; what a class "not annotated" covers is not annotated. A dot becomes a disc, where no area is;
    where discs meet, a pixel belongs to the nearest dot. Dots of a class that is not annotated are left out.

    Args:
        drawn: in pixels of the picture.
        label_map: turns names into labels.
        size_px: (width, height) of the picture.
        new_size_px: (width, height) of the result.
        radius_px: of the discs, in pixels of the result; a dot covers at least its own pixel.
        where: the file, for errors.

    Returns:
        (H, W) labels, 0 where nothing is drawn; and the dots.

    Raises:
        SourceError: a dot outside the picture. LabelError: a class that the map lacks.
    """
    scale = new_size_px[0] / size_px[0], new_size_px[1] / size_px[1]
    labels, within = np.zeros(new_size_px[::-1], np.uint8), np.zeros(new_size_px[::-1], bool)
    for area in sorted(drawn.areas, key=_extent, reverse=True):
        covered = _covered(area, labels.shape, scale)
        labels[covered] = label_map.label_of(area.name, where)
        within |= covered
    places = [_place(dot, number, label_map, size_px, new_size_px, where) for number, dot in enumerate(drawn.dots, start=1)]
    dots = np.array([place for place in places if place[0]], np.int32).reshape(-1, 3)
    discs = _discs(dots, labels.shape, radius_px)
    return np.where(within, labels, discs), dots


def _extent(area: Area) -> float:
    """Return the area of the outline, by the shoelace formula."""
    x, y = np.array(area.outline).T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def _covered(area: Area, shape: tuple[int, ...], scale: tuple[float, float]) -> npt.NDArray[np.bool_]:
    covered = np.zeros(shape, np.uint8)
    cv2.fillPoly(covered, [_corners(ring, scale) for ring in (area.outline, *area.holes)], 1, shift=_SHIFT)
    return covered > 0


def _corners(ring: Ring, scale: tuple[float, float]) -> npt.NDArray[np.int32]:
    """Return a ring as OpenCV wants it, in whose pixels (0, 0) is the middle of the first."""
    places = np.array(ring) * scale - 0.5
    return np.asarray(np.round(np.clip(places, -1e6, 1e6) * 2**_SHIFT), np.int32)


def _place(
    dot: Dot, number: int, label_map: LabelMap, size_px: tuple[int, int], new_size_px: tuple[int, int], where: str
) -> tuple[int, int, int]:
    if not (0 <= dot.x <= size_px[0] and 0 <= dot.y <= size_px[1]):
        raise SourceError(
            f"{where}: dot {number} at x {dot.x:g}, y {dot.y:g} is outside the picture of {size_px[0]} x {size_px[1]} px; "
            "coordinates are pixels of this picture, export them again"
        )
    x, y = (int(place * new / old) for place, new, old in zip((dot.x, dot.y), new_size_px, size_px, strict=True))
    return label_map.label_of(dot.name, where), min(y, new_size_px[1] - 1), min(x, new_size_px[0] - 1)


def _discs(dots: Dots, shape: tuple[int, int], radius: float) -> Labels:
    labels, nearest = np.zeros(shape, np.uint8), np.full(shape, np.inf, np.float32)
    reach = int(radius)
    for label, y, x in dots:
        rows, columns = slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
        high, wide = labels[rows, columns].shape
        distance = np.hypot(*np.ogrid[rows.start - y : rows.start - y + high, columns.start - x : columns.start - x + wide])
        won = (distance <= radius) & (distance < nearest[rows, columns])
        won |= distance == 0
        labels[rows, columns][won] = label
        nearest[rows, columns][won] = distance[won]
    return labels
