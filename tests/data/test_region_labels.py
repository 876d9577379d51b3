"""What is annotated of a region: boxes of slides, masks of another size, fields known whole."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from breastseg.data import region_labels as reading
from breastseg.data.config import PrepareConfig
from breastseg.data.fields import FIELDS, Known
from breastseg.data.region_labels import box_of, drawn_of, labels_of
from breastseg.errors import ImageError, SourceError
from breastseg.geometry import Box
from breastseg.labels import BUILT_IN
from breastseg.sources import Region
from breastseg.sources.annotations import Area, Dot, Drawn
from conftest import paint

REGION5 = BUILT_IN["region5"]
CONFIG = PrepareConfig(to_mpp=0.5)


def region(labels: Path, **more: object) -> Region:
    return Region("a", Path("a.png"), labels, "P", "", 0.5, "given", **more)  # type: ignore[arg-type]


def slide(width: int, height: int, *, is_flat: bool = False) -> SimpleNamespace:
    return SimpleNamespace(size_px=(width, height), mpp=0.25, is_flat=is_flat, path=Path("s.svs"))


def square(x: float, y: float, side: float) -> Area:
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    return Area("tumor", np.array(corners))


def test_a_slide_gives_what_is_drawn_with_128_px_around_it() -> None:
    drawn = Drawn((square(1000, 2000, 100),), (Dot("tumor", 1500, 1990),))
    box = box_of(region(Path("a.geojson")), None, drawn, slide(9000, 9000), 0.5)  # type: ignore[arg-type]
    # 128 px at 0.5 um/px are 256 px at 0.25.
    assert box == Box(1000 - 256, 1990 - 256, 500 + 2 * 256, 110 + 2 * 256)


def test_the_box_ends_at_the_slide_and_flat_pictures_are_taken_whole() -> None:
    drawn = Drawn((square(10, 20, 50),), ())
    own = region(Path("a.geojson"))
    assert box_of(own, None, drawn, slide(100, 90), 0.5) == Box(0, 0, 100, 90)  # type: ignore[arg-type]
    flat = slide(5000, 5000, is_flat=True)
    assert box_of(own, None, drawn, flat, 0.5) == Box(0, 0, 5000, 5000)  # type: ignore[arg-type]
    given = Box(1, 2, 3, 4)
    part = region(Path("a.geojson"), box=given)
    assert box_of(part, None, drawn, slide(9000, 9000), 0.5) == given  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("drawn", "fact"),
    [
        (Drawn((), ()), "nothing is drawn"),
        (Drawn((square(0, 0, 9), square(80_000, 80_000, 9)), ()), "100 Mpx"),
    ],
)
def test_a_slide_of_nothing_or_too_much_is_refused(drawn: Drawn, fact: str) -> None:
    with pytest.raises(SourceError, match=fact):
        box_of(region(Path("a.geojson")), None, drawn, slide(90_000, 90_000), 0.5)  # type: ignore[arg-type]


def test_a_field_that_is_all_of_a_class_is_areas_and_another_is_facts() -> None:
    box = Box(0, 0, 6, 4)
    own = region(Path("fields.csv"))
    found = labels_of(own, Known(2, (), ()), None, box, (6, 4), REGION5, CONFIG)
    assert (found.annotation, found.labels.shape) == ("areas", (4, 6))
    assert (found.labels == 2).all()
    found = labels_of(own, Known(0, (1,), ()), None, box, (6, 4), REGION5, CONFIG)
    assert found.annotation == FIELDS
    assert not found.labels.any()


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    paint(tmp_path, "a", side=40)
    own = region(tmp_path / "masks" / "a.png")
    box = Box(0, 0, 40, 40)
    found = labels_of(own, None, None, box, (40, 40), REGION5, CONFIG)
    assert found.annotation == "areas"
    assert found.places is None
    with pytest.raises(ImageError, match="40 x 40 px, its image is 41 x 40"):
        labels_of(own, None, None, box, (41, 40), REGION5, CONFIG)


def test_what_is_painted_is_not_drawn(tmp_path: Path) -> None:
    assert drawn_of(region(tmp_path / "a.png")) is None
    (tmp_path / "a.csv").write_text("x,y,class,radius_um\n1,2,tumor,3\n")
    drawn = drawn_of(region(tmp_path / "a.csv"))
    assert drawn is not None
    assert drawn.dots == (Dot("tumor", 1, 2, 12, 12, 0, True),), "3 um are 6 px at 0.5 um/px"


def test_dots_beside_what_is_known_whole_are_refused() -> None:
    from breastseg.sources.region import Field

    own = region(Path("a.csv"), field=Field(Path("fields.csv"), 2))
    drawn = Drawn((), (Dot("tumor", 1, 1),))
    with pytest.raises(SourceError, match="row 2 tells of the whole field"):
        labels_of(own, Known(0, (1,), ()), drawn, Box(0, 0, 9, 9), (9, 9), REGION5, CONFIG)
    assert reading._no_dots().shape == (0, 3)
