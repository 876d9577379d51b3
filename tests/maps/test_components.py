"""Areas of a block against a flood fill that goes pixel by pixel."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.labels import Labels
from breastseg.maps.polygons import components
from breastseg.maps.polygons.components import Components, CrowdedError, joined, summed

IMAGES = {
    "noise": np.random.default_rng(0).integers(0, 3, (13, 17)).astype(np.uint8),
    "two labels": np.random.default_rng(1).integers(1, 3, (20, 9)).astype(np.uint8),
    "one row": np.array([[1, 1, 0, 2, 2, 1]], np.uint8),
    "one column": np.array([[1], [1], [0], [1]], np.uint8),
    "one label": np.full((4, 5), 3, np.uint8),
}


def flooded(values: Labels) -> npt.NDArray[np.intp]:
    """Return the (H, W) number of the area of every pixel, in the order of first pixels."""
    height, width = values.shape
    area = np.full(values.shape, -1, np.intp)
    count = 0
    for y in range(height):
        for x in range(width):
            if area[y, x] >= 0:
                continue
            waiting = [(y, x)]
            while waiting:
                row, column = waiting.pop()
                if not (0 <= row < height and 0 <= column < width):
                    continue
                if area[row, column] >= 0 or values[row, column] != values[y, x]:
                    continue
                area[row, column] = count
                waiting += [(row + 1, column), (row - 1, column)]
                waiting += [(row, column + 1), (row, column - 1)]
            count += 1
    return area


def borders(area: npt.NDArray[np.intp]) -> dict[tuple[int, int], int]:
    """Return how many pixel edges each pair of areas shares."""
    shared: dict[tuple[int, int], int] = {}
    pairs = [*zip(area[:, 1:].ravel(), area[:, :-1].ravel(), strict=True)]
    pairs += [*zip(area[1:].ravel(), area[:-1].ravel(), strict=True)]
    for one, other in pairs:
        if one != other:
            key = (int(min(one, other)), int(max(one, other)))
            shared[key] = shared.get(key, 0) + 1
    return shared


@pytest.mark.parametrize("name", IMAGES)
def test_areas_are_those_of_a_flood_fill(name: str) -> None:
    values = IMAGES[name]
    area = flooded(values)
    found = Components(values)
    assert np.array_equal(found.at(np.arange(values.size)), area.ravel())
    assert found.sizes.tolist() == np.bincount(area.ravel()).tolist()
    _, firsts = np.unique(area.ravel(), return_index=True)
    assert found.firsts.tolist() == firsts.tolist()
    assert found.labels.tolist() == values.ravel()[firsts].tolist()


@pytest.mark.parametrize("name", IMAGES)
def test_sides_hold_the_area_of_every_pixel_along_them(name: str) -> None:
    area, sides = flooded(IMAGES[name]), Components(IMAGES[name]).sides
    assert np.array_equal(sides.left, area[:, 0])
    assert np.array_equal(sides.right, area[:, -1])
    assert np.array_equal(sides.top, area[0])
    assert np.array_equal(sides.bottom, area[-1])


@pytest.mark.parametrize("name", IMAGES)
def test_neighbours_share_as_many_edges_as_are_counted_one_by_one(name: str) -> None:
    values = IMAGES[name]
    found = Components(values)
    near = found.neighbours(np.ones(found.labels.size, np.bool_))
    pairs = zip(near.one.tolist(), near.other.tolist(), strict=True)
    assert dict(zip(pairs, near.shared.tolist(), strict=True)) == borders(flooded(values))


def test_neighbours_are_those_of_the_areas_asked_for_alone() -> None:
    found = Components(np.array([[1, 2, 3, 4]], np.uint8))
    near = found.neighbours(np.array([True, False, False, False]))
    assert (near.one.tolist(), near.other.tolist(), near.shared.tolist()) == ([0], [1], [1])


def test_spans_paint_the_areas_asked_for() -> None:
    values = IMAGES["noise"]
    found, area = Components(values), flooded(values)
    wanted = found.labels == 2
    spans, owner = found.spans(wanted)
    painted = np.full(values.shape, -1, np.intp)
    for row, left, right, of in zip(spans.row, spans.left, spans.right, owner, strict=True):
        painted[row, left:right] = of
    assert np.array_equal(painted, np.where(values == 2, area, -1))


def test_a_block_with_too_many_runs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "MAX_RUNS", 4)
    Components(np.array([[1, 2], [1, 2]], np.uint8))
    with pytest.raises(CrowdedError):
        Components(np.array([[1, 2, 1], [1, 2, 2]], np.uint8))


def test_links_lead_to_the_smallest_of_a_chain() -> None:
    one, other = np.array([5, 1, 4]), np.array([4, 6, 2])
    assert joined(7, one, other).tolist() == [0, 1, 2, 3, 2, 2, 1]
    nothing = np.zeros(0, np.intp)
    assert joined(3, nothing, nothing).tolist() == [0, 1, 2]


def test_borders_of_one_pair_are_added_whatever_its_order() -> None:
    near = summed(np.array([3, 1, 1]), np.array([1, 3, 2]), np.array([10, 5, 7]))
    assert (near.one.tolist(), near.other.tolist()) == ([1, 1], [2, 3])
    assert near.shared.tolist() == [7, 15]
    nothing = np.zeros(0, np.intp)
    assert summed(nothing, nothing, nothing).shared.size == 0
