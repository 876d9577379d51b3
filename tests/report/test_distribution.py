"""Quartiles, bars and outliers of a measure over slides."""

import numpy as np
import pytest

from breastseg.report.distribution import distribution_of


def test_quartiles_bars_and_outliers() -> None:
    values = np.array([*range(1, 12), 1000, np.nan, -900], np.float64)
    found = distribution_of(values)
    assert found.count == 13
    assert found.quartiles == (-900, 3, 6, 9, 1000)
    assert found.outliers == (11, 13), "beyond 9 + 3 * 6 and 3 - 3 * 6, farthest first"
    assert sum(found.bars) == 11
    assert found.bars_ends == (-15, 27)
    assert found.named(values) == [13, 11]


@pytest.mark.parametrize(
    "values", [[], [np.nan], [5.0], [1.0] * 20 + [9.0], [1, 2, 3, 4, 5, 6, 900]]
)
def test_where_nothing_spreads_nothing_is_an_outlier(values: list[float]) -> None:
    found = distribution_of(np.array(values, np.float64))
    assert found.outliers == ()
    assert sum(found.bars) == found.count
