"""Random crops: the same number is the same crop whoever asks, labels lie under their pixels, rare
classes can be had."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, class_points, prepare
from breastseg.errors import DatasetError, InputError
from conftest import crop, quiet

TUMOR, STROMA, INFLAMMATORY, NECROSIS, OTHER = 1, 2, 3, 4, 5


def mapped(folder: Path, **codes: np.ndarray) -> Dataset:
    """Prepare masks whose images tell where each pixel is: red is y, green is x, blue the
    region's number."""
    for kind in ("images", "masks"):
        (folder / "src" / kind).mkdir(parents=True)
    for number, (name, mask) in enumerate(codes.items()):
        y, x = np.indices(mask.shape)
        Image.fromarray(np.stack([y, x, np.full_like(y, number)], axis=2).astype(np.uint8)).save(
            folder / "src" / "images" / f"{name}.png"
        )
        Image.fromarray(mask.astype(np.uint8)).save(folder / "src" / "masks" / f"{name}.png")
    return prepare(
        folder / "src",
        folder / "data",
        PrepareConfig(to_mpp=0.5, mpp=0.5, labels="region5", workers=1),
        reporter=quiet,
    )


@pytest.fixture
def two(tmp_path: Path) -> Dataset:
    """Two regions of random codes with patches of "not annotated"."""
    rng = np.random.default_rng(3)
    return mapped(tmp_path, a=rng.integers(0, 5, (60, 80)), b=rng.integers(0, 3, (70, 50)))


