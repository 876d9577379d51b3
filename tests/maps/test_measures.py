"""Areas, shares, shapes and distances, against what was painted."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.geometry import Box
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.maps.measures import field, measure, shapes
from breastseg.maps.raster import Raster
from conftest import DATA, class_areas

Labels = npt.NDArray[np.uint8]
Measure = Callable[..., dict[str, float]]

TWO = LabelMap(
    "two", (LabelClass("a", (1, 2, 3), "A", (1,)), LabelClass("b", (4, 5, 6), "B", (2,)))
)
TUMOR, STROMA, INFLAMMATORY, NECROSIS, OTHER = range(1, 6)
STROMA_SHARE = "stroma_percent_of_tumor_and_stroma"
INFLAMMATORY_SHARE = "inflammatory_percent_of_stroma_and_inflammatory"
NECROSIS_SHARE = "necrosis_percent_of_tumor_and_necrosis"
NEST_SIZES = [
    "nest_area_median_mm2",
    "nest_area_max_mm2",
    "nest_diameter_max_mm",
    "tumor_diameter_max_mm",
]
BEYOND_AREAS = [
    "tissue_mask_mm2",
    STROMA_SHARE,
    INFLAMMATORY_SHARE,
    NECROSIS_SHARE,
    STROMA_SHARE + "_within_100_um",
    INFLAMMATORY_SHARE + "_within_100_um",
    "nest_count",
    *NEST_SIZES,
]


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Measure]:
    """Return `measure` for a label image; region5 and 4 um/px unless said otherwise: there, every
    pixel is looked at for shapes."""
    made: list[Raster] = []

    def of(
        labels: Labels,
        label_map: str | LabelMap = "region5",
        *,
        mpp: float = 4.0,
        tissue_mm2: float | None = None,
    ) -> dict[str, float]:
        height, width = labels.shape
        made.append(Raster(tmp_path / f"raster{len(made)}", (width, height)))
        made[-1].write(Box(0, 0, width, height), labels)
        chosen = BUILT_IN[label_map] if isinstance(label_map, str) else label_map
        return measure(made[-1], chosen, mpp=mpp, tissue_mm2=tissue_mm2)

    yield of
    for raster in made:
        raster.close()


def disc(labels: Labels, x: float, y: float, radius: float, label: int = TUMOR) -> None:
    """Paint the pixels whose centres lie within `radius` px of a point; whole numbers are corners
    of pixels."""
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    labels[np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius] = label


def blobs(width: int, height: int, *, seed: int = 0, radius: tuple[int, int] = (4, 40)) -> Labels:
    """Paint discs of all five classes, some over the edge, with a corner left out."""
    rng = np.random.default_rng(seed)
    labels = np.full((height, width), STROMA, np.uint8)
    for _ in range(40):
        disc(
            labels, *rng.uniform(0, (width, height)), rng.uniform(*radius), int(rng.integers(1, 6))
        )
    labels[: height // 5, : width // 4] = 0
    return labels


def same(one: dict[str, float], other: dict[str, float]) -> bool:
    return list(one) == list(other) and bool(
        np.array_equal(list(one.values()), list(other.values()), equal_nan=True)
    )


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
    assert list(areas) == ["analysed_mm2"] + [
        f"{n}_{u}" for n in BUILT_IN["region5"].names for u in ("mm2", "percent")
    ]


def test_areas_add_up_over_pieces_and_classes() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 40), dtype=np.uint8)
    whole, left, right = (
        class_areas(part, TWO, 0.25) for part in (labels, labels[:, :11], labels[:, 11:])
    )
    assert whole["a_mm2"] == pytest.approx(left["a_mm2"] + right["a_mm2"])
    assert whole["a_mm2"] + whole["b_mm2"] == pytest.approx(whole["analysed_mm2"])
    assert whole["a_percent"] + whole["b_percent"] == pytest.approx(100)


@pytest.mark.parametrize("name", ["region5", "region6", "bcss21", "tumor"])
@pytest.mark.parametrize(
    "mask", sorted((DATA / "bcss" / "masks").glob("*.png")), ids=lambda p: p.name[:12]
)
def test_a_slide_begins_with_the_areas_of_its_pixels_and_has_the_same_columns_for_every_map(
    name: str, mask: Path, measured: Measure
) -> None:
    codes = np.asarray(Image.open(mask))
    labels = BUILT_IN[name].apply(codes, mask.name) if name != "bcss21" else codes
    row, areas = measured(labels, name, mpp=0.3), class_areas(labels, BUILT_IN[name], 0.3)
    assert list(row) == [*areas, *BEYOND_AREAS]
    assert same({column: row[column] for column in areas}, areas)


def test_every_column_is_in_the_glossary() -> None:
    glossary = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [column for column in BEYOND_AREAS if f"`{column}`" not in glossary] == []


@pytest.mark.parametrize("mpp", [4.0, 0.5, 0.3])
def test_a_disc(mpp: float, measured: Measure) -> None:
    """200 um in radius: its edge may be off by a pixel, of 4 um or less, on either side."""
    side, radius = round(600 / mpp), 200 / mpp
    labels = np.full((side, side), STROMA, np.uint8)
    disc(labels, side / 2 + 0.3, side / 2 - 0.1, radius)
    row = measured(labels, mpp=mpp)
    assert row["nest_count"] == 1
    assert (
        row["nest_diameter_max_mm"]
        == row["tumor_diameter_max_mm"]
        == pytest.approx(0.4, abs=2 * 0.004)
    )
    assert (
        row["nest_area_max_mm2"]
        == row["nest_area_median_mm2"]
        == pytest.approx(math.pi * 0.2**2, abs=math.pi * 0.4 * 0.004 / 2)
    )
    assert row["tumor_mm2"] == pytest.approx(math.pi * 0.2**2, abs=math.pi * 0.4 * mpp / 1000 / 2)


def test_a_ring_has_a_hole(measured: Measure) -> None:
    """Radii 400 and 250 um: what lies in the hole is stroma of this tumour, within 100 um down to a
    radius of 150 um."""
    labels = np.zeros((250, 250), np.uint8)
    disc(labels, 125, 125, 100)
    disc(labels, 125, 125, 62.5, STROMA)
    row = measured(labels)
    assert row["nest_count"] == 1
    assert row["nest_area_max_mm2"] == pytest.approx(math.pi * (0.4**2 - 0.25**2), rel=0.01)
    assert row["nest_diameter_max_mm"] == pytest.approx(0.8, abs=2 * 0.004)
    assert row[STROMA_SHARE] == pytest.approx(100 * 0.25**2 / 0.4**2, abs=0.5)
    near = 0.25**2 - 0.15**2
    assert row[STROMA_SHARE + "_within_100_um"] == pytest.approx(
        100 * near / (near + 0.4**2 - 0.25**2), abs=1.5
    )


@pytest.mark.parametrize(("gap_um", "tumor_mm"), [(180, 0.3 + 0.2 + 0.18), (220, 0.3)])
@pytest.mark.parametrize("turned", [False, True])
def test_nests_at_most_200_um_apart_are_one_tumour(
    gap_um: int, tumor_mm: float, turned: bool, measured: Measure
) -> None:
    """Diameters of 300 and 200 um. A gap is known to a pixel on either side."""
    labels = np.full((120, 240), OTHER, np.uint8)
    disc(labels, 60, 60, 37.5)
    disc(labels, 60 + 37.5 + gap_um / 4 + 25, 60, 25)
    row = measured(labels.T if turned else labels)
    assert row["nest_count"] == 2
    assert row["nest_diameter_max_mm"] == pytest.approx(0.3, abs=2 * 0.004)
    assert row["tumor_diameter_max_mm"] == pytest.approx(tumor_mm, abs=2 * 0.004)
    assert row["nest_area_median_mm2"] == pytest.approx(math.pi * (0.15**2 + 0.1**2) / 2, rel=0.02)
    assert row["nest_area_max_mm2"] == pytest.approx(math.pi * 0.15**2, rel=0.02)


@pytest.mark.parametrize("turned", [False, True])
def test_within_100_um_of_a_straight_border(turned: bool, measured: Measure) -> None:
    """25 pixels of 4 um: 12 of them inflammatory, 13 stroma; what lies beyond counts only for the
    whole slide."""
    labels = np.zeros((600, 80), np.uint8)  # taller than a strip of distances
    labels[:, :20], labels[:, 20:32], labels[:, 32:70], labels[:, 70:] = (
        TUMOR,
        INFLAMMATORY,
        STROMA,
        INFLAMMATORY,
    )
    row = measured(labels.T if turned else labels)
    assert row[INFLAMMATORY_SHARE + "_within_100_um"] == pytest.approx(100 * 12 / 25)
    assert row[INFLAMMATORY_SHARE] == pytest.approx(100 * 22 / 60)
    assert row[STROMA_SHARE + "_within_100_um"] == pytest.approx(100 * 13 / 33)
    assert row[STROMA_SHARE] == pytest.approx(100 * 38 / 58)


def test_shares_by_hand(measured: Measure) -> None:
    row = measured(
        np.repeat(
            np.array([TUMOR, STROMA, INFLAMMATORY, NECROSIS, OTHER], np.uint8), (30, 50, 10, 6, 4)
        )[None].repeat(9, 0)
    )
    assert (row[STROMA_SHARE], row[INFLAMMATORY_SHARE], row[NECROSIS_SHARE]) == pytest.approx(
        (62.5, 100 / 6, 100 / 6)
    )


@pytest.mark.parametrize("seed", [12, 14, 30])
def test_every_shape_and_distance_counted_again_pixel_by_pixel(
    seed: int, measured: Measure
) -> None:
    labels = blobs(170, 60, seed=seed, radius=(2, 8))
    nests = [part for part in _parts(labels == TUMOR) if 16 * len(part) >= 1000]
    pixels = np.concatenate(nests)
    rows, columns = np.indices(labels.shape)
    distance = np.hypot(rows[..., None] - pixels[:, 0], columns[..., None] - pixels[:, 1]).min(
        axis=2
    )
    near = distance <= 25.5
    stroma, inflammatory = ((near & (labels == label)).sum() for label in (STROMA, INFLAMMATORY))
    in_nest = distance == 0
    tumors = [part[in_nest[tuple(part.T)]] for part in _parts(near)]
    row = measured(labels)
    assert len(nests) > len(tumors) > 1
    assert row["nest_count"] == len(nests)
    assert row["nest_area_median_mm2"] == pytest.approx(
        np.median([len(part) for part in nests]) * 16e-6
    )
    assert row["nest_area_max_mm2"] == pytest.approx(max(len(part) for part in nests) * 16e-6)
    assert row["nest_diameter_max_mm"] == pytest.approx(
        max(_diameter(part) for part in nests) * 4e-3
    )
    assert row["tumor_diameter_max_mm"] == pytest.approx(
        max(_diameter(part) for part in tumors) * 4e-3
    )
    assert row[STROMA_SHARE + "_within_100_um"] == pytest.approx(
        100 * stroma / (stroma + len(pixels))
    )
    assert row[INFLAMMATORY_SHARE + "_within_100_um"] == pytest.approx(
        100 * inflammatory / (inflammatory + stroma)
    )


def _parts(mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Return the (row, column) of the pixels of each connected part, by flooding."""
    left, parts = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    while left:
        edge, part = [left.pop()], []
        while edge:
            y, x = edge.pop()
            part.append((y, x))
            beside = {(y + j, x + i) for j in (-1, 0, 1) for i in (-1, 0, 1)} & left
            left -= beside
            edge += beside
        parts.append(np.array(part))
    return parts


