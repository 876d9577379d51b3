"""Every value that a sentence says."""

from breastseg.mammography.reports.said import said_in
from breastseg.mammography.reports.values import Size


def values(text: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for one in said_in(text, 0, len(text), 7):
        assert one.value.sentence == 7
        assert (one.start, one.end) == (one.value.start, one.value.end)
        value = one.value.mm if isinstance(one.value, Size) else one.value.value
        found.append((one.name, value))
    return found


def test_values_stand_in_order() -> None:
    text = "Oval mass of 12 x 9 mm in the left breast at 2 o'clock, 5 cm from the nipple, stable."
    assert values(text) == [
        ("shape", "oval"),
        ("size_mm", (12.0, 9.0)),
        ("side", "L"),
        ("clock", 2.0),
        ("from_nipple_mm", 50.0),
        ("change", "unchanged"),
    ]


def test_a_descriptor_knows_which_kinds_can_have_it() -> None:
    (shape,) = said_in("oval", 0, 4, 0)
    assert shape.kinds is not None
    assert "mass" in shape.kinds
    assert "calcification" not in shape.kinds
    (side,) = said_in("left", 0, 4, 0)
    assert side.kinds is None
