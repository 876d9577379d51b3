"""How a measure is distributed over slides: quartiles, a histogram, and what lies far out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_FAR_IQR = 3.0
"""Tukey's outer fences: so many interquartile ranges from the quartiles."""
_FEWEST = 8
"""Of fewer values none is called an outlier."""
_BARS = 24
_MOST_NAMED = 5
"""Outliers that are named at each end."""


@dataclass(frozen=True)
class Distribution:
    """A measure over slides.

    Attributes:
        count: slides that have a value.
        quartiles: five: the least value, quartiles and median, the greatest; NaN without values.
        bars: slides by equal steps; what lies beyond their ends is not in them.
        bars_ends: ends of the histogram.
        outliers: places of the slides that lie beyond the fences, farthest first; none where half
            of the slides have one value, or where there are too few.
    """

    count: int
    quartiles: tuple[float, ...]
    bars: tuple[int, ...]
    bars_ends: tuple[float, float]
    outliers: tuple[int, ...]

    def named(self, values: Values) -> list[int]:
        """Return the farthest outliers at each end, from the least to the greatest value.

        Args:
            values: those that the distribution is of.
        """
        below = [place for place in self.outliers if values[place] < self.quartiles[2]]
        above = [place for place in self.outliers if values[place] > self.quartiles[2]]
        return below[:_MOST_NAMED] + above[:_MOST_NAMED][::-1]


def distribution_of(values: Values) -> Distribution:
    """Return how values are distributed.

    Args:
        values: (N,) float64, one a slide; NaN where a slide has none.
    """
    places = np.flatnonzero(np.isfinite(values))
    there = values[places]
    if not len(there):
        nothing = float("nan")
        return Distribution(0, (nothing,) * 5, (), (nothing, nothing), ())
    quartiles = tuple(float(value) for value in np.quantile(there, (0, 0.25, 0.5, 0.75, 1)))
    low, first, median, third, high = quartiles
    reach = _FAR_IQR * (third - first)
    fences = (first - reach, third + reach) if reach > 0 else (low, high)
    if len(there) < _FEWEST:
        fences = (low, high)
    beyond = places[(there < fences[0]) | (there > fences[1])]
    beyond = beyond[np.argsort(-np.abs(values[beyond] - median), kind="stable")]
    ends = max(low, fences[0]), min(high, fences[1])
    bars, _ = np.histogram(there, _BARS, ends if ends[0] < ends[1] else None)
    outliers = tuple(int(place) for place in beyond)
    return Distribution(len(there), quartiles, tuple(map(int, bars)), ends, outliers)