def _diameter(part: npt.NDArray[np.int64]) -> float:
    corners = np.concatenate([part + np.array([j, i]) for j in (0, 1) for i in (0, 1)])
    return float(np.hypot(*(corners[:, None] - corners[None]).T).max())


@pytest.mark.parametrize("mpp", [4.0, 0.5, 0.25])
@pytest.mark.parametrize("size", [(341, 276), (340, 275), (343, 280)])
def test_turning_and_mirroring_change_nothing(
    size: tuple[int, int], mpp: float, measured: Measure
) -> None:
    labels = blobs(*size)
    disc(labels, 210.3, 150.8, 90)  # a nest at every resolution
    rows = [
        measured(np.rot90(way, turn), mpp=mpp)
        for way in (labels, labels[:, ::-1])
        for turn in range(4)
    ]
    assert rows[0]["nest_count"] > 0
    assert all(same(rows[0], row) for row in rows)


def test_areas_grow_with_the_square_of_mpp_and_diameters_with_mpp(measured: Measure) -> None:
    """Sides are multiples of 21 px, which hold as many of every 7th (0.5 um/px) as of every 3rd
    pixel (1 um/px) times 7 / 3."""
    labels = np.full((20 * 21, 20 * 21), STROMA, np.uint8)
    labels[105:252, 84:336] = TUMOR
    once, twice = measured(labels, mpp=0.5), measured(labels, mpp=1.0)
    for column in once:
        if column.endswith(("mm2", "mm")):
            assert twice[column] == pytest.approx(
                once[column] * (4 if column.endswith("mm2") else 2), nan_ok=True
            ), column
    assert once["nest_diameter_max_mm"] == pytest.approx(math.hypot(147, 252) * 0.5e-3)
    assert once["nest_area_max_mm2"] == pytest.approx(once["tumor_mm2"])


