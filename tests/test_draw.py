"""Areas and dots as pixels: which pixel is whose, at every scale, and painted masks traced and drawn again."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from breastseg.data.draw import draw
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import LabelError, SourceError
from breastseg.labels import BUILT_IN
from breastseg.sources.drawn import Area, Dot, Drawn, Ring
from conftest import CROPS, DATA, quiet

REGION5 = BUILT_IN["region5"]
TUMOR, STROMA = 1, 2


def square(left: float, top: float, right: float, bottom: float) -> Ring:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def drawn(*things: Area | Dot, size: tuple[int, int] = (80, 60), scale: float = 1.0, radius: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw on a picture of `size` px; `radius` is in pixels of the result."""
    what = Drawn(tuple(t for t in things if isinstance(t, Area)), tuple(t for t in things if isinstance(t, Dot)))
    new = round(size[0] * scale), round(size[1] * scale)
    return draw(what, REGION5, size, new, radius_px=radius, where="a.geojson")


def near_border(mask: np.ndarray) -> np.ndarray:
    """Return the pixels within one of a border of `mask`."""
    shifted = [np.roll(mask, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.any(shifted, axis=0) & ~np.all(shifted, axis=0)


@pytest.mark.parametrize("scale", [1.0, 0.5, 1.7])
@pytest.mark.parametrize("corner", [(10.0, 20.0), (10.3, 20.5), (11.9, 21.9)])
def test_a_square_covers_the_pixels_whose_middles_it_holds(scale: float, corner: tuple[float, float]) -> None:
    x, y = corner
    labels, _ = drawn(Area("tumor", square(x, y, x + 24, y + 18)), scale=scale)
    rows, columns = np.indices(labels.shape) + 0.5
    inside = (columns > x * scale) & (columns < (x + 24) * scale) & (rows > y * scale) & (rows < (y + 18) * scale)
    assert labels.shape == (round(60 * scale), round(80 * scale))
    assert np.array_equal(labels > 0, (labels == TUMOR))
    assert not ((labels > 0) & ~inside & ~near_border(inside)).any(), "no more than one pixel outside"
    assert (labels[inside] == TUMOR).all(), "and nothing inside is left out"


def test_a_hole_stays_not_annotated() -> None:
    labels, _ = drawn(Area("tumor", square(10, 10, 50, 50), (square(20, 20, 40, 40),)))
    assert (labels[22:38, 22:38] == 0).all()
    assert (labels[12:18, 12:48] == TUMOR).all()
    assert (labels[22:38, 42:48] == TUMOR).all()


def test_smaller_areas_lie_on_larger_ones_whatever_their_order() -> None:
    large, small = Area("stroma", square(5, 5, 70, 50)), Area("tumor", square(20, 20, 30, 30))
    one, _ = drawn(large, small)
    two, _ = drawn(small, large)
    assert np.array_equal(one, two)
    assert (one[22:28, 22:28] == TUMOR).all()
    assert (one[7:18, 7:68] == STROMA).all()


def test_an_area_that_is_to_be_ignored_wipes_out_what_is_under_it() -> None:
    """Areas and discs alike: a person who writes Ignore* over a fold means everything in it."""
    labels, _ = drawn(Area("stroma", square(5, 5, 70, 50)), Area("Ignore*", square(20, 20, 40, 40)), Dot("tumor", 30, 30))
    assert (labels[22:38, 22:38] == 0).all()
    assert (labels[7:18, 7:68] == STROMA).all()


def test_an_area_may_reach_beyond_the_picture() -> None:
    labels, _ = drawn(Area("tumor", square(-1e9, -30, 40, 1e9)))
    assert (labels[:, :39] == TUMOR).all()
    assert (labels[:, 42:] == 0).all()


@pytest.mark.parametrize("radius", [0.4, 1.0, 3.0, 6.0])
def test_a_dot_is_a_disc(radius: float) -> None:
    labels, dots = drawn(Dot("tumor", 40.7, 30.2), radius=radius)
    rows, columns = np.indices(labels.shape)
    assert np.array_equal(labels, np.where(np.hypot(rows - 30, columns - 40) <= radius, TUMOR, 0))
    assert dots.tolist() == [[TUMOR, 30, 40]]
    assert dots.dtype == np.int32


def test_where_discs_meet_a_pixel_is_the_nearest_dots() -> None:
    places = [("tumor", 20, 20), ("stroma", 25, 22), ("inflammatory", 22, 27)]
    things = [Dot(name, x + 0.5, y + 0.5) for name, x, y in places]
    labels, _ = drawn(*things, radius=5.0)
    rows, columns = np.indices(labels.shape)
    distances = np.stack([np.hypot(rows - y, columns - x) for _, x, y in places])
    nearest, second = np.sort(distances, axis=0)[:2]
    wanted = np.where(nearest <= 5, distances.argmin(axis=0) + 1, 0)
    sure = (nearest < second) | (nearest > 5)  # of two that are equally near, either may have the pixel
    assert np.array_equal(labels[sure], wanted[sure])
    assert len(set(labels[~sure].tolist()) - {0}) > 0
    turned, _ = drawn(*things[::-1], radius=5.0)
    assert np.array_equal(turned[sure], labels[sure])


def test_a_dot_keeps_its_own_pixel_in_a_crowd() -> None:
    things = [Dot(REGION5.names[x % 3], x + 0.5, 10.5) for x in range(10, 40)]
    labels, dots = drawn(*things, radius=6.0)
    assert np.array_equal(labels[dots[:, 1], dots[:, 2]], dots[:, 0])


def test_areas_lie_on_discs() -> None:
    labels, dots = drawn(Area("stroma", square(10, 10, 30, 30)), Dot("tumor", 31.5, 20.5), radius=4.0)
    assert (labels[11:29, 11:29] == STROMA).all()
    assert labels[20, 33] == TUMOR
    assert dots.tolist() == [[TUMOR, 20, 31]], "but a dot is a dot"


def test_dots_of_what_is_not_annotated_are_left_out() -> None:
    labels, dots = drawn(Dot("undetermined", 20, 20), Dot("Ignore*", 30, 30), Dot("dcis", 40, 40))
    assert dots.tolist() == [[TUMOR, 40, 40]]
    assert (labels[:35] == 0).all()


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.37, 2.0])
def test_dots_on_the_border_stay_inside(scale: float) -> None:
    labels, dots = drawn(Dot("tumor", 0, 0), Dot("stroma", 80, 60), scale=scale)
    assert dots.tolist() == [[TUMOR, 0, 0], [STROMA, labels.shape[0] - 1, labels.shape[1] - 1]]