def same(one: tuple[np.ndarray, ...], two: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_shapes(two: Dataset) -> None:
    images, labels, dotted, facts, _ = Crops(two, ["a", "b"], CropDraw(32)).batch(0, [0, 1, 2])
    assert (images.shape, images.dtype) == ((3, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((3, 32, 32), np.uint8)
    assert (dotted.shape, dotted.dtype) == ((3,), np.bool_)
    assert (facts.shape, facts.dtype) == ((3, 5), np.float32)
    assert not facts.any()


def test_a_number_is_one_crop_in_any_order_and_company(two: Dataset) -> None:
    """Workers and ranks get the numbers in other orders and portions; a run must not follow how
    many there are."""
    crops = Crops(two, ["a", "b"], CropDraw(16))
    whole = crops.batch(1, list(range(12)))
    order = [7, 0, 11, 3, 3]
    assert same(crops.batch(1, order), tuple(part[order] for part in whole))
    for number in (0, 5, 11):
        alone = Crops(two, ["a", "b"], CropDraw(16)).batch(1, [number])
        assert same(alone, tuple(part[[number]] for part in whole))


def test_other_epochs_seeds_and_numbers_are_other_crops(two: Dataset) -> None:
    crops = Crops(two, ["a", "b"], CropDraw(16))
    base = crops.batch(0, list(range(8)))
    assert not same(base, crops.batch(1, list(range(8))))
    assert not same(base, crops.batch(0, list(range(8, 16))))
    assert not same(base, Crops(two, ["a", "b"], CropDraw(16, seed=43)).batch(0, list(range(8))))


def test_epoch_and_number_are_not_added_up(two: Dataset) -> None:
    crops = Crops(two, ["a", "b"], CropDraw(16))
    assert not same(crops.batch(0, [1]), crops.batch(1, [0]))


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_labels_lie_under_their_pixels(two: Dataset, balance: float) -> None:
    images, labels, *_ = Crops(two, ["a", "b"], CropDraw(24, balance)).batch(0, list(range(40)))
    seen = set()
    for image, label in zip(images, labels, strict=True):
        top, left, number = (int(v) for v in image[0, 0])
        region = "ab"[number]
        seen.add(region)
        assert np.array_equal(label, two.labels(region)[top : top + 24, left : left + 24])
        assert np.array_equal(image, two.image(region)[top : top + 24, left : left + 24])
    assert seen == {"a", "b"}


def test_crops_reach_every_corner(two: Dataset) -> None:
    images, *_ = Crops(two, ["a"], CropDraw(24)).batch(0, list(range(300)))
    tops, lefts = images[:, 0, 0, 0], images[:, 0, 0, 1]
    assert (tops.min(), tops.max()) == (0, 60 - 24)
    assert (lefts.min(), lefts.max()) == (0, 80 - 24)


def test_a_class_of_one_pixel_is_anywhere_in_its_crops(tmp_path: Path) -> None:
    """Were the place always in the middle, the network would learn the middle."""
    mask = np.zeros((90, 90), np.uint8)
    mask[45, 45] = 1
    _, labels, *_ = Crops(mapped(tmp_path, a=mask), ["a"], CropDraw(8)).batch(0, list(range(600)))
    assert (labels.sum(axis=(1, 2)) == TUMOR).all(), "every crop holds the one place there is"
    assert (labels.sum(axis=0) > 0).all(), "and it lies at each of the 64 places of a crop"


def test_a_small_region_is_padded_white_and_not_annotated(tmp_path: Path) -> None:
    data = mapped(tmp_path, a=np.full((10, 13), 2))
    images, labels, *_ = Crops(data, ["a"], CropDraw(16)).batch(0, [0, 1])
    for image, label in zip(images, labels, strict=True):
        assert np.array_equal(image[:10, :13], data.image("a"))
        assert (label[:10, :13] == STROMA).all()
        assert (image[10:] == 255).all()
        assert (image[:, 13:] == 255).all()
        assert (label[10:] == 0).all()
        assert (label[:, 13:] == 0).all()


def test_a_region_small_in_one_direction(tmp_path: Path) -> None:
    data = mapped(tmp_path, a=np.full((10, 40), 2))
    images, labels, *_ = Crops(data, ["a"], CropDraw(16)).batch(0, list(range(30)))
    assert (labels[:, :10] == STROMA).all()
    assert (labels[:, 10:] == 0).all()
    assert len(set(images[:, 0, 0, 1].tolist())) > 5


def rare(folder: Path) -> Dataset:
    """One region of two halves far apart: necrosis on 1 % of it, tumor on the rest."""
    mask = np.ones((100, 100), np.uint8)
    mask[:10, :10] = 4
    return mapped(folder, a=mask)


@pytest.mark.parametrize(
    ("balance", "share"), [(0.0, 0.01), (0.5, 0.1 / (0.1 + 0.99**0.5)), (1.0, 0.5)]
)
def test_balance_sets_how_often_a_rare_class_is_drawn(
    tmp_path: Path, balance: float, share: float
) -> None:
    """Crops of one pixel show the class that was drawn; 2000 draws are within 4 standard
    deviations."""
    _, labels, *_ = Crops(rare(tmp_path), ["a"], CropDraw(1, balance)).batch(0, list(range(2000)))
    assert set(np.unique(labels)) == {TUMOR, NECROSIS}
    assert abs((labels == NECROSIS).mean() - share) < 4 * np.sqrt(share * (1 - share) / 2000)


def test_without_balance_regions_come_by_their_pixels(tmp_path: Path) -> None:
    data = mapped(tmp_path, a=np.full((60, 60), 1), b=np.full((30, 30), 1))
    images, *_ = Crops(data, ["a", "b"], CropDraw(1, 0.0)).batch(0, list(range(2000)))
    assert abs((images[:, 0, 0, 2] == 1).mean() - 0.2) < 4 * np.sqrt(0.16 / 2000)


def test_a_class_is_drawn_only_where_it_is(tmp_path: Path) -> None:
    data = mapped(tmp_path, a=np.full((20, 20), 1), b=np.full((20, 20), 3), c=np.zeros((20, 20)))
    images, labels, *_ = Crops(data, ["a", "b", "c"], CropDraw(4, 1.0)).batch(0, list(range(200)))
    assert set(images[..., 2].ravel()) == {0, 1}
    assert {(int(i[0, 0, 2]), int(k[0, 0])) for i, k in zip(images, labels, strict=True)} == {
        (0, TUMOR),
        (1, INFLAMMATORY),
    }


def test_only_the_regions_that_were_asked_for(two: Dataset) -> None:
    images, *_ = Crops(two, ["b"], CropDraw(8)).batch(0, list(range(50)))
    assert set(images[..., 2].ravel()) == {1}


def test_points_are_places_of_their_class(two: Dataset) -> None:
    for region in ("a", "b"):
        labels, points = np.asarray(two.labels(region)), np.asarray(two.points(region))
        assert (labels[points[:, 1], points[:, 2]] == points[:, 0]).all()
        assert len({tuple(p) for p in points.tolist()}) == len(points)
        for label in range(1, 6):
            assert (points[:, 0] == label).sum() == min(1024, (labels == label).sum())


def test_points_of_a_large_class_are_1024_from_all_over() -> None:
    points = class_points(np.full((128, 96), 2, np.uint8), "x")
    assert points.shape == (1024, 3)
    assert points.dtype == np.int32
    quarters = np.bincount((points[:, 1] >= 64) * 2 + (points[:, 2] >= 48), minlength=4)
    assert (np.abs(quarters - 256) < 70).all()


def test_points_follow_the_seed_and_nothing_else() -> None:
    labels = np.full((64, 64), 1, np.uint8)
    assert np.array_equal(class_points(labels, "x"), class_points(labels.copy(), "x"))
    assert not np.array_equal(class_points(labels, "x"), class_points(labels, "y"))


def test_no_class_no_points() -> None:
    assert class_points(np.zeros((4, 4), np.uint8), "x").shape == (0, 3)


def test_nothing_annotated(tmp_path: Path) -> None:
    data = mapped(tmp_path, a=np.zeros((9, 9)))
    with pytest.raises(DatasetError, match="no annotated pixel in the 1 region to draw from"):
        Crops(data, ["a"], CropDraw(4))


@pytest.mark.parametrize(("size", "balance"), [(0, 0.5), (8, -0.1), (8, 1.1), (8, float("nan"))])
def test_impossible_draws(two: Dataset, size: int, balance: float) -> None:
    with pytest.raises(
        InputError,
        match=f"crops of {size} px, balance {balance:g}: wanted .*0 to 1",
    ):
        Crops(two, ["a"], CropDraw(size, balance))


def test_two_data_sets_with_a_region_of_one_name_do_not_mix(tmp_path: Path) -> None:
    """Open memory maps are remembered by data set and region, not by the region's name."""
    one, two = (
        mapped(tmp_path / "1", a=np.full((20, 20), 1)),
        mapped(tmp_path / "2", a=np.full((20, 20), 2)),
    )
    for data, label in ((one, TUMOR), (two, STROMA), (one, TUMOR)):
        assert (Crops(data, ["a"], CropDraw(4)).batch(0, [0]).labels == label).all()


def painted_and_dotted(folder: Path) -> Dataset:
    """Region a of areas, tumor; regions c and d of three dots each, stroma and inflammatory."""
    areas = mapped(folder / "1", a=np.full((40, 40), 1)).path.parent / "src"
    for kind in ("images", "points"):
        (folder / "2" / kind).mkdir(parents=True)
    for name, label in (("c", "stroma"), ("d", "inflammatory")):
        Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(
            folder / "2" / "images" / f"{name}.png"
        )
        (folder / "2" / "points" / f"{name}.csv").write_text(
            "x,y,class\n" + "".join(f"{x},20,{label}\n" for x in (8, 20, 32))
        )
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, labels="region5", dot_radius_um=1.0, workers=1)
    return prepare([areas, folder / "2"], folder / "data", config, reporter=quiet)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_share_of_crops_where_only_dots_are_known(tmp_path: Path, share: float) -> None:
    data = painted_and_dotted(tmp_path)
    assert data.dotted(["a", "c", "d"]) == ["c", "d"]
    _, labels, dotted, *_ = Crops(data, ["a", "c", "d"], CropDraw(1, dots=share)).batch(
        0, list(range(1000))
    )
    assert abs(dotted.mean() - share) <= 4 * np.sqrt(share * (1 - share) / 1000)
    assert set(labels[~dotted].ravel()) <= {TUMOR}
    assert set(labels[dotted].ravel()) <= {STROMA, INFLAMMATORY}


@pytest.mark.parametrize(("regions", "dotted"), [(["a"], False), (["c", "d"], True)])
def test_where_there_is_one_kind_the_share_means_nothing(
    tmp_path: Path, regions: list[str], dotted: bool
) -> None:
    data = painted_and_dotted(tmp_path)
    one, two = (
        Crops(data, regions, CropDraw(8, dots=share)).batch(0, list(range(20)))
        for share in (0.1, 0.9)
    )
    assert same(one, two)
    assert (one.dotted == dotted).all()
    assert one.labels.any(axis=(1, 2)).all()


def test_dots_beside_areas_in_which_nothing_is_annotated(tmp_path: Path) -> None:
    """Then there is one kind to draw from: a crop of the other would be one of nothing."""
    data = painted_and_dotted(tmp_path)
    areas = mapped(tmp_path / "3", b=np.zeros((40, 40))).path.parent / "src"
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, labels="region5", workers=1)
    both = prepare([areas, data.path.parent / "2"], tmp_path / "both", config, reporter=quiet)
    batch = Crops(both, ["b", "c", "d"], CropDraw(8, dots=0.1)).batch(0, list(range(30)))
    assert batch.dotted.all()
    assert batch.labels.any(axis=(1, 2)).all()


def test_white_is_named_where_nothing_else_is(tmp_path: Path) -> None:
    """A white disc across the border of what is annotated, in a real crop."""
    pixels, mask = crop(0).copy(), np.zeros((256, 256), np.uint8)
    mask[:, :128] = 2
    disc = np.hypot(*np.ogrid[-128:128, -128:128]) < 60
    pixels[disc] = 240
    for kind, array in (("images", pixels), ("masks", mask)):
        (tmp_path / "src" / kind).mkdir(parents=True)
        Image.fromarray(array).save(tmp_path / "src" / kind / "a.png")
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(mpp=0.5, labels="region5", workers=1),
        reporter=quiet,
    )
    _, labels, *_ = Crops(data, ["a"], CropDraw(288, white=OTHER)).batch(0, [0])
    assert np.array_equal(labels[0, :256, :128], mask[:, :128]), "what a person annotated stays"
    inner, outer = (
        np.hypot(*np.ogrid[-128:128, -128:128]) < 52,
        np.hypot(*np.ogrid[-128:128, -128:128]) < 66,
    )
    right = labels[0, :256, 128:256]
    assert (right[inner[:, 128:]] == OTHER).all()
    assert (right[~outer[:, 128:]] == 0).all()
    assert not labels[0, 256:].any(), "the padding is no tissue"
    assert not labels[0, :, 256:].any()
    plain = Crops(data, ["a"], CropDraw(288)).batch(0, [0])
    assert np.array_equal(plain.labels[0, :256, :256], mask)


def test_the_table_counts_what_is_drawn_from(two: Dataset) -> None:
    assert isinstance(two.class_pixels, pd.DataFrame)
    assert two.class_pixels.loc["b", "inflammatory"] == 0
