"""Crops of fields: where they lie, how often they come, and what is known of each."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.field_crops import chance_of
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.training.loader import Share, TrainBatches
from conftest import paint, quiet, tcga
from field_data import ROWS, dataset

TUMOR, OTHER = 0, 4
"""Channels of classes."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("fields"), ROWS)


def crops(data: Dataset, size: int = 32, **changes: object) -> Crops:
    draw = replace(CropDraw(size), **changes)  # type: ignore[arg-type]
    return Crops(data, [str(region) for region in data.regions.index], draw)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7])
def test_the_share_of_crops_of_fields(data: Dataset, share: float) -> None:
    facts = crops(data, 4, fields=share).batch(0, list(range(1000))).facts
    assert abs(facts.any(axis=1).mean() - share) <= 4 * math.sqrt(share * (1 - share) / 1000)


def test_a_number_is_one_crop_in_any_order_and_company(data: Dataset) -> None:
    whole = crops(data, fields=0.5).batch(1, list(range(24)))
    order = [7, 0, 23, 3, 3]
    some = crops(data, fields=0.5).batch(1, order)
    for one, all_of_them in zip(some, whole, strict=True):
        assert np.array_equal(one, all_of_them[order])
    assert not np.array_equal(
        whole.images, crops(data, fields=0.5).batch(2, list(range(24))).images
    )


def test_devices_share_the_crops_of_fields(data: Dataset) -> None:
    one, *two = (
        TrainBatches(crops(data, fields=0.5), batch=8, crops_per_epoch=16, share=share)
        for share in (Share(), Share(0, 2), Share(1, 2))
    )
    for whole, first, second in zip(one[1], two[0][1], two[1][1], strict=True):
        assert torch.equal(whole[0::2], first)
        assert torch.equal(whole[1::2], second)


def test_crops_are_anywhere_in_their_field_and_know_what_it_knows(data: Dataset) -> None:
    batch = crops(data, fields=0.9).batch(0, list(range(400)))
    chance = np.float32(chance_of(32 * 32 / (64 * 96)))
    known = {
        0: (-1, 0, 0, 0, 0),
        1: (chance, 0, 0, 0, 0),
        2: (-1, chance, 0, -1, 0),
    }
    tops, lefts, seen = set(), set(), set()
    for image, labels, facts in zip(batch.images, batch.labels, batch.facts, strict=True):
        if facts.any():
            top, left, blue = (int(value) for value in image[0, 0])
            tops.add(top)
            lefts.add(left)
            seen.add(blue // 10)
            assert not labels.any()
            assert tuple(facts) == known[blue // 10]
            assert np.array_equal(
                image, data.image(f"f{blue // 10}")[top : top + 32, left : left + 32]
            )
    assert seen == {0, 1, 2}
    assert (min(tops), max(tops), min(lefts), max(lefts)) == (0, 32, 0, 64)


def test_kinds_of_fields_are_balanced_as_classes_are(tmp_path: Path) -> None:
    """Nine fields without and one with: by their number, or equally often; 2000 draws within 4
    standard deviations."""
    data = dataset(tmp_path, "0.3,tumor,\n" * 9 + "0.3,,tumor\n")
    for balance, share in ((0.0, 0.1), (1.0, 0.5)):
        facts = crops(data, 4, fields=0.99, balance=balance).batch(0, list(range(2000))).facts
        having = (facts[facts.any(axis=1), TUMOR] > 0).mean()
        assert abs(having - share) < 4 * math.sqrt(share * (1 - share) / 1900)


def test_a_field_smaller_than_a_crop_is_all_of_it(data: Dataset) -> None:
    batch = crops(data, 128, fields=0.9).batch(0, list(range(12)))
    facts = batch.facts[batch.facts.any(axis=1)]
    assert set(np.unique(facts)) <= {-1.0, 0.0, 1.0}
    for image in batch.images[batch.facts.any(axis=1)]:
        assert (image[64:] == 255).all()
        assert (image[:, 96:] == 255).all()


@pytest.mark.parametrize(("share", "chance"), [(0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.9, 1.0)])
def test_a_crop_has_what_its_field_has_the_surer_the_more_it_shows(
    share: float, chance: float
) -> None:
    assert chance_of(share) == chance


def test_white_is_never_named_as_a_class_that_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((64, 64, 3), 245, np.uint8)).save(folder / f"{name}.png")
    table = "image,mpp,without\na.png,0.3,other\nb.png,0.3,tumor\n"
    (folder / "fields.csv").write_text(table)
    paint(tmp_path / "bcss", tcga("A2", "A001"), side=64)
    config = PrepareConfig(to_mpp=0.3, workers=1)
    data = prepare([tmp_path / "bcss", folder], tmp_path / "data", config, reporter=quiet)
    batch = crops(data, 64, fields=0.9, white=OTHER + 1).batch(0, list(range(40)))
    lacks, tumourless = (batch.labels[batch.facts[:, k] < 0] for k in (OTHER, TUMOR))
    assert len(lacks)
    assert len(tumourless)
    assert not lacks.any()
    assert (tumourless == OTHER + 1).all()
