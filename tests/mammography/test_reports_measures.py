"""Sizes, distances and clock positions in a text."""

import pytest

from breastseg.mammography.reports.measures import measures_in


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("12 mm", "size", (12.0,)), ("1.2 cm", "size", (12.0,)), ("1,2 cm", "size", (12.0,)),
        ("1.2 x 0.9 x 0.8 cm", "size", (12.0, 9.0, 8.0)), ("12mm x 9 mm", "size", (12.0, 9.0)),
        ("1.6 cm x 9 mm", "size", (16.0, 9.0)), ("12 by 9 mm", "size", (12.0, 9.0)), ("15-mm",
        "size", (15.0,)),
        ("6-8 mm", "size", (8.0,)), ("previously 9 mm", "earlier", (9.0,)), ("9 mm in 2020",
        "earlier", (9.0,)),
        ("was 9 mm previously", "earlier", (9.0,)), ("5 cm from the nipple", "nipple", (50.0,)),
        ("4 cm FN", "nipple", (40.0,)), ("N+5", "nipple", (50.0,)), ("2 o'clock", "clock", (2.0,)),
        ("at 10:30", "clock", (10.5,)), ("12 to 1 o'clock", "clock", (12.5,)), ("measuring 12 x 9",
        "unitless", (12.0, 9.0)),
    ],
)  # fmt: skip
def test_measures(text, kind, values):
    found = measures_in(text, 0, len(text))
    assert [(one.kind, one.values) for one in found] == [(kind, values)]


@pytest.mark.parametrize(
    "text", ["at 10:30 am", "skin thickness of 3 mm", "2019", "in 6 months", "13 o'clock", "0 mm"]
)
def test_what_is_no_measure(text):
    assert [one for one in measures_in(text, 0, len(text)) if one.kind != "unitless"] == []


def test_from_then_to_now():
    text = "decreased from 32 to 18 mm"
    assert [(one.kind, one.values) for one in measures_in(text, 0, len(text))] == [
        ("earlier", (32.0,)), ("size", (18.0,)),
    ]  # fmt: skip
