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
        median = self.quartiles[2]
        below = [place for place in self.outliers if values[place] < median]
        above = [place for place in self.outliers if values[place] > median]
        # Outliers are ordered from the farthest on, so that above the median the greatest is first.
        return below[:_MOST_NAMED] + above[:_MOST_NAMED][::-1]


def distribution_of(values: Values) -> Distribution:
    """Return how values are distributed.

    Args:
        values: (N,) float64, one a slide; NaN where a slide has none.
    """
    places = np.flatnonzero(np.isfinite(values))
    finite = values[places]
    if not len(finite):
        nan = float("nan")
        return Distribution(0, (nan,) * 5, (), (nan, nan), ())
    low, first, median, third, high = np.quantile(finite, (0, 0.25, 0.5, 0.75, 1)).tolist()
    reach = _FAR_IQR * (third - first)
    lower, upper = first - reach, third + reach
    # Where half of the values are one, every other would lie beyond such fences.
    if reach <= 0 or len(finite) < _FEWEST:
        lower, upper = low, high
    is_beyond = (finite < lower) | (finite > upper)
    beyond = places[is_beyond]
    farthest_first = np.argsort(-np.abs(values[beyond] - median), kind="stable")
    outliers = tuple(beyond[farthest_first].tolist())
    # The histogram ends at the fences: an outlier would press all others into one bar.
    ends = max(low, lower), min(high, upper)
    # Values that are all one have no range: numpy then makes one around them.
    bars, _ = np.histogram(finite, _BARS, ends if ends[0] < ends[1] else None)
    quartiles = low, first, median, third, high
    return Distribution(len(finite), quartiles, tuple(bars.tolist()), ends, outliers)
