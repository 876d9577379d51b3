"""Which neighbour a small area joins, on a few areas by hand."""

import numpy as np

from breastseg.maps.polygons.components import Components, Neighbours
from breastseg.maps.polygons.merging import merged


def merged_image(rows: list[str], min_px: float) -> list[str]:
    """Merge the small areas of an image whose digits are labels."""
    values = np.array([[int(digit) for digit in row] for row in rows], np.uint8)
    found = Components(values)
    small = found.sizes < min_px
    labels = merged(found.labels, found.sizes, found.firsts, small, found.neighbours(small), min_px)
    shown = labels[found.at(np.arange(values.size))].reshape(values.shape)
    return ["".join(map(str, row)) for row in shown.tolist()]


def test_an_island_joins_what_is_around_it() -> None:
    assert merged_image(["1111", "1211", "1111"], 2) == ["1111"] * 3
    assert merged_image(["1111", "1211", "1111"], 1) == ["1111", "1211", "1111"]


def test_the_longest_border_wins() -> None:
    # The 3 touches 1 at three edges and 2 at one.
    assert merged_image(["1111", "1312", "1122", "2222"], 2)[1] == "1112"
    assert merged_image(["1111", "2322", "2222"], 2)[1] == "2222"


def test_of_equal_borders_the_lower_label_wins() -> None:
    near = Neighbours(np.array([0, 1]), np.array([1, 2]), np.array([1, 1]))
    labels = np.array([5, 3, 2], np.uint8)
    sizes, firsts = np.array([9, 1, 9]), np.array([0, 9, 10])
    small = np.array([False, True, False])
    assert merged(labels, sizes, firsts, small, near, 2).tolist() == [5, 2, 2]


def test_a_class_joins_what_is_not_analysed_only_where_nothing_else_is_near() -> None:
    # Three edges with 0, one with 2.
    assert merged_image(["0000", "0312", "0222"], 2)[1][1] != "0"
    assert merged_image(["000", "030", "000"], 2) == ["000"] * 3


def test_the_smallest_goes_first_and_a_nest_counts_with_its_hole() -> None:
    # The hole of one pixel joins the ring of eight first: nine pixels are enough together.
    nest = ["11111", "12221", "12321", "12221", "11111"]
    assert merged_image(nest, 9) == ["11111", "12221", "12221", "12221", "11111"]
    assert merged_image(nest, 10) == ["11111"] * 5


def test_small_areas_of_one_label_become_one_through_what_lay_between() -> None:
    # 2 | 3 | 2: the 3 shares four edges with 2 and two with 1; it joins both, ten pixels then.
    image = ["1111111", "1223221", "1223221", "1111111"]
    assert merged_image(image, 10)[1:3] == ["1222221"] * 2
    assert merged_image(image, 11)[1:3] == ["1111111"] * 2


def test_an_area_without_neighbours_stays() -> None:
    assert merged_image(["22"], 100) == ["22"]


def test_areas_that_are_not_small_keep_their_labels_and_the_argument_is_not_changed() -> None:
    labels = np.array([1, 2], np.uint8)
    near = Neighbours(np.array([0]), np.array([1]), np.array([3]))
    sizes, firsts = np.array([50, 1]), np.array([0, 7])
    result = merged(labels, sizes, firsts, np.array([False, True]), near, 10)
    assert (result.tolist(), labels.tolist()) == ([1, 1], [1, 2])
    nobody = np.array([False, False])
    assert merged(labels, sizes, firsts, nobody, near, 10).tolist() == [1, 2]
