"""Low and high beside measures: where they stand, and that they hold what they belong to."""

import math

import pytest

from breastseg.bundles.margins import ClassMargin, Margins
from breastseg.maps.measures.ends import with_ends
from breastseg.maps.record import Measures
from breastseg.metrics.conformal import share_ends

ROW: Measures = {
    "image": "x",
    "analysed_mm2": 4.0,
    "tumor_mm2": 1.0,
    "tumor_percent": 25.0,
    "stroma_mm2": 3.0,
    "stroma_percent": 75.0,
    "nest_count": 2.0,
}
MARGINS = Margins(
    0.9,
    0.9,
    9,
    12,
    {"tumor": ClassMargin(12, 0.7, 12, 5.0), "stroma": ClassMargin(8, None, 8, None)},
)


def test_they_stand_behind_what_they_belong_to() -> None:
    found = with_ends(ROW, MARGINS)
    assert list(found) == [
        *("image", "analysed_mm2", "tumor_mm2", "tumor_mm2_low", "tumor_mm2_high"),
        *("tumor_percent", "tumor_percent_low", "tumor_percent_high"),
        *("stroma_mm2", "stroma_percent", "nest_count"),
    ]
    low, high = share_ends(0.25, 0.7)
    assert found["tumor_percent_low"] == pytest.approx(100 * low)
    assert found["tumor_mm2_high"] == pytest.approx(4 * high)
    assert {key: found[key] for key in ROW} == ROW


def test_without_margins_a_row_is_what_it_was() -> None:
    assert with_ends(ROW, None) is ROW


def test_where_nothing_was_analysed_a_share_has_none() -> None:
    row = ROW | {"analysed_mm2": 0.0, "tumor_mm2": 0.0, "tumor_percent": math.nan}
    found = with_ends(row, MARGINS)
    assert math.isnan(float(found["tumor_percent_low"] or 0))
    assert (found["tumor_mm2_low"], found["tumor_mm2_high"]) == (0.0, 0.0)
