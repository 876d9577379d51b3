"""Areas, by hand."""

import math

import numpy as np
import pytest

from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.measures import class_areas

TWO = LabelMap("two", (LabelClass("a", (1, 2, 3), "A", (1,)), LabelClass("b", (4, 5, 6), "B", (2,))))


def test_areas_by_hand() -> None:
    labels = np.array([[1, 1, 1, 2], [0, 0, 0, 0]], np.uint8)
    # at 500 um/px a pixel is 0.25 mm2
    assert class_areas(labels, TWO, 500.0) == pytest.approx(
        {"analysed_mm2": 1.0, "a_mm2": 0.75, "a_percent": 75.0, "b_mm2": 0.25, "b_percent": 25.0}
    )


def test_a_field_of_a_square_millimetre() -> None:
    """2000 px at 0.5 um/px are 1 mm: um2 against mm2 goes wrong by 10^6."""
    areas = class_areas(np.ones((2000, 2000), np.uint8), BUILT_IN["region5"], 0.5)
    assert areas["tumor_mm2"] == pytest.approx(1.0)
    assert areas["tumor_percent"] == 100.0
    assert (areas["stroma_mm2"], areas["stroma_percent"]) == (0.0, 0.0)


def test_not_analysed_is_no_area() -> None:
    areas = class_areas(np.zeros((4, 4), np.uint8), TWO, 0.5)
    assert areas["analysed_mm2"] == areas["a_mm2"] == areas["b_mm2"] == 0
    assert math.isnan(areas["a_percent"])
    assert math.isnan(areas["b_percent"])


def test_columns_are_those_of_the_map_in_its_order() -> None:
    areas = class_areas(np.ones((1, 1), np.uint8), BUILT_IN["region5"], 0.5)
    assert list(areas) == ["analysed_mm2"] + [f"{n}_{u}" for n in BUILT_IN["region5"].names for u in ("mm2", "percent")]


def test_areas_add_up_over_pieces_and_classes() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 40), dtype=np.uint8)
    whole, left, right = (class_areas(part, TWO, 0.25) for part in (labels, labels[:, :11], labels[:, 11:]))
    assert whole["a_mm2"] == pytest.approx(left["a_mm2"] + right["a_mm2"])
    assert whole["a_mm2"] + whole["b_mm2"] == pytest.approx(whole["analysed_mm2"])
    assert whole["a_percent"] + whole["b_percent"] == pytest.approx(100)
