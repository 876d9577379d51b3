"""Places on a map: dots, boxes, discs and what they are not, counted by hand."""

import math

import numpy as np
import pytest

from breastseg.evaluation.intervals import dot_intervals
from breastseg.geometry import middles_within
from breastseg.metrics import dot_counts, dot_scores, kinds_of, labels_of, pixels_of, place_counts
from breastseg.metrics.places import squared

NAMES = ["a", "b", "c"]
MAP = np.array(
    [
        [1, 1, 2, 2, 0],
        [1, 3, 2, 2, 0],
        [1, 1, 1, 3, 3],
        [0, 0, 3, 3, 3],
    ],
    np.uint8,
)


def place(
    label: int, box: tuple[int, int, int, int], *, is_not: int = 0, is_round: int = 0
) -> list[int]:
    return [label, is_not, is_round, *box]


def places(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int32).reshape(-1, 7)


@pytest.mark.parametrize(
    ("box", "label"),
    [
        ((0, 0, 1, 1), 1),
        ((0, 0, 2, 2), 1),  # three of four
        ((0, 1, 2, 3), 2),  # 1, 2, 3 and 2
        ((2, 2, 4, 4), 3),
        ((0, 3, 2, 5), 0),  # two of the second class, two that nobody looked at: the smallest
        ((2, 1, 3, 2), 1),
    ],
)
def test_a_box_has_the_label_of_most_of_its_pixels(
    box: tuple[int, int, int, int], label: int
) -> None:
    assert labels_of(places(place(1, box)), MAP).tolist() == [label]


def test_a_round_place_leaves_the_corners_of_its_box_out() -> None:
    corners = np.array([[1, 2, 2, 1], [2, 2, 2, 2], [2, 3, 3, 2], [1, 2, 2, 1]], np.uint8)
    at = next(pixels_of(places(place(1, (0, 0, 4, 4), is_round=1)), 4))
    assert 1 not in corners.reshape(-1)[at]
    assert len(at) == 12


def test_a_disc_has_the_pixels_whose_middles_lie_in_it() -> None:
    at = next(pixels_of(places(place(1, (5, 7, 25, 27), is_round=1)), 40))
    rows, columns = np.indices((30, 40))
    within = np.hypot(rows + 0.5 - 15, columns + 0.5 - 17) <= 10
    assert sorted(at.tolist()) == np.flatnonzero(within).tolist()


def test_dots_are_places_of_one_pixel() -> None:
    rng = np.random.default_rng(3)
    found, label, y, x = (
        rng.integers(0, end, size) for end, size in ((4, (20, 30)), (3, 200), (20, 200), (30, 200))
    )
    dots = np.stack([label + 1, y, x], axis=1).astype(np.int32)
    rows = np.stack([label + 1, 0 * y, 0 * y, y, x, y + 1, x + 1], axis=1).astype(np.int32)
    counts = place_counts(rows, found.astype(np.uint8), 3)
    assert np.array_equal(counts[:3], dot_counts(dots, found.astype(np.uint8), 3))
    assert not counts[3:].any()
    assert dot_scores(counts, NAMES) == dot_scores(counts[:3], NAMES)


NOTS = places(
    place(1, (0, 0, 1, 1)),
    place(1, (0, 2, 1, 3)),
    place(1, (0, 0, 1, 1), is_not=1),  # the map says so: wrong
    place(1, (0, 2, 2, 4), is_not=1),
    place(1, (2, 2, 4, 4), is_not=1),
    place(1, (3, 0, 4, 2), is_not=1),  # not analysed is no answer
    place(3, (1, 1, 2, 2), is_not=1),
)


def test_what_is_not_of_a_class_is_right_where_the_map_says_another() -> None:
    counts = place_counts(NOTS, MAP, 3)
    assert counts.tolist() == [[0, 1, 1, 0], [0] * 4, [0] * 4, [1, 1, 1, 1], [0] * 4, [0, 0, 0, 1]]
    scores = dot_scores(counts, NAMES)
    assert list(scores["classes"]) == ["a", "b", "c", "not a", "not c"]
    assert scores["classes"]["a"] == {"accuracy": 0.5, "support_dots": 2}
    assert scores["classes"]["not a"] == {"accuracy": 0.5, "support_dots": 4}
    assert scores["classes"]["not c"] == {"accuracy": 0.0, "support_dots": 1}
    assert math.isnan(scores["classes"]["b"]["accuracy"])
    assert scores["overall"] == {
        "balanced_accuracy": pytest.approx(1 / 3),
        "accuracy": 3 / 7,
        "support_dots": 7,
    }
    assert scores["counts"] == counts.tolist()
    assert kinds_of(NAMES) == ["a", "b", "c", "not a", "not b", "not c"]


def test_intervals_of_what_is_not_of_a_class() -> None:
    rng = np.random.default_rng(5)
    by_patient = {str(number): rng.integers(0, 9, (6, 4)) for number in range(4)}
    found = dot_intervals(by_patient, NAMES)
    assert found.classes is not None
    assert list(found.classes) == kinds_of(NAMES)
    draws = np.random.default_rng(42).multinomial(4, [0.25] * 4, size=10_000)
    sums = np.tensordot(draws, np.array(list(by_patient.values())), 1)
    shares = [1 - (row[:, 0] + row[:, 2]) / row.sum(axis=1) for row in (sums[:, 4],)]
    assert found.classes["not b"]["accuracy"] == pytest.approx(
        np.percentile(shares[0], [2.5, 97.5])
    )
    pooled = squared(np.array(list(by_patient.values())))
    assert pooled.shape == (4, 6, 7)
    assert np.array_equal(pooled.sum(axis=2), np.array(list(by_patient.values())).sum(axis=2))


@pytest.mark.parametrize(
    ("low", "high", "length", "found"),
    [
        (2.0, 5.0, 9, (2, 5)),
        (2.5, 5.5, 9, (2, 5)),  # a middle on the lower end counts, one on the upper end does not
        (2.6, 5.6, 9, (3, 6)),
        (-3.0, 2.0, 9, (0, 2)),
        (7.0, 12.0, 9, (7, 9)),
        (3.6, 3.9, 9, (3, 4)),  # between two middles: the pixel that it lies in
        (4.0, 4.0, 9, (4, 5)),
        (9.0, 9.0, 9, (8, 9)),
    ],
)
def test_pixels_between_two_places(
    low: float, high: float, length: int, found: tuple[int, int]
) -> None:
    assert middles_within(low, high, length) == found
