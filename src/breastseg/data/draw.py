"""Areas and dots -> a label image, and the dots as places in it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.errors import SourceError
from breastseg.geometry import Box, crossings, downward
from breastseg.labels import LabelMap, Labels
from breastseg.sources.drawn import Area, Dot, Drawn, Ring
from breastseg.wording import counted

Bools = npt.NDArray[np.bool_]

Dots = npt.NDArray[np.int32]
"""(N, 3) rows of (label, y, x)."""

_BAND_PX = 1 << 22
"""Of an area, drawn at a time."""

_MANY = 2_000
"""Areas of one picture of which the progress is shown."""

_STICKS_OUT_PX = 1.0


def check_inside(drawn: Drawn, size_px: tuple[int, int], where: str) -> int:
    """Refuse what lies outside a picture: at its border it would teach nonsense, left out it would be missed.

    Args:
        drawn: in pixels of the picture.
        size_px: (width, height) of the picture.
        where: the file, for errors.

    Returns:
        how many areas reach beyond the picture by more than a pixel, where they are cut.

    Raises:
        SourceError: an area has nothing in the picture, or a dot is not in it.
    """
    areas, (left, top, right, bottom), (width, height) = len(drawn.areas), drawn.boxes().T, size_px
    is_dot = np.arange(len(left)) >= areas
    is_out = np.where(
        is_dot,
        (left < 0) | (top < 0) | (left > width) | (top > height),
        (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height),
    )
    if is_out.any():
        first = int(np.argmax(is_out))
        name, number = ("dot", first - areas + 1) if is_dot[first] else ("area", first + 1)
        counts = [
            f"{out.sum():,} of {counted(out.size, noun)}" for noun, out in (("area", is_out[:areas]), ("dot", is_out[areas:])) if out.any()
        ]
        raise SourceError(
            f"{where}: {name} {number} at x {left[first]:g}, y {top[first]:g} is outside the picture of {width} x {height} px; "
            f"coordinates are pixels of this picture, those of {' and '.join(counts)} are not: export them again, "
            "from this picture and at this magnification"
        )
    reach = np.max([-left, -top, right - width, bottom - height], axis=0, initial=-np.inf)
    return int((reach[:areas] > _STICKS_OUT_PX).sum())


def draw(
    drawn: Drawn, label_map: LabelMap, size_px: tuple[int, int], new_size_px: tuple[int, int], *, radius_px: float, where: str
) -> tuple[Labels, Dots]:
    """Draw annotation at the resolution of a data set.

    An area has the pixels whose middles lie in it; a middle on a border counts to the right of it, or below it. A ring that crosses
    itself has all that it goes round, as in QuPath. Smaller areas lie on larger ones; what a class "not annotated" covers is not
    annotated. A dot becomes a disc, where no area is; where discs meet, a pixel belongs to the nearest dot. Dots of a class that is not
    annotated are left out.

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
        SourceError: an area or dot outside the picture. LabelError: a class that the map lacks.
    """
    check_inside(drawn, size_px, where)
    scale = np.array(new_size_px) / size_px
    labels, within = np.zeros(new_size_px[::-1], np.uint8), np.zeros(new_size_px[::-1], bool)
    named = {name: label_map.label_of(name, where) for name in dict.fromkeys(area.name for area in drawn.areas)}
    largest_first = sorted(drawn.areas, key=_extent, reverse=True)
    for area in tqdm(largest_first, unit="area", leave=False, disable=None if len(largest_first) > _MANY else True):
        for rows, columns, covered in _covered(area, scale, new_size_px):
            labels[rows, columns][covered] = named[area.name]
            within[rows, columns] |= covered
    places = [_place(dot, label_map, size_px, new_size_px, where) for dot in drawn.dots]
    dots = np.array([place for place in places if place[0]], np.int32).reshape(-1, 3)
    if not len(dots):
        return labels, dots
    discs = _discs(dots, labels.shape, radius_px)
    return np.where(within, labels, discs), dots


def _extent(area: Area) -> float:
    """Return the area of the outline, by the shoelace formula."""
    x, y = (area.outline - area.outline[0]).T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def _covered(area: Area, scale: npt.NDArray[np.float64], size: tuple[int, int]) -> Iterator[tuple[slice, slice, Bools]]:
    """Yield the pixels of an area, in bands of its own box: rows, columns, and which of these are covered."""
    outline = area.outline * scale
    box = _box_of(outline, Box(0, 0, *size))
    high = max(1, _BAND_PX // max(1, box.width))
    holes = [hole * scale for hole in area.holes]
    for y in range(box.y, box.y + box.height, high):
        band = Box(box.x, y, box.width, min(high, box.y + box.height - y))
        covered = _inside(outline, band)
        for hole in holes:
            part = _box_of(hole, band)
            if part.area:
                rows, columns = _slices(part, band)
                covered[rows, columns] &= ~_inside(hole, part)
        yield *_slices(band, Box(0, 0, *size)), covered


def _box_of(ring: Ring, within: Box) -> Box:
    """Return the box of the pixels whose middles may lie in a ring."""
    corner, end = (within.x, within.y), (within.x + within.width, within.y + within.height)
    x, y = np.clip(np.floor(ring.min(axis=0)), corner, end).astype(int).tolist()
    right, bottom = np.clip(np.ceil(ring.max(axis=0)), corner, end).astype(int).tolist()
    return Box(x, y, right - x, bottom - y)


def _slices(part: Box, whole: Box) -> tuple[slice, slice]:
    x, y = part.x - whole.x, part.y - whole.y
    return slice(y, y + part.height), slice(x, x + part.width)


def _inside(ring: Ring, box: Box) -> Bools:
    """Return which pixels of a box lie in a ring: going right, how often it went round them."""
    edges, is_down = downward(ring, np.roll(ring, -1, axis=0))
    edge, row, column = crossings(edges, (box.y, box.y + box.height))
    place = (row - box.y) * (box.width + 1) + np.clip(column - box.x, 0, box.width)
    turns = np.zeros((box.height, box.width + 1), np.int32)
    np.add.at(turns.reshape(-1), place, np.where(is_down[edge], 1, -1).astype(np.int32))
    np.cumsum(turns, axis=1, out=turns)
    return np.asarray(turns[:, :-1] != 0)


def _place(dot: Dot, label_map: LabelMap, size_px: tuple[int, int], new_size_px: tuple[int, int], where: str) -> tuple[int, int, int]:
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
