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
"""Areas of one image of which the progress is shown."""

_STICKS_OUT_PX = 1.0
"""How far something may reach beyond an image: programs round to whole pixels."""


def check_inside(drawn: Drawn, size_px: tuple[int, int], where: str) -> int:
    """Refuse what lies outside an image: moved to its border it would be wrong truth, and left out
    nobody would know.

    Args:
        drawn: in pixels of the image.
        size_px: (width, height) of the image.
        where: the file, for errors.

    Returns:
        how many areas reach beyond the image by more than a pixel, where they are cut.

    Raises:
        SourceError: an area has nothing in the image, a dot is not in it, or a dot's box or disc
            reaches beyond it by more than a pixel.
    """
    areas = len(drawn.areas)
    left, top, right, bottom = drawn.boxes().T
    width, height = size_px
    is_dot = np.arange(len(left)) >= areas
    # A dot is where its middle is, an area where its left-top corner is.
    x = np.where(is_dot, (left + right) / 2, left)
    y = np.where(is_dot, (top + bottom) / 2, top)
    is_out = np.where(
        is_dot,
        (x < 0) | (y < 0) | (x > width) | (y > height),
        (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height),
    )
    if is_out.any():
        first = int(np.argmax(is_out))
        name, number = "area", first + 1
        if is_dot[first]:
            name, number = "dot", first - areas + 1
        counts = []
        for noun, out in (("area", is_out[:areas]), ("dot", is_out[areas:])):
            if out.any():
                counts.append(f"{out.sum():,} of {counted(out.size, noun)}")
        raise SourceError(
            f"{where}: {name} {number} at x {x[first]:g}, y {y[first]:g} is outside the image of"
            f" {width} x {height} px; coordinates are pixels of this image, those of"
            f" {' and '.join(counts)} are not: export them again, from this image and at this"
            " magnification"
        )
    # By how much each goes beyond the side that it goes farthest beyond; below 0 where inside.
    beyond = [-left, -top, right - width, bottom - height]
    reach = np.max(beyond, axis=0, initial=-np.inf)
    is_wide = reach[areas:] > _STICKS_OUT_PX
    if is_wide.any():
        first = int(np.argmax(is_wide))
        dot = drawn.dots[first]
        raise SourceError(
            f"{where}: the box of dot {first + 1} at x {dot.x:g}, y {dot.y:g}, {dot.width:g} x"
            f" {dot.height:g} px, reaches beyond the image of {width} x {height} px"
            f" ({is_wide.sum():,} of {counted(is_wide.size, 'dot')}); x and y are the middle of a"
            " box, in pixels of this image as its sides are; a disc of radius_um is as wide as"
            " the image's um/px says"
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
    """Rasterise annotation at the resolution of a data set.

    An area has the pixels whose middles lie in it; a middle on a border counts to the right of it,
    or below it. A ring that crosses itself has all that it goes round, as in QuPath. Smaller areas
    lie on larger ones; what a class "not annotated" covers is not annotated. A dot becomes a disc,
    where no area is; where discs meet, a pixel belongs to the nearest dot. Dots of a class that is
    not annotated are left out.

    Args:
        drawn: in pixels of the image.
        label_map: turns names into labels.
        size_px: (width, height) of the image.
        new_size_px: (width, height) of the result.
        radius_px: of the discs, in pixels of the result; a dot covers at least its own pixel.
        where: the file, for errors.

    Returns:
        (H, W) labels, 0 where nothing is drawn; and the dots.

    Raises:
        SourceError: an area or dot outside the image. LabelError: a class that the map lacks.
    """
    check_inside(drawn, size_px, where)
    label_of: dict[str, int] = {}
    shapes: list[Area | Dot] = [*drawn.areas, *drawn.dots]
    for shape in shapes:
        # Each name is looked up once: a file may have 100,000 shapes of three classes.
        if shape.name not in label_of:
            label_of[shape.name] = label_map.label_of(shape.name, where)
    scale = np.array(new_size_px) / size_px
    labels, within = _areas(drawn.areas, label_of, scale, new_size_px, where)
    places = []
    for dot in drawn.dots:
        label = label_of[dot.name]
        if label:  # 0: of a class that is not annotated
            places.append(_place(dot, label, size_px, new_size_px))
    dots = np.array(places, np.int32).reshape(-1, 3)
    if len(dots):
        labels = np.where(within, labels, _discs(dots, labels.shape, radius_px))
    return labels, dots


def _areas(
    areas: Sequence[Area],
    label_of: Mapping[str, int],
    scale: npt.NDArray[np.float64],
    size_px: tuple[int, int],
    where: str,
) -> tuple[Labels, Bools]:
    """Rasterise areas; return labels, and where any area is: one of a class that is not annotated
    has label 0 there."""
    width, height = size_px
    labels = np.zeros((height, width), np.uint8)
    within = np.zeros((height, width), bool)
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
            values = np.array([label_of[area.name] for area in batch], np.uint8)
            # As many bands of rows as keep the crossings of one below the limit.
            bands = -(-rings.crossings(height) // _HELD)
            for band in range(bands):
                rows = height * band // bands, height * (band + 1) // bands
                start, end = rings.spans(rows, size_px)
                # Area after area, so that of two the later, which is smaller, stays on top.
                for place, area in _pixels(start, end, size_px):
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
    # Measured from the first corner of each: products of coordinates near 100,000 lose digits.
    x, y = (places - np.repeat(places[starts], lengths, axis=0)).T
    turned = x * np.roll(y, -1) - np.roll(x, -1) * y
    # np.roll() goes on into the next outline; the step back to the first corner, (0, 0), adds 0.
    turned[starts + lengths - 1] = 0
    return np.abs(np.add.reduceat(turned, starts)) / 2


def _batches(areas: list[Area], scale: float) -> Iterator[list[Area]]:
    """Yield areas in their order, as many at a time as may be held."""
    batch: list[Area] = []
    held = 0.0
    for area in areas:
        size = 0.0
        for ring in (area.outline, *area.holes):
            height = float(np.abs(np.diff(ring[:, 1])).sum())  # up and down, of all edges
            # Its corners, and about how often its edges cross a row.
            size += len(ring) + scale * height
        if batch and held + size > _HELD:
            yield batch
            batch = []
            held = 0.0
        batch.append(area)
        held += size
    if batch:
        yield batch


class _Rings:
    """Outlines and holes of areas as edges."""

    def __init__(self, areas: Sequence[Area], scale: npt.NDArray[np.float64]) -> None:
        rings: list[npt.NDArray[np.float64]] = []
        for area in areas:
            rings += [area.outline, *area.holes]
        counts = np.array([1 + len(area.holes) for area in areas])
        # By ring: the number of its area, and 1 for an outline, -1 for a hole.
        self._area = np.repeat(np.arange(len(areas)), counts)
        self._sign = np.full(len(rings), -1)
        self._sign[np.cumsum(counts) - counts] = 1
        lengths = np.array([len(ring) for ring in rings])
        places = np.concatenate(rings) * scale
        # The corner after each; after the last of a ring comes its first.
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
        line = ring * height + row
        place = line * (width + 1) + np.clip(column, 0, width)
        # A row is inside a ring where the edges to its left do not turn back: the non-zero rule,
        # by which a ring that crosses itself has all that it goes round.
        turns = np.where(self._is_down[edge], 1, -1)
        start, end = _stretches(place, turns, lambda winding: winding != 0)
        whole = (width + 1) * height
        ring = start // whole
        # From places of the ring to places of its area, where outline and holes meet.
        shift = (self._area[ring] - ring) * whole
        start = start + shift
        end = end + shift
        if (self._sign > 0).all():
            return start, end
        sign = self._sign[ring]
        # An outline adds a layer and a hole takes it off: what is left has one.
        places = np.concatenate([start, end])
        steps = np.concatenate([sign, -sign])
        return _stretches(places, steps, lambda layers: layers == 1)


def _stretches(place: Ints, step: Ints, is_inside: Callable[[Ints], Bools]) -> tuple[Ints, Ints]:
    """Return where the sum of all steps so far begins and ends to be one that is inside."""
    order = np.argsort(place, kind="stable")
    place = place[order]
    inside = is_inside(np.cumsum(step[order]))
    # Between each place and the next the sum stays the same.
    start = place[:-1][inside[:-1]]
    end = place[1:][inside[:-1]]
    is_some = start < end
    return start[is_some], end[is_some]


def _pixels(start: Ints, end: Ints, size_px: tuple[int, int]) -> Iterator[tuple[Ints, Ints]]:
    """Yield the pixels of stretches in their order, as places in the flat image, each with its
    area."""
    width, height = size_px
    lengths = end - start
    area, at = np.divmod(start, (width + 1) * height)
    # Rows of stretches are one column wider than those of the image: a stretch may end behind it.
    first = at // (width + 1) * width + at % (width + 1)
    total = np.cumsum(lengths)
    pixels = int(total[-1]) if len(total) else 0
    # Stretches are cut into groups of about _HELD pixels.
    inner_cuts = np.searchsorted(total, np.arange(_HELD, pixels, _HELD)).tolist()
    for begin, stop in pairwise([0, *inner_cuts, len(total)]):
        length = lengths[begin:stop]
        starts = np.cumsum(length) - length
        # 0, 1, 2 ... within each stretch.
        offset = np.arange(int(length.sum())) - np.repeat(starts, length)
        pixels_of_group = np.repeat(first[begin:stop], length) + offset
        yield pixels_of_group, np.repeat(area[begin:stop], length)


def _place(
    dot: Dot, label: int, size_px: tuple[int, int], new_size_px: tuple[int, int]
) -> tuple[int, int, int]:
    """Return (label, y, x) of the pixel in which a dot lies."""
    x = int(dot.x * new_size_px[0] / size_px[0])
    y = int(dot.y * new_size_px[1] / size_px[1])
    width, height = new_size_px
    # A dot on the right or lower border of the image belongs to its last pixel.
    return label, min(y, height - 1), min(x, width - 1)


def _discs(dots: Dots, shape: tuple[int, int], radius: float) -> Labels:
    """Return the labels of discs around dots, (H, W); a pixel belongs to the nearest dot."""
    labels = np.zeros(shape, np.uint8)
    nearest = np.full(shape, np.inf, np.float32)
    reach = int(radius)
    for label, y, x in dots:
        rows = slice(max(0, y - reach), y + reach + 1)
        columns = slice(max(0, x - reach), x + reach + 1)
        height, width = labels[rows, columns].shape
        # Distances from the dot of the pixels in this square, which the image may cut.
        top = rows.start - y
        left = columns.start - x
        down, across = np.ogrid[top : top + height, left : left + width]
        distance = np.hypot(down, across)
        won = (distance <= radius) & (distance < nearest[rows, columns])
        # A dot has its own pixel, also with a radius below 1; of two dots on one the later.
        won |= distance == 0
        labels[rows, columns][won] = label
        nearest[rows, columns][won] = distance[won]
    return labels
