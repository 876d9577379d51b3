"""What the card of a run says of its limits."""

from breastseg.training.card import LITTLE, _limits


def test_a_class_with_few_pixels_is_among_the_limits() -> None:
    limits = _limits(7, {"tumor": 960, "fat": 40}, is_leaky=False)
    assert limits[0].startswith("Research use only")
    assert "7 patients" in limits[1]
    assert "fat (40 px) of 1,000 px" in limits[2]
    assert "tumor" not in limits[2]


def test_as_much_as_the_bound_is_not_little() -> None:
    assert len(_limits(7, {"tumor": 95, "fat": round(100 * LITTLE)}, is_leaky=False)) == 2


def test_a_leaky_split_is_said_before_the_patients() -> None:
    limits = _limits(7, {"tumor": 1}, is_leaky=True)
    assert limits[1].startswith("LEAKY")
    assert "7 patients" in limits[2]
