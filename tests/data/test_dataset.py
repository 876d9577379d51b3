"""A prepared data set, opened: what it holds, what its fingerprint follows, and how a damaged one
is told."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import DatasetError
from conftest import paint, quiet, tcga
from field_data import small


def test_class_pixels_count_the_labels(painted_data: Dataset) -> None:
    counts = painted_data.class_pixels
    assert list(counts.columns) == ["tumor", "stroma", "inflammatory", "necrosis", "other"]
    for region in painted_data.regions.index:
        labels = np.asarray(painted_data.labels(region))
        assert counts.loc[region].tolist() == [int((labels == k).sum()) for k in range(1, 6)]
        assert painted_data.regions.loc[region, "px_not_annotated"] == int((labels == 0).sum())


def test_patients_that_look_like_numbers_stay_words(tmp_path: Path) -> None:
    """Read as a number, patient 007 would become 7, and hospital NA a missing value."""
    paint(tmp_path / "src", "field")
    (tmp_path / "t.csv").write_text("image,patient,site\nfield,007,NA\n")
    config = PrepareConfig(
        to_mpp=0.5, mpp=0.5, labels="region5", table=str(tmp_path / "t.csv"), workers=1
    )
    data = prepare(tmp_path / "src", tmp_path / "data", config, reporter=quiet)
    assert data.regions.loc["field", ["patient", "site", "source_split"]].tolist() == [
        "007",
        "NA",
        "",
    ]


def test_fingerprint_does_not_know_the_folder(tmp_path: Path) -> None:
    assert small(tmp_path / "a").fingerprint() == small(tmp_path / "b").fingerprint()


def test_fingerprint_follows_pixels_resolution_labels_and_source_resolution(tmp_path: Path) -> None:
    prints = [
        small(tmp_path / "a").fingerprint(),
        small(tmp_path / "b", seed=1).fingerprint(),
        small(tmp_path / "c", to_mpp=0.25).fingerprint(),
        small(tmp_path / "d", labels="region6").fingerprint(),
        small(tmp_path / "e", mpp=0.25).fingerprint(),
    ]
    assert len(set(prints)) == 5


def test_fingerprint_follows_the_masks(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "src", tcga("A2", "A001"), side=40)
    one = prepare(
        tmp_path / "a" / "src",
        tmp_path / "a" / "data",
        PrepareConfig(to_mpp=0.3, workers=1),
        reporter=quiet,
    )
    mask = next((tmp_path / "a" / "src" / "masks").iterdir())
    mask.unlink()
    paint(tmp_path / "b", "m", codes=(2, 1), side=40)
    (tmp_path / "b" / "masks" / "m.png").rename(mask)
    two = prepare(
        tmp_path / "a" / "src",
        tmp_path / "a" / "data2",
        PrepareConfig(to_mpp=0.3, workers=1),
        reporter=quiet,
    )
    assert one.fingerprint() != two.fingerprint()


def test_fingerprint_does_not_follow_the_order_of_rows(painted_data: Dataset) -> None:
    turned = dataclasses.replace(painted_data, regions=painted_data.regions.iloc[::-1])
    assert turned.fingerprint() == painted_data.fingerprint()


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r"dataset.json is missing\); .*breastseg prepare",
    ):
        open_dataset(tmp_path / "nowhere")
    (tmp_path / "arrays").mkdir()
    with pytest.raises(
        DatasetError, match="its preparation was interrupted, run the same prepare again"
    ):
        open_dataset(tmp_path)


def test_another_format(tmp_path: Path) -> None:
    data = small(tmp_path)
    info = json.loads((data.path / "dataset.json").read_text())
    (data.path / "dataset.json").write_text(json.dumps({**info, "format": 99}))
    with pytest.raises(DatasetError, match="data set format 99, wanted 2; prepare it again"):
        open_dataset(data.path)


@pytest.mark.parametrize("content", ["{", '{"format": 2}', "{}", "[]"])
def test_a_broken_description(tmp_path: Path, content: str) -> None:
    data = small(tmp_path)
    (data.path / "dataset.json").write_text(content)
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        open_dataset(data.path)


@pytest.mark.parametrize(
    "place", [[0, 3, 3], [6, 3, 3], [1, 40, 3], [1, 3, 40], [1, -1, 3], [-1, 3, 3]]
)
@pytest.mark.parametrize("kind", ["points", "dots"])
def test_places_outside_the_region_or_of_no_class(
    tmp_path: Path, kind: str, place: list[int]
) -> None:
    data = small(tmp_path)
    (region,) = data.regions.index
    places = data.points if kind == "points" else data.dots
    np.save(
        data.path / "arrays" / f"{region}.{kind}.npy", np.array([[1, 0, 0], [5, 39, 39]], np.int32)
    )
    assert len(places(region)) == 2
    np.save(data.path / "arrays" / f"{region}.{kind}.npy", np.array([[1, 0, 0], place], np.int32))
    with pytest.raises(
        DatasetError,
        match=rf"{kind}\.npy: damaged .*; prepare the data set again",
    ):
        places(region)
