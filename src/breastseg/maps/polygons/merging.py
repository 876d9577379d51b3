"""Which small area joins which neighbour.

It joins the label with which it shares the longest border. The smallest goes first, and what it
joined counts its pixels from then on: a small nest with a smaller hole is measured as a whole. A
class joins 0 (not analysed) only where nothing else surrounds it.
"""

import heapq
from collections import Counter

import numpy as np

from breastseg.labels import Labels
from breastseg.maps.polygons.components import Bools, Ints, Neighbours


def merged(
    labels: Labels, sizes: Ints, firsts: Ints, small: Bools, near: Neighbours, min_px: float
) -> Labels:
    """Return the (C,) labels of areas after the small ones joined their neighbours.

    Args:
        labels: (C,) label of each area.
        sizes: (C,) its pixels.
        firsts: (C,) its first pixel, which decides between areas of one size.
        small: (C,) those that are to be merged; the others keep their labels.
        near: what the small ones touch. Areas that touch have different labels.
        min_px: an area of so many pixels is large enough.
    """
    result = labels.copy()
    if small.any():
        merging = _Merging(labels, sizes, firsts, small, near)
        merging.run(min_px)
        for area in np.flatnonzero(small).tolist():
            result[area] = merging.label_at_last(area)
    return result


class _Merging:
    """Small areas by number, each with its neighbours; `~label` stands for all large areas of a
    label."""

    def __init__(
        self, labels: Labels, sizes: Ints, firsts: Ints, small: Bools, near: Neighbours
    ) -> None:
        numbers = np.flatnonzero(small).tolist()
        self._label = dict(zip(numbers, labels[small].tolist(), strict=True))
        self._size = dict(zip(numbers, sizes[small].tolist(), strict=True))
        self._first = dict(zip(numbers, firsts[small].tolist(), strict=True))
        self._near: dict[int, Counter[int]] = {number: Counter() for number in numbers}
        self._joined: dict[int, int] = {}
        # Large areas of one label need not be told apart: none of them is ever merged. ~label is
        # negative, so it is no number of a small area.
        large = ~labels.astype(np.intp)
        numbers_at = np.where(small, np.arange(small.size), large)  # (C,)
        for one, other, shared in zip(
            numbers_at[near.one].tolist(),
            numbers_at[near.other].tolist(),
            near.shared.tolist(),
            strict=True,
        ):
            # Each border is noted from both sides; large areas keep no list.
            if one >= 0:
                self._near[one][other] += shared
            if other >= 0:
                self._near[other][one] += shared

    def run(self, min_px: float) -> None:
        """Merge until every area is large enough or has no neighbour."""
        waiting = [(size, self._first[area], area) for area, size in self._size.items()]
        heapq.heapify(waiting)
        while waiting:
            size, _, area = heapq.heappop(waiting)
            # An entry is out of date where its area has joined another or has grown since.
            if area in self._near and size == self._size[area] and self._near[area]:
                whole = self._join(area)
                if whole >= 0 and self._size[whole] < min_px:
                    heapq.heappush(waiting, (self._size[whole], self._first[whole], whole))

    def label_at_last(self, area: int) -> int:
        """Return the label of what an area ended in."""
        while area in self._joined:
            area = self._joined[area]
        return self._label_of(area)

    def _label_of(self, area: int) -> int:
        return self._label[area] if area >= 0 else ~area

    def _choice(self, area: int) -> int:
        """Return the label to join: a class before 0, then the longest border, then the lower
        label."""
        borders: Counter[int] = Counter()
        for other, shared in self._near[area].items():
            borders[self._label_of(other)] += shared
        return max(borders, key=lambda label: (label > 0, borders[label], -label))

    def _join(self, area: int) -> int:
        """Join an area and all neighbours of the label it chose; return what they are now."""
        label = self._choice(area)
        group = {area}
        for other in self._near[area]:
            if self._label_of(other) == label:
                group.add(other)
        # What joins a large area is large; else the first of the neighbours names the whole.
        whole = ~label
        if whole not in group:
            whole = min(group - {area}, key=self._first.__getitem__)
        around: Counter[int] = Counter()
        for part in group - {~label}:
            for other, shared in self._near.pop(part).items():
                if other not in group:
                    around[other] += shared
                    if other >= 0:  # large areas keep no list of what is around them
                        del self._near[other][part]
            if part != whole:
                self._joined[part] = whole
        for other, shared in around.items():
            if other >= 0:
                self._near[other][whole] += shared
        if whole >= 0:
            self._near[whole] = around
            self._size[whole] = sum(self._size[part] for part in group)
            self._first[whole] = min(self._first[part] for part in group)
        return whole
