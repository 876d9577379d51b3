"""Fields of a slide with areas far apart: all that is drawn lies in one of them, once."""

import numpy as np
import pytest

from breastseg.errors import SourceError
from breastseg.geometry import Box
from breastseg.sources.annotations import Area, Dot, Drawn
from breastseg.sources.parts import fields_of, within
from source_folders import square


def test_fields_of_a_slide_hold_all_that_is_drawn_once() -> None:
    """At 1 um/px a cell is 32 px and a field 2,048 px at most."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 9000, (60, 2)).tolist()
    areas = [Area("a", np.array(square(x, y, 40.0))) for x, y in corners]
    areas.append(Area("b", np.array(square(3000, 3000, 5000))))
    drawn = Drawn(tuple(areas), (Dot("c", 9900, 9900),))
    boxes = fields_of(drawn, (10000, 10000), 1.0, "x")
    for box in boxes:
        assert max(box.width, box.height) <= 2048
    for x, y in [*corners, (3010, 3010), (7990, 7990), (9900, 9900)]:
        holding = [
            box
            for box in boxes
            if box.x <= x < box.x + box.width and box.y <= y < box.y + box.height
        ]
        assert len(holding) == 1
    assert within(drawn, Box(9890, 9890, 20, 20)).dots == drawn.dots
    assert not within(drawn, Box(9890, 9890, 10, 10)).dots


def test_areas_that_are_near_are_one_field() -> None:
    near = Drawn(
        (Area("a", np.array(square(10, 10, 40))), Area("b", np.array(square(80, 10, 9)))), ()
    )
    assert len(fields_of(near, (4000, 4000), 1.0, "x")) == 1
    far = Drawn((*near.areas, Area("b", np.array(square(3000, 10, 9)))), ())
    assert len(fields_of(far, (4000, 4000), 1.0, "x")) == 2


def test_fields_end_where_the_slide_does() -> None:
    corner = Drawn((Area("a", np.array(square(980, 690, 20))),), ())
    (box,) = fields_of(corner, (1000, 710), 1.0, "x")
    assert (box.x + box.width, box.y + box.height) == (1000, 710)


def test_a_dot_outside_the_slide_has_no_field() -> None:
    assert fields_of(Drawn((), (Dot("a", -5, 10), Dot("a", 10, 9999))), (900, 900), 1.0, "x") == []


def test_a_slide_larger_than_tissue_is_refused() -> None:
    with pytest.raises(SourceError, match="no section of tissue"):
        fields_of(Drawn((), ()), (10**7, 10**7), 1.0, "x")


def test_within_is_what_reaches_in_by_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    areas = tuple(Area("a", np.array(square(x, y, 30.0))) for x, y in rng.uniform(0, 300, (40, 2)))
    dots = tuple(Dot("d", x, y) for x, y in rng.uniform(0, 300, (40, 2)))
    box = Box(100, 120, 60, 50)
    found = within(Drawn(areas, dots), box)
    wanted = []
    for area in areas:
        left, top = area.outline.min(axis=0)
        right, bottom = area.outline.max(axis=0)
        if right > 100 and bottom > 120 and left < 160 and top < 170:
            wanted.append(area)
    assert [id(area) for area in found.areas] == [id(area) for area in wanted]
    assert list(found.dots) == [dot for dot in dots if 100 <= dot.x < 160 and 120 <= dot.y < 170]