@pytest.mark.parametrize(("x", "y"), [(80.1, 5), (5, 60.5), (-0.1, 5), (5, -3)])
def test_a_dot_outside_the_picture(x: float, y: float) -> None:
    """Coordinates of the slide instead of the picture: drawn at the border, they would teach nonsense."""
    message = rf"a\.geojson: dot 2 at x {x:g}, y {y:g} is outside the picture of 80 x 60 px; coordinates are pixels of this picture"
    with pytest.raises(SourceError, match=message):
        drawn(Dot("tumor", 1, 1), Dot("tumor", x, y))


@pytest.mark.parametrize("thing", [Dot("gland", 1, 1), Area("gland", square(1, 1, 9, 9))], ids=["dot", "area"])
def test_an_unknown_class_lists_the_known(thing: Area | Dot) -> None:
    message = r"a\.geojson: class 'gland' is not in label map 'region5' \(it has tumor, stroma, inflammatory, necrosis, other\); rename"
    with pytest.raises(LabelError, match=message):
        drawn(thing)


def test_nothing_drawn() -> None:
    labels, dots = drawn()
    assert not labels.any()
    assert (dots.shape, dots.dtype) == ((0, 3), np.int32)


def traced(labels: np.ndarray) -> list[Area]:
    """Return the outlines and holes of a painted mask, as OpenCV traces them: through the middles of border pixels."""
    areas = []
    for label, name in enumerate(REGION5.names, start=1):
        contours, tree = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        rings = [tuple((float(x) + 0.5, float(y) + 0.5) for x, y in contour[:, 0]) for contour in contours]
        for number, ring in enumerate(rings):
            if tree[0][number][3] < 0 and len(ring) > 2:
                holes = tuple(rings[k] for k in range(len(rings)) if tree[0][k][3] == number and len(rings[k]) > 2)
                areas.append(Area(name, ring, holes))
    return areas


