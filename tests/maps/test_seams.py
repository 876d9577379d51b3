"""Areas across the borders of four blocks, against the whole image."""

import numpy as np

from breastseg.geometry import Box
from breastseg.maps.polygons.components import Components
from breastseg.maps.polygons.seams import Seams

VALUES = np.array(
    [
        [1, 1, 2, 2],
        [1, 3, 3, 2],
        [1, 3, 3, 1],
        [2, 2, 1, 1],
    ],
    np.uint8,
)
BLOCKS = [Box(0, 0, 2, 2), Box(2, 0, 2, 2), Box(0, 2, 2, 2), Box(2, 2, 2, 2)]


def block(box: Box) -> Components:
    return Components(VALUES[box.y : box.y + box.height, box.x : box.x + box.width])


def test_areas_at_the_edge_of_the_raster_are_not_those_at_the_border_of_a_block() -> None:
    seams = Seams((4, 4))
    at_block, at_edge = seams.touching(BLOCKS[0], block(BLOCKS[0]))
    # Areas of the first block: 1 (three pixels), 3 (one pixel, at both inner sides).
    assert at_block.tolist() == [True, True]
    assert at_edge.tolist() == [True, False]
    whole = Components(VALUES)
    at_block, at_edge = Seams((4, 4)).touching(Box(0, 0, 4, 4), whole)
    assert not at_block.any()
    assert at_edge.tolist() == [True, True, False, True, True]


def test_pixels_on_both_sides_of_a_border_are_paired_and_compared() -> None:
    seams = Seams((4, 4))
    pairs = []
    first = 0
    for box in BLOCKS:
        found = block(box)
        names = first + np.arange(found.labels.size)
        first += found.labels.size
        one, other, same = seams.meet(box, found, names)
        pairs.append([*zip(one.tolist(), other.tolist(), same.tolist(), strict=True)])
    # Names: block 0 has 0 (label 1) and 1 (label 3), block 1 has 2 (2) and 3 (3), block 2 has
    # 4 (1), 5 (3) and 6 (2), block 3 has 7 (3) and 8 (1).
    assert pairs[0] == []
    assert pairs[1] == [(0, 2, False), (1, 3, True)]
    assert pairs[2] == [(0, 4, True), (1, 5, True)]
    assert pairs[3] == [(5, 7, True), (6, 8, False), (3, 7, True), (2, 8, False)]
    assert seams.open_names.tolist() == [6, 6, 8, 8]
