"""Areas and dots as pixels: which pixel is whose, at every scale, and painted masks traced and
drawn again."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image

from breastseg.data import rasterise as drawing
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.rasterise import check_inside, draw
from breastseg.errors import LabelError, SourceError
from breastseg.labels import BUILT_IN
from breastseg.sources.annotations import Area, Dot, Drawn, Ring
from conftest import CROPS, DATA, quiet

REGION5 = BUILT_IN["region5"]
TUMOR, STROMA = 1, 2


def square(left: float, top: float, right: float, bottom: float) -> Ring:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def drawn(
    *things: Area | Dot, size: tuple[int, int] = (80, 60), scale: float = 1.0, radius: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw on an image of `size` px; `radius` is in pixels of the result."""
    what = Drawn(
        tuple(t for t in things if isinstance(t, Area)),
        tuple(t for t in things if isinstance(t, Dot)),
    )
    new = round(size[0] * scale), round(size[1] * scale)
    return draw(what, REGION5, size, new, radius_px=radius, where="a.geojson")


def near_border(mask: np.ndarray) -> np.ndarray:
    """Return the pixels within one of a border of `mask`."""
    shifted = [np.roll(mask, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.any(shifted, axis=0) & ~np.all(shifted, axis=0)


@pytest.mark.parametrize("scale", [1.0, 0.5, 1.7])
@pytest.mark.parametrize("corner", [(10.0, 20.0), (10.3, 20.5), (11.9, 21.9), (10.5, 20.5)])
def test_a_square_covers_the_pixels_whose_middles_it_holds(
    scale: float, corner: tuple[float, float]
) -> None:
    """A middle on the left or upper border is within, on the right or lower one it is not. A bug
    drew half a pixel more on each side."""
    x, y = corner
    labels, _ = drawn(Area("tumor", square(x, y, x + 24, y + 18)), scale=scale)
    rows, columns = (np.indices((round(60 * scale), round(80 * scale))) + 0.5).astype(float)
    left, top, right, bottom = (place * scale for place in (x, y, x + 24, y + 18))
    assert np.array_equal(
        labels == TUMOR, (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
    )
    assert set(np.unique(labels)) == {0, TUMOR}


@pytest.mark.parametrize(("side", "pixels"), [(10, 100), (1, 1), (0.4, 0), (40, 1600)])
def test_an_area_has_as_many_pixels_as_it_is_large(side: float, pixels: int) -> None:
    assert (drawn(Area("tumor", square(7, 9, 7 + side, 9 + side)))[0] > 0).sum() == pixels


def test_a_hole_stays_not_annotated() -> None:
    labels, _ = drawn(
        Area("tumor", square(10, 10, 50, 50), (square(20, 20, 40, 40), square(30, 5, 45, 25)))
    )
    wanted = np.zeros((60, 80), np.uint8)
    wanted[10:50, 10:50] = TUMOR
    wanted[20:40, 20:40] = 0
    wanted[5:25, 30:45] = 0
    assert np.array_equal(labels, wanted), (
        "holes that overlap, or reach outside, take away and add nothing"
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_shapely_holds_is_drawn(seed: int) -> None:
    """Random triangles and stars, in any direction, closed or not, with places twice: by shapely's
    own point in polygon."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 30)))
    ring = 30 + np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(
        5, 28, (angles.size, 1)
    )
    forms = [ring, ring[::-1], np.vstack([ring, ring[:1]]), np.repeat(ring, 2, axis=0)]
    rows, columns = np.indices((60, 80)) + 0.5
    inside = shapely.contains_xy(shapely.Polygon(ring), columns, rows)
    for form in forms:
        assert np.array_equal(drawn(Area("tumor", np.ascontiguousarray(form)))[0] > 0, inside)


def test_a_ring_that_crosses_itself_has_all_that_it_goes_round() -> None:
    """As QuPath says of a polygon that somebody drew over itself: a pentagram has its middle, a bow
    tie both its loops."""
    turns = np.arange(5) * 4 * np.pi / 5
    star = 30 + 25 * np.stack([np.sin(turns), -np.cos(turns)], axis=1)
    labels, _ = drawn(Area("tumor", star))
    assert labels[30, 30] == TUMOR
    bow, _ = drawn(Area("tumor", np.array([(10.0, 10.0), (30, 30), (30, 10), (10, 30)])))
    assert bow[20, 11] == bow[20, 28] == TUMOR
    assert bow[11, 20] == 0


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_leave_no_gap_and_do_not_overlap(seed: int) -> None:
    """Cells round random places, which share their borders: every pixel is in one of them, whatever
    the scale."""
    rng = np.random.default_rng(seed)
    cells = shapely.voronoi_polygons(
        shapely.MultiPoint(rng.uniform(0, [80, 60], (40, 2))), extend_to=shapely.box(0, 0, 80, 60)
    )
    rings = [shapely.get_coordinates(cell) for cell in cells.geoms]
    for scale in (1.0, 0.37, 2.9):
        layers = [
            drawn(Area("tumor", ring), scale=scale)[0]
            for ring in rings
            if shapely.Polygon(ring).intersects(shapely.box(0, 0, 80, 60))
        ]
        assert (np.sum(layers, axis=0, dtype=int) == TUMOR).all()


def test_many_areas_are_drawn_as_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are held at a time, and where an area alone is more than that."""
    rng = np.random.default_rng(3)
    things = [
        Area(
            REGION5.names[k % 5],
            square(x, y, x + w, y + h),
            (square(x + w / 3, y + h / 3, x + w / 2, y + h / 2),),
        )
        for k, (x, y, w, h) in enumerate(rng.uniform(1, 30, (60, 4)))
    ]
    wanted, _ = drawn(*things)
    for held in (1, 40, 300):
        monkeypatch.setattr(drawing, "_HELD", held)
        assert np.array_equal(drawn(*things)[0], wanted)
    one = np.zeros_like(wanted)
    for thing in sorted(things, key=lambda thing: -np.ptp(thing.outline, axis=0).prod()):
        layer, _ = drawn(thing)
        one = np.where(layer > 0, layer, one)
    assert np.array_equal(one, wanted)


def test_outlines_too_long_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_MOST_CROSSINGS", 100)
    with pytest.raises(
        SourceError,
        match=r"a\.geojson: .* cross 121 rows of pixels; .*QuPath",
    ):
        drawn(Area("tumor", square(0, 0, 60, 60)))


def test_smaller_areas_lie_on_larger_ones_whatever_their_order() -> None:
    large, small = Area("stroma", square(5, 5, 70, 50)), Area("tumor", square(20, 20, 30, 30))
    one, _ = drawn(large, small)
    two, _ = drawn(small, large)
    assert np.array_equal(one, two)
    assert (one[22:28, 22:28] == TUMOR).all()
    assert (one[7:18, 7:68] == STROMA).all()


def test_an_area_that_is_to_be_ignored_wipes_out_what_is_under_it() -> None:
    """Areas and discs alike: a person who writes Ignore* over a fold means everything in it."""
    labels, _ = drawn(
        Area("stroma", square(5, 5, 70, 50)),
        Area("Ignore*", square(20, 20, 40, 40)),
        Dot("tumor", 30, 30),
    )
    assert (labels[22:38, 22:38] == 0).all()
    assert (labels[7:18, 7:68] == STROMA).all()


def test_an_area_may_reach_beyond_the_picture() -> None:
    what = Area("tumor", square(-1e9, -30, 40, 1e9))
    labels, _ = drawn(what)
    assert (labels[:, :40] == TUMOR).all()
    assert (labels[:, 40:] == 0).all()
    assert (
        check_inside(Drawn((what, Area("tumor", square(0, 0, 80.9, 60))), ()), (80, 60), "x") == 1
    )


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
    sure = (nearest < second) | (
        nearest > 5
    )  # of two that are equally near, either may have the pixel
    assert np.array_equal(labels[sure], wanted[sure])
    assert len(set(labels[~sure].tolist()) - {0}) > 0
    turned, _ = drawn(*things[::-1], radius=5.0)
    assert np.array_equal(turned[sure], labels[sure])


def test_a_dot_keeps_its_own_pixel_in_a_crowd() -> None:
    things = [Dot(REGION5.names[x % 3], x + 0.5, 10.5) for x in range(10, 40)]
    labels, dots = drawn(*things, radius=6.0)
    assert np.array_equal(labels[dots[:, 1], dots[:, 2]], dots[:, 0])


def test_areas_lie_on_discs() -> None:
    labels, dots = drawn(
        Area("stroma", square(10, 10, 30, 30)), Dot("tumor", 31.5, 20.5), radius=4.0
    )
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
    """Coordinates of the slide instead of the image: drawn at the border, they would teach
    nonsense."""
    message = (
        rf"a\.geojson: dot 2 at x {x:g}, y {y:g} is outside the image of 80 x 60 px; coordinates"
        r" are pixels of this image, "
        "those of 1 of 2 dots are not: export them again, from this image and at this"
        " magnification"
    )
    with pytest.raises(SourceError, match=message):
        drawn(Dot("tumor", 1, 1), Dot("tumor", x, y))


@pytest.mark.parametrize(("x", "y"), [(80, 5), (5, 60), (-10, 5), (5, -10), (2000, 2000)])
def test_an_area_outside_the_picture(x: float, y: float) -> None:
    """A bug dropped it without a word."""
    message = (
        rf"area 1 at x {x:g}, y {y:g} is outside the image of 80 x 60 px; .*, those of 2 of 3"
        r" areas and 1 of 1 dot are not: export"
    )
    areas = [
        Area("tumor", square(left, top, left + 10, top + 10))
        for left, top in ((x, y), (20, 20), (x, y))
    ]
    with pytest.raises(SourceError, match=message):
        drawn(*areas, Dot("tumor", 99, 99))


@pytest.mark.parametrize(
    "thing", [Dot("gland", 1, 1), Area("gland", square(1, 1, 9, 9))], ids=["dot", "area"]
)
def test_an_unknown_class_lists_the_known(thing: Area | Dot) -> None:
    message = (
        r"a\.geojson: class 'gland' is not in label map 'region5' \(it has tumor, stroma,"
        r" inflammatory, necrosis, other\); rename"
    )
    with pytest.raises(LabelError, match=message):
        drawn(thing)


def test_nothing_drawn() -> None:
    labels, dots = drawn()
    assert not labels.any()
    assert (dots.shape, dots.dtype) == ((0, 3), np.int32)


def traced(labels: np.ndarray) -> list[Area]:
    """Return a painted mask as areas: a strip for each stretch of a row, along the edges of its
    pixels."""
    edges = np.pad(labels, ((0, 0), (1, 1))).astype(int)
    rows, columns = np.nonzero(np.diff(edges, axis=1))
    return [
        Area(REGION5.names[labels[row, left] - 1], square(left, row, right, row + 1))
        for row, left, to_row, right in zip(rows, columns, rows[1:], columns[1:], strict=False)
        if row == to_row and labels[row, left]
    ]


@pytest.mark.parametrize("number", range(3))
def test_a_painted_mask_traced_and_drawn_comes_back(number: int) -> None:
    codes = np.asarray(Image.open(DATA / "bcss" / "masks" / CROPS[number].name))
    painted = REGION5.apply(codes, "x")
    areas = traced(painted)
    assert len(areas) > 1
    again, _ = drawn(*areas, size=codes.shape[::-1])
    assert np.array_equal(again, painted)


def test_areas_prepare_like_the_mask_they_were_traced_from(tmp_path: Path) -> None:
    """Resampled from 0.30 to 0.50 um/px: the borders of both ways are within a pixel of each
    other."""
    source = tmp_path / "traced"
    for kind in ("images", "annotations"):
        (source / kind).mkdir(parents=True)
    for image in CROPS:
        (source / "images" / image.name).write_bytes(image.read_bytes())
        painted = REGION5.apply(np.asarray(Image.open(DATA / "bcss" / "masks" / image.name)), "x")
        features = [
            {
                "type": "Feature",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [ring.tolist() for ring in (a.outline, *a.holes)],
                },
                "properties": {"classification": {"name": a.name}},
            }
            for a in traced(painted)
        ]
        (source / "annotations" / f"{image.stem}.geojson").write_text(json.dumps(features))
    masks = prepare(
        DATA / "bcss", tmp_path / "masks", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    config = PrepareConfig(to_mpp=0.5, mpp=0.30, labels="region5", workers=1)
    areas = prepare(source, tmp_path / "areas", config, reporter=quiet)
    assert set(areas.regions["annotation"]) == {"areas"}
    for region in masks.regions.index:
        wanted, got = np.asarray(masks.labels(region)), np.asarray(areas.labels(region))
        border = np.any([near_border(wanted == label) for label in range(6)], axis=0)
        assert np.array_equal(got[~border], wanted[~border])
        assert np.array_equal(areas.image(region), masks.image(region))
        assert areas.dots(region).shape == (0, 3)


@pytest.mark.parametrize(("mpp", "radius_um"), [(0.5, 3.0), (1.0, 3.0), (0.5, 4.0)])
def test_discs_are_measured_in_microns(tmp_path: Path, mpp: float, radius_um: float) -> None:
    config = PrepareConfig(to_mpp=mpp, labels="region5", dot_radius_um=radius_um, workers=1)
    data = prepare(DATA / "brca_m2c", tmp_path / "out", config, reporter=quiet)
    assert set(data.regions["annotation"]) == {"dots"}
    assert data.dot_radius_um == radius_um
    for region in data.regions.index:
        labels, dots = np.asarray(data.labels(region)), np.asarray(data.dots(region))
        rows, columns = np.indices(labels.shape)
        nearest = np.min([np.hypot(rows - y, columns - x) for _, y, x in dots], axis=0)
        assert np.array_equal(labels > 0, nearest * mpp <= radius_um)
        places = np.loadtxt(DATA / "brca_m2c" / "labels" / f"{region}_gt_class_coords.txt", int)
        assert np.array_equal(dots[:, 1:], ((places[:, :2] + 0.5) * 0.5 / mpp).astype(int))
        assert np.array_equal(dots[:, 0], np.array([0, 3, 1, 2])[places[:, 2]]), (
            "1 lymphocyte, 2 tumour cell, 3 stromal cell"
        )
