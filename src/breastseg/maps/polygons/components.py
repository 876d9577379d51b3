"""What hangs together in a block of labels: runs of one label in a row, joined where they touch
(4-connected)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from breastseg.labels import Labels

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


MAX_RUNS = 100_000
"""A block of 2,048 px of a real map has 40,000; polygons take up to three thousand bytes a run."""


class CrowdedError(Exception):
    """A block holds too many runs to be held in memory: it must be smaller."""


@dataclass(frozen=True)
class Spans:
    """Pixels as pieces of rows: `row`, first column `left`, column after the last `right`; each
    (N,)."""

    row: Ints
    left: Ints
    right: Ints


@dataclass(frozen=True)
class Neighbours:
    """Pairs of areas that touch: `one` < `other`, and the `shared` border in pixel edges; each
    (N,)."""

    one: Ints
    other: Ints
    shared: Ints


@dataclass(frozen=True)
class Sides:
    """The area of every pixel along the four sides of a block."""

    left: Ints
    top: Ints
    right: Ints
    bottom: Ints


class Components:
    """The connected areas of a (H, W) block, numbered in the order of their first pixels, row by
    row.

    Attributes:
        labels: (C,) the label of each area.
        sizes: (C,) pixels of each area.
        firsts: (C,) y * W + x of its first pixel.
    """

    def __init__(self, values: Labels) -> None:
        """Find the areas of a block; CrowdedError when it has more than MAX_RUNS runs."""
        height, width = values.shape
        self._width = width
        # Runs are numbered row by row; each begins a row or has another label than its left.
        starting = np.ones((height, width), np.bool_)
        np.not_equal(values[:, 1:], values[:, :-1], out=starting[:, 1:])
        self._starts = np.flatnonzero(starting)  # (R,) y * W + x of each run's first pixel
        if self._starts.size > MAX_RUNS:
            raise CrowdedError
        self._lengths = np.diff(self._starts, append=height * width)  # (R,)
        self._run_labels = values.ravel()[self._starts]  # (R,)
        # (P,) each: pairs of runs, and the pixels they share.
        self._above, self._below, self._overlap = self._touching(height)
        # Runs of one label that lie on each other are one area, named by its first run.
        same = self._run_labels[self._above] == self._run_labels[self._below]
        root = joined(self._starts.size, self._above[same], self._below[same])  # (R,)
        first = root == np.arange(root.size)  # (R,) whether a run is the first of its area
        self._of_run: Ints = (np.cumsum(first) - 1)[root]  # (R,) the area of each run
        self.labels: Labels = self._run_labels[first]
        self.firsts: Ints = self._starts[first]
        self.sizes: Ints = np.bincount(self._of_run, self._lengths).astype(np.intp)

    def _touching(self, height: int) -> tuple[Ints, Ints, Ints]:
        """Return pairs of runs of which one lies above the other, and the pixels they share."""
        width, starts = self._width, self._starts
        end = (height - 1) * width
        # Two rows laid on each other are cut where either begins a run: between two cuts one run
        # lies above one other. Starts of lower rows are shifted up by a row.
        upper = starts[: np.searchsorted(starts, end)]
        lower = starts[np.searchsorted(starts, width) :] - width
        # Stable sorting merges two sorted halves in one pass.
        cuts = np.sort(np.concatenate([upper, lower]), kind="stable")
        cuts = cuts[np.diff(cuts, prepend=-1) > 0]  # each once
        above = np.searchsorted(starts, cuts, "right") - 1
        below = np.searchsorted(starts, cuts + width, "right") - 1
        return above, below, np.diff(cuts, append=end)

    @cached_property
    def sides(self) -> Sides:
        """Return the areas along the sides of the block."""
        first = np.flatnonzero(self._starts % self._width == 0)  # (H,) first run of each row
        end = np.append(first[1:], self._starts.size)  # (H,) the run after its last
        top, bottom = slice(0, end[0]), slice(first[-1], None)
        return Sides(
            left=self._of_run[first],
            top=np.repeat(self._of_run[top], self._lengths[top]),
            right=self._of_run[end - 1],
            bottom=np.repeat(self._of_run[bottom], self._lengths[bottom]),
        )

    def at(self, pixels: Ints) -> Ints:
        """Return the areas that hold pixels, given as y * W + x."""
        return self._of_run[np.searchsorted(self._starts, pixels, "right") - 1]

    def neighbours(self, of: Bools) -> Neighbours:
        """Return which areas touch, where one of them is in the (C,) mask `of`."""
        # A run that does not begin a row touches the run before it, at one pixel edge.
        left = np.flatnonzero(self._starts[1:] % self._width)
        one = np.concatenate([self._of_run[left], self._of_run[self._above]])
        other = np.concatenate([self._of_run[left + 1], self._of_run[self._below]])
        shared = np.concatenate([np.ones(left.size, np.intp), self._overlap])
        chosen = (of[one] | of[other]) & (one != other)
        return summed(one[chosen], other[chosen], shared[chosen])

    def spans(self, of: Bools) -> tuple[Spans, Ints]:
        """Return the pixels of the areas in the (C,) mask `of`, and the area of each span."""
        runs = np.flatnonzero(of[self._of_run])
        row, left = np.divmod(self._starts[runs], self._width)
        return Spans(row, left, left + self._lengths[runs]), self._of_run[runs]


def joined(count: int, one: Ints, other: Ints) -> Ints:
    """Return for each of `count` things the smallest that it is linked to, by pairs (`one`,
    `other`) and on."""
    # Links go from the larger number to the smaller, then every chain is cut to its end; what
    # lies in one chain then is done, and the links that are left join chains.
    least = np.arange(count)
    while one.size:
        np.minimum.at(least, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(further := least[least], least):
            least = further
        one, other = least[one], least[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return least


def summed(one: Ints, other: Ints, shared: Ints) -> Neighbours:
    """Return each pair once, with the sum of its borders."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((high, low))  # its last key is the first to sort by
    low, high, shared = low[order], high[order], shared[order]
    is_new = np.ones(low.size, np.bool_)
    is_new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    first = np.flatnonzero(is_new)
    if first.size:  # numpy refuses to sum over no stretches
        shared = np.add.reduceat(shared, first)
    return Neighbours(low[first], high[first], shared)