def test_blocks_and_strips_play_no_role(measured: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = blobs(700, 530, radius=(10, 90))
    labels[labels == TUMOR] = INFLAMMATORY
    disc(labels, 150, 150, 60)  # far apart, so that much lies just beyond 100 um
    disc(labels, 600, 420, 40)
    rows = [measured(labels, mpp=0.5)]
    for block, strip in ((100, 7), (256, 16), (311, 60)):
        monkeypatch.setattr(field, "BLOCK_PX", block)
        monkeypatch.setattr(shapes, "_STRIP_PX", strip)
        rows.append(measured(labels, mpp=0.5))
    assert rows[0]["nest_count"] == 2
    assert all(same(one, other) for one, other in pairwise(rows))


@pytest.mark.parametrize(
    "size", [(50_000, 50_000), (100_000, 100_000), (200_000, 3_000), (1, 1), (3391, 2418)]
)
@pytest.mark.parametrize("mpp", [0.1, 0.25, 0.5, 1.0, 4.0, 20.0])
def test_memory_for_shapes_has_a_bound(size: tuple[int, int], mpp: float) -> None:
    step = field.field_step(size, mpp)
    assert step % 2 == 1
    assert (size[0] // step) * (size[1] // step) <= field.FIELD_PX
    if size[0] * size[1] * (mpp / 3.0) ** 2 <= field.FIELD_PX:  # it would fit at 3 um/px
        assert step * mpp <= 4.0 or step == 1


def test_a_slide_too_large_is_measured_more_coarsely(
    measured: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.full((1400, 1400), STROMA, np.uint8)
    disc(labels, 700, 700, 500)
    monkeypatch.setattr(field, "FIELD_PX", 5000)
    assert field.field_step((1400, 1400), 0.5) == 21
    assert measured(labels, mpp=0.5)["nest_diameter_max_mm"] == pytest.approx(
        0.5, abs=2 * 21 * 0.5e-3
    )


def test_nothing_analysed_has_no_measure(measured: Measure) -> None:
    row = measured(np.zeros((30, 40), np.uint8), tissue_mm2=0.5)
    assert row["analysed_mm2"] == 0
    assert row["tissue_mask_mm2"] == 0.5
    assert all(math.isnan(row[column]) for column in BEYOND_AREAS[1:])


def test_tissue_without_tumour_has_no_nests_and_no_share_of_tumour(measured: Measure) -> None:
    labels = np.full((40, 40), STROMA, np.uint8)
    labels[:10], labels[10:12] = INFLAMMATORY, NECROSIS
    row = measured(labels)
    assert row["nest_count"] == 0
    assert row[INFLAMMATORY_SHARE] == pytest.approx(100 * 10 / 38)
    others = [column for column in BEYOND_AREAS if column not in {"nest_count", INFLAMMATORY_SHARE}]
    assert all(math.isnan(row[column]) for column in others)


def test_a_map_without_a_tissue_has_no_measure_of_it(measured: Measure) -> None:
    labels = np.ones((40, 40), np.uint8)
    labels[:, 20:] = 2
    row = measured(labels, "tumor")
    assert row["nest_count"] == 1
    shares = [column for column in BEYOND_AREAS if "percent" in column]
    assert all(math.isnan(row[column]) for column in shares)
    assert all(row[column] > 0 for column in NEST_SIZES)
    row = measured(labels, TWO)
    assert all(math.isnan(row[column]) for column in BEYOND_AREAS)


def test_dcis_is_not_tumour_where_the_map_keeps_it_apart(measured: Measure) -> None:
    codes = np.full((60, 120), 2, np.uint8)
    disc(codes, 30, 30, 20, 1)
    disc(codes, 90, 30, 25, 20)
    with_dcis, without, all_codes = (
        measured(BUILT_IN[name].apply(codes, ""), name) for name in ("region5", "region6", "bcss21")
    )
    assert (with_dcis["nest_count"], without["nest_count"], all_codes["nest_count"]) == (2, 1, 1)
    assert (
        without["nest_diameter_max_mm"]
        == all_codes["nest_diameter_max_mm"]
        < with_dcis["nest_diameter_max_mm"]
    )
    assert without[STROMA_SHARE] == all_codes[STROMA_SHARE] > with_dcis[STROMA_SHARE]


def test_cells_of_inflammation_in_several_classes_are_counted_together(measured: Measure) -> None:
    codes = np.repeat(np.array([1, 2, 3, 10, 11, 4, 19, 9], np.uint8), 10)[None].repeat(40, 0)
    rows = [measured(BUILT_IN[name].apply(codes, ""), name) for name in ("region6", "bcss21")]
    assert rows[0][INFLAMMATORY_SHARE] == 75
    assert rows[0][STROMA_SHARE] == pytest.approx(100 / 3)
    assert all(rows[0][column] == rows[1][column] for column in BEYOND_AREAS[1:])


def test_a_persons_own_classes_are_known_by_their_qupath_names(measured: Measure) -> None:
    own = LabelMap(
        "own",
        (
            LabelClass("septum", (1, 1, 1), "Stroma", (7,)),
            LabelClass("invasive", (2, 2, 2), "Tumor", (8,)),
            LabelClass("dcis", (3, 3, 3), "Tumor", (9,)),
            LabelClass("cannot tell", (4, 4, 4), "Ignore*", (1,)),
        ),
    )
    labels = np.repeat(np.array([1, 2, 3, 4], np.uint8), (30, 10, 20, 40))[None].repeat(40, 0)
    row = measured(labels, own)
    assert row[STROMA_SHARE] == 75
    assert row["nest_area_max_mm2"] == pytest.approx(row["invasive_mm2"])
    assert math.isnan(row[INFLAMMATORY_SHARE])


def test_a_speck_is_area_but_no_nest_and_has_no_surroundings(measured: Measure) -> None:
    """62 pixels of 16 um2 are 992 um2, 63 are 1008."""
    labels = np.full((100, 200), STROMA, np.uint8)
    labels[10, 10:73] = TUMOR
    labels[10, 100:162] = TUMOR
    labels[90, 10] = INFLAMMATORY
    labels[15, 180] = INFLAMMATORY
    row = measured(labels)
    assert row["tumor_mm2"] == pytest.approx(125 * 16e-6)
    assert row["nest_count"] == 1
    assert row["nest_area_max_mm2"] == pytest.approx(63 * 16e-6)
    assert row["tumor_diameter_max_mm"] == pytest.approx(math.hypot(63, 1) * 4e-3)
    assert row[INFLAMMATORY_SHARE + "_within_100_um"] == 0
    labels[10, 162] = TUMOR
    assert measured(labels)["nest_count"] == 2
    assert measured(labels)[INFLAMMATORY_SHARE + "_within_100_um"] > 0


def test_nests_that_touch_at_a_corner_are_one(measured: Measure) -> None:
    labels = np.full((100, 100), STROMA, np.uint8)
    labels[20:40, 20:40] = labels[40:60, 40:60] = TUMOR
    row = measured(labels)
    assert row["nest_count"] == 1
    assert row["nest_diameter_max_mm"] == pytest.approx(40 * math.sqrt(2) * 4e-3)


def test_labels_beyond_the_map_belong_to_no_tissue(measured: Measure) -> None:
    row = measured(np.full((9, 9), 200, np.uint8))
    assert row["nest_count"] == 0
    assert math.isnan(row[STROMA_SHARE])