@pytest.mark.parametrize("number", range(3))
def test_a_painted_mask_traced_and_drawn_comes_back(number: int) -> None:
    codes = np.asarray(Image.open(DATA / "bcss" / "masks" / CROPS[number].name))
    painted = REGION5.apply(codes, "x")
    areas = traced(painted)
    assert len(areas) > 1
    again, _ = drawn(*areas, size=codes.shape[::-1])
    border = np.any([near_border(painted == label) for label in range(6)], axis=0)
    assert np.array_equal(again[~border], painted[~border])
    assert (again == painted).mean() > 0.98


def test_areas_prepare_like_the_mask_they_were_traced_from(tmp_path: Path) -> None:
    """Resampled from 0.30 to 0.50 um/px: the borders of both ways are within a pixel of each other."""
    source = tmp_path / "traced"
    for kind in ("images", "annotations"):
        (source / kind).mkdir(parents=True)
    for image in CROPS:
        (source / "images" / image.name).write_bytes(image.read_bytes())
        painted = REGION5.apply(np.asarray(Image.open(DATA / "bcss" / "masks" / image.name)), "x")
        features = [
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [a.outline, *a.holes]},
             "properties": {"classification": {"name": a.name}}} for a in traced(painted)
        ]  # fmt: skip
        (source / "annotations" / f"{image.stem}.geojson").write_text(json.dumps(features))
    masks = prepare(DATA / "bcss", tmp_path / "masks", PrepareConfig(mpp=0.5, workers=1), say=quiet)
    config = PrepareConfig(mpp=0.5, source_mpp=0.30, labels="region5", workers=1)
    areas = prepare(source, tmp_path / "areas", config, say=quiet)
    assert set(areas.regions["annotation"]) == {"areas"}
    for region in masks.regions.index:
        wanted, got = np.asarray(masks.labels(region)), np.asarray(areas.labels(region))
        border = np.any([near_border(wanted == label) for label in range(6)], axis=0)
        assert np.array_equal(got[~border], wanted[~border])
        assert np.array_equal(areas.image(region), masks.image(region))
        assert areas.dots(region).shape == (0, 3)


@pytest.mark.parametrize(("mpp", "radius_um"), [(0.5, 3.0), (1.0, 3.0), (0.5, 4.0)])
def test_discs_are_measured_in_microns(tmp_path: Path, mpp: float, radius_um: float) -> None:
    config = PrepareConfig(mpp=mpp, labels="region5", dot_radius_um=radius_um, workers=1)
    data = prepare(DATA / "brca_m2c", tmp_path / "out", config, say=quiet)
    assert set(data.regions["annotation"]) == {"dots"}
    assert data.dot_radius_um == radius_um
    for region in data.regions.index:
        labels, dots = np.asarray(data.labels(region)), np.asarray(data.dots(region))
        rows, columns = np.indices(labels.shape)
        nearest = np.min([np.hypot(rows - y, columns - x) for _, y, x in dots], axis=0)
        assert np.array_equal(labels > 0, nearest * mpp <= radius_um)
        places = np.loadtxt(DATA / "brca_m2c" / "labels" / f"{region}_gt_class_coords.txt", int)
        assert np.array_equal(dots[:, 1:], ((places[:, :2] + 0.5) * 0.5 / mpp).astype(int))
        assert np.array_equal(dots[:, 0], np.array([0, 3, 1, 2])[places[:, 2]]), "1 lymphocyte, 2 tumour cell, 3 stromal cell"
