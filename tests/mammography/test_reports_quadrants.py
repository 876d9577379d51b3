"""Clock positions and quadrants."""

import pytest

from breastseg.mammography.reports.quadrants import halves_at


@pytest.mark.parametrize("side", ["L", "R"])
def test_quadrants_on_the_clock(side):
    outer, inner = (
        ({"upper", "outer"}, {"upper", "inner"})
        if side == "L"
        else ({"upper", "inner"}, {"upper", "outer"})
    )
    assert halves_at(2, side) == outer
    assert halves_at(10, side) == inner
    assert halves_at(12, side) == {"upper", "outer", "inner"}
    assert halves_at(3, side) >= {"upper", "lower"}
