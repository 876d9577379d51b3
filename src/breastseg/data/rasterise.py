"""Areas and dots -> a label image, and the dots as places in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.errors import SourceError
from breastseg.geometry import crossings, downward
from breastseg.labels import LabelMap, Labels
from breastseg.sources.annotations import Area, Dot, Drawn
from breastseg.wording import counted

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

Dots = npt.NDArray[np.int32]
"""(N, 3) rows of (label, y, x)."""

_HELD = 1 << 20
"""Crossings of rows, or pixels, that are held at a time."""

_MOST_CROSSINGS = 200_000_000
"""Of outlines with rows of pixels: a map of 100 Mpx that is noise has half of them."""

_MANY = 2_000
"""Areas of one picture of which the progress is shown."""

_STICKS_OUT_PX = 1.0


def check_inside(drawn: Drawn, size_px: tuple[int, int], where: str) -> int:
    """Refuse what lies outside a picture: at its border it would teach nonsense, left out it would
    be missed.

    Args:
        drawn: in pixels of the picture.
        size_px: (width, height) of the picture.
        where: the file, for errors.

    Returns:
        how many areas reach beyond the picture by more than a pixel, where they are cut.

    Raises:
        SourceError: an area has nothing in the picture, a dot is not in it, or a dot's box or disc
            reaches beyond it by more than a pixel.
    """
    areas, (left, top, right, bottom), (width, height) = len(drawn.areas), drawn.boxes().T, size_px
    is_dot = np.arange(len(left)) >= areas
    x, y = np.where(is_dot, (left + right) / 2, left), np.where(is_dot, (top + bottom) / 2, top)
    is_out = np.where(
        is_dot,
        (x < 0) | (y < 0) | (x > width) | (y > height),
        (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height),
    )
    if is_out.any():
        first = int(np.argmax(is_out))
        name, number = ("dot", first - areas + 1) if is_dot[first] else ("area", first + 1)
        counts = [
            f"{out.sum():,} of {counted(out.size, noun)}"
            for noun, out in (("area", is_out[:areas]), ("dot", is_out[areas:]))
            if out.any()
        ]
        raise SourceError(
            f"{where}: {name} {number} at x {x[first]:g}, y {y[first]:g} is outside the picture of"
            f" {width} x {height} px; coordinates are pixels of this picture, those of"
            f" {' and '.join(counts)} are not: export them again, from this picture and at this"
            " magnification"
        )
    reach = np.max([-left, -top, right - width, bottom - height], axis=0, initial=-np.inf)
    if (is_wide := reach[areas:] > _STICKS_OUT_PX).any():
        first = int(np.argmax(is_wide))
        dot = drawn.dots[first]
        raise SourceError(
            f"{where}: the box of dot {first + 1} at x {dot.x:g}, y {dot.y:g}, {dot.width:g} x"
            f" {dot.height:g} px, reaches beyond the picture of {width} x {height} px"
            f" ({is_wide.sum():,} of {counted(is_wide.size, 'dot')}); x and y are the middle of a"
            " box, in pixels of this picture as its sides are; a disc of radius_um is as wide as"
            " the picture's um/px says"
        )
    return int((reach[:areas] > _STICKS_OUT_PX).sum())


def draw(
    drawn: Drawn,
    label_map: LabelMap,
    size_px: tuple[int, int],
    new_size_px: tuple[int, int],
    *,
    radius_px: float,
    where: str,
) -> tuple[Labels, Dots]:
    """Draw annotation at the resolution of a data set.

    An area has the pixels whose middles lie in it; a middle on a border counts to the right of it,
    or below it. A ring that crosses itself has all that it goes round, as in QuPath. Smaller areas
    lie on larger ones; what a class "not annotated" covers is not annotated. A dot becomes a disc,
    where no area is; where discs meet, a pixel belongs to the nearest dot. Dots of a class that is
    not annotated are left out.

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
    names = dict.fromkeys([*(area.name for area in drawn.areas), *(dot.name for dot in drawn.dots)])
    named = {name: label_map.label_of(name, where) for name in names}
    labels, within = _areas(drawn.areas, named, np.array(new_size_px) / size_px, new_size_px, where)
    places = [_place(dot, named[dot.name], size_px, new_size_px) for dot in drawn.dots]
    dots = np.array([place for place in places if place[0]], np.int32).reshape(-1, 3)
    return (
        np.where(within, labels, _discs(dots, labels.shape, radius_px)) if len(dots) else labels
    ), dots


