"""What is drawn on an image: boxes around it, moved, filtered, measured."""

import numpy as np
import pytest

from breastseg.sources.drawn import LONGEST_NAME, Area, Drawn, said_kinds, shows
from breastseg.sources.points import Dot

SQUARE = np.array([[2.0, 3.0], [8.0, 3.0], [8.0, 9.0]])
HOLE = np.array([[4.0, 4.0], [5.0, 4.0], [5.0, 5.0]])
DRAWN = Drawn(
    (Area("Tumor", SQUARE, (HOLE,)), Area("stroma", SQUARE + 10)),
    (Dot("tumor", 1, 2), Dot("stroma", 5, 6, 4, 2), Dot("fat", 7, 8, radius_um=3, is_round=True)),
)


def test_boxes_are_those_of_areas_then_of_dots() -> None:
    assert DRAWN.boxes().tolist() == [
        [2, 3, 8, 9],
        [12, 13, 18, 19],
        [1, 2, 1, 2],
        [3, 5, 7, 7],
        [7, 8, 7, 8],
    ]
    assert Drawn((), DRAWN.dots).boxes().tolist() == DRAWN.boxes()[2:].tolist()
    assert Drawn(DRAWN.areas, ()).boxes().shape == (2, 4)
    assert Drawn((), ()).boxes().shape == (0, 4)


def test_seen_from_a_corner_all_moves_by_it() -> None:
    moved = DRAWN.seen_from(1, 2)
    assert np.array_equal(moved.areas[0].outline, SQUARE - (1, 2))
    assert np.array_equal(moved.areas[0].holes[0], HOLE - (1, 2))
    assert [(dot.x, dot.y) for dot in moved.dots] == [(0, 0), (4, 4), (6, 6)]
    assert moved.boxes() == pytest.approx(DRAWN.boxes() - (1, 2, 1, 2))


def test_names_are_left_out_whatever_their_case() -> None:
    left = DRAWN.without(["TUMOR", "other"])
    assert [area.name for area in left.areas] == ["stroma"]
    assert [dot.name for dot in left.dots] == ["stroma", "fat"]


def test_discs_become_pixels() -> None:
    measured = DRAWN.measured(0.5)
    assert measured.dots[:2] == DRAWN.dots[:2]
    assert measured.dots[2] == Dot("fat", 7, 8, 12, 12, 0, True)
    assert measured.measured(0.25) is measured


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Tumor: Positive", True),
        ("Dr\u00fcse", True),
        ("", True),
        ("a\nb", False),
        ("\ud800", False),
        ("a" * LONGEST_NAME, True),
        ("a" * (LONGEST_NAME + 1), False),
    ],
)
def test_names_that_can_be_shown(name: str, wanted: bool) -> None:
    assert shows(name) is wanted


def test_kinds_in_words() -> None:
    kinds = {"without class": 3, "line": 2, "cell": 1, "detection": 4000}
    assert said_kinds(kinds) == "3 without class, 2 lines, 1 cell, 4,000 detections"