def _areas(
    areas: Sequence[Area],
    named: Mapping[str, int],
    scale: npt.NDArray[np.float64],
    size_px: tuple[int, int],
    where: str,
) -> tuple[Labels, Bools]:
    """Draw areas; return labels, and where any area is."""
    width, height = size_px
    labels, within = np.zeros((height, width), np.uint8), np.zeros((height, width), bool)
    largest_first = np.argsort(-_extents(areas), kind="stable").tolist()
    crossed = 0
    with tqdm(
        total=len(areas), unit="area", leave=False, disable=None if len(areas) > _MANY else True
    ) as bar:
        for batch in _batches([areas[k] for k in largest_first], scale[1]):
            rings = _Rings(batch, scale)
            crossed += rings.crossings(height)
            if crossed > _MOST_CROSSINGS:
                raise SourceError(
                    f"{where}: outlines so long that they cross {crossed:,} rows of pixels;"
                    " simplify them in QuPath"
                )
            values = np.array([named[area.name] for area in batch], np.uint8)
            bands = -(-rings.crossings(height) // _HELD)
            for band in range(bands):
                rows = height * band // bands, height * (band + 1) // bands
                for place, area in _pixels(*rings.spans(rows, size_px), size_px):
                    labels.reshape(-1)[place] = values[area]
                    within.reshape(-1)[place] = True
            bar.update(len(batch))
    return labels, within


def _extents(areas: Sequence[Area]) -> npt.NDArray[np.float64]:
    """Return the areas of outlines, by the shoelace formula."""
    if not areas:
        return np.zeros(0)
    lengths = np.array([len(area.outline) for area in areas])
    starts = np.cumsum(lengths) - lengths
    places = np.concatenate([area.outline for area in areas])
    x, y = (places - np.repeat(places[starts], lengths, axis=0)).T
    turned = x * np.roll(y, -1) - np.roll(x, -1) * y
    turned[starts + lengths - 1] = 0  # from the last place to the first, which is (0, 0)
    return np.abs(np.add.reduceat(turned, starts)) / 2


def _batches(areas: list[Area], scale: float) -> Iterator[list[Area]]:
    """Yield areas in their order, as many at a time as may be held."""
    batch: list[Area] = []
    held = 0.0
    for area in areas:
        size = sum(
            len(ring) + scale * float(np.abs(np.diff(ring[:, 1])).sum())
            for ring in (area.outline, *area.holes)
        )
        if batch and held + size > _HELD:
            yield batch
            batch, held = [], 0.0
        batch.append(area)
        held += size
    if batch:
        yield batch


class _Rings:
    """Outlines and holes of areas as edges."""

    def __init__(self, areas: Sequence[Area], scale: npt.NDArray[np.float64]) -> None:
        rings = [ring for area in areas for ring in (area.outline, *area.holes)]
        counts = np.array([1 + len(area.holes) for area in areas])
        self._area = np.repeat(np.arange(len(areas)), counts)
        self._sign = np.full(len(rings), -1)
        self._sign[np.cumsum(counts) - counts] = 1
        lengths = np.array([len(ring) for ring in rings])
        places = np.concatenate(rings) * scale
        after = np.arange(1, len(places) + 1)
        after[np.cumsum(lengths) - 1] = np.cumsum(lengths) - lengths
        self._ring = np.repeat(np.arange(len(rings)), lengths)
        self._edges, self._is_down = downward(places, places[after])

    def crossings(self, height: int) -> int:
        """Return about how often edges cross the middles of rows, and at least 1."""
        top, bottom = np.clip(self._edges[[1, 3]], 0, height)
        return 1 + int((bottom - top).sum())

    def spans(self, rows: tuple[int, int], size_px: tuple[int, int]) -> tuple[Ints, Ints]:
        """Return where stretches of rows begin and end that areas cover, area after area.

        A place is (area * height + row) * (width + 1) + column.
        """
        width, height = size_px
        edge, row, column = crossings(self._edges, rows)
        ring = self._ring[edge]
        place = (ring * height + row) * (width + 1) + np.clip(column, 0, width)
        start, end = _stretches(
            place, np.where(self._is_down[edge], 1, -1), lambda turns: turns != 0
        )
        ring = start // ((width + 1) * height)
        shift = (self._area[ring] - ring) * (
            (width + 1) * height
        )  # from the number of the ring to that of the area
        start, end, sign = start + shift, end + shift, self._sign[ring]
        if (self._sign > 0).all():
            return start, end
        return _stretches(
            np.concatenate([start, end]), np.concatenate([sign, -sign]), lambda layers: layers == 1
        )


def _stretches(place: Ints, step: Ints, is_inside: Callable[[Ints], Bools]) -> tuple[Ints, Ints]:
    """Return where it begins and where it ends that the sum of steps so far is one that counts."""
    order = np.argsort(place, kind="stable")
    place, inside = place[order], is_inside(np.cumsum(step[order]))
    start, end = place[:-1][inside[:-1]], place[1:][inside[:-1]]
    return start[start < end], end[start < end]


def _pixels(start: Ints, end: Ints, size_px: tuple[int, int]) -> Iterator[tuple[Ints, Ints]]:
    """Yield the pixels of stretches in their order, as places in the flat image, each with its
    area."""
    width, height = size_px
    lengths = end - start
    area, at = np.divmod(start, (width + 1) * height)
    first = at // (width + 1) * width + at % (width + 1)
    total = np.cumsum(lengths)
    cuts = [
        0,
        *np.searchsorted(
            total, np.arange(_HELD, int(total[-1]) if len(total) else 0, _HELD)
        ).tolist(),
        len(total),
    ]
    for begin, stop in pairwise(cuts):
        length = lengths[begin:stop]
        offset = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
        yield np.repeat(first[begin:stop], length) + offset, np.repeat(area[begin:stop], length)


def _place(
    dot: Dot, label: int, size_px: tuple[int, int], new_size_px: tuple[int, int]
) -> tuple[int, int, int]:
    x, y = (
        int(place * new / old)
        for place, new, old in zip((dot.x, dot.y), new_size_px, size_px, strict=True)
    )
    return label, min(y, new_size_px[1] - 1), min(x, new_size_px[0] - 1)


def _discs(dots: Dots, shape: tuple[int, int], radius: float) -> Labels:
    labels, nearest = np.zeros(shape, np.uint8), np.full(shape, np.inf, np.float32)
    reach = int(radius)
    for label, y, x in dots:
        rows, columns = (
            slice(max(0, y - reach), y + reach + 1),
            slice(max(0, x - reach), x + reach + 1),
        )
        high, wide = labels[rows, columns].shape
        distance = np.hypot(
            *np.ogrid[
                rows.start - y : rows.start - y + high, columns.start - x : columns.start - x + wide
            ]
        )
        won = (distance <= radius) & (distance < nearest[rows, columns])
        won |= distance == 0
        labels[rows, columns][won] = label
        nearest[rows, columns][won] = distance[won]
    return labels
