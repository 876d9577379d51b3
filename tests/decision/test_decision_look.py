"""A network looked at on a data set: each place has what the network says there."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.data.dataset import Dataset
from breastseg.decision.look import sample_places
from breastseg.decision.sample import AREAS, DOTS, FIELDS
from breastseg.errors import DatasetError, ModelError
from breastseg.geometry import Box
from breastseg.inference.tiles import TileConfig


class _Stripes:
    """A network that says 0.9 of the class under each pixel's red channel."""

    name = package = "stripes"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        found = np.full((len(tiles), 5, *tiles.shape[1:3]), 0.025, np.float32)
        for k in range(5):
            found[:, k][tiles[..., 0] == k] = 0.9
        return found

    def labels(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        raise AssertionError("probabilities are asked for")

    def release(self) -> None:
        pass


class _Lost(_Stripes):
    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return super().probabilities(tiles) * np.float32(np.nan)


@pytest.fixture
def striped(painted_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The painted regions, whose images tell the class that was painted, plus one."""

    def image(self: Dataset, region: str) -> npt.NDArray[np.uint8]:
        red = np.asarray(self.labels(region)) % 5
        return np.repeat(red[..., None], 3, axis=2).astype(np.uint8)

    monkeypatch.setattr(Dataset, "image", image)
    return painted_data


TILES = TileConfig(64, 0, 5)


def test_each_place_has_what_the_network_says_there(striped: Dataset) -> None:
    regions = list(striped.regions.index)[:3]
    sample = sample_places(striped, regions, _Stripes(), TILES)
    patients = [str(striped.regions.loc[region, "patient"]) for region in regions]
    assert sample.units == tuple((AREAS, patient) for patient in patients)
    assert np.array_equal(sample.log_probabilities.argmax(axis=1), (sample.truth + 1) % 5)
    assert np.exp(sample.log_probabilities.max(axis=1)) == pytest.approx(0.9)
    assert np.array_equal(sample.support, striped.class_pixels.loc[regions].to_numpy())


def test_few_places_stand_for_all_pixels(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breastseg.decision.look._OF_A_CLASS", (7, 7))
    regions = list(striped.regions.index)[:2]
    sample = sample_places(striped, regions, _Stripes(), TILES)
    assert len(sample.truth) == 2 * 5 * 7
    assert sample.support == pytest.approx(striped.class_pixels.loc[regions].to_numpy())
    again = sample_places(striped, regions, _Stripes(), TILES)
    assert np.array_equal(sample.log_probabilities, again.log_probabilities)


def test_dots_and_fields_have_places(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that is without two classes gives all of it for both, each with half the weight."""
    dotted, field, *_ = striped.regions.index
    dots = np.array([[1, 5, 2], [2, 90, 40]], np.int32)
    of = {dotted: dots}
    monkeypatch.setattr(Dataset, "dotted", lambda self, regions: [r for r in regions if r in of])
    monkeypatch.setattr(Dataset, "dots", lambda self, region: of.get(region, dots[:0]))
    striped.regions["without"] = ""
    striped.regions.loc[field, "without"] = "tumor;necrosis"
    monkeypatch.setattr("breastseg.decision.look._OF_A_FIELD", (50, 50))
    sample = sample_places(striped, [dotted, field], _Stripes(), TILES)
    assert [group for group, _ in sample.units] == [DOTS, AREAS, FIELDS]
    there = np.asarray(striped.labels(dotted))[dots[:, 1], dots[:, 2]] % 5
    on_dots = sample.unit == 0
    assert np.array_equal(sample.log_probabilities[on_dots].argmax(axis=1), there)
    assert sample.truth[on_dots].tolist() == [0, 1]
    on_field = sample.unit == 2
    assert np.bincount(sample.truth[on_field]).tolist() == [50, 0, 0, 50]
    assert sample.weight[on_field].sum() == pytest.approx(1)


def test_dots_with_an_extent_and_what_is_not_there_have_places(
    striped: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A box of 40 x 40 px and one of 4 px are one dot each; what is not tumor counts as a field."""
    region = striped.regions.index[0]
    rows = [
        (1, 0, 0, 10, 10, 50, 50),
        (2, 0, 0, 3, 5, 5, 7),
        (1, 1, 1, 20, 20, 30, 40),
        (1, 1, 0, 0, 0, 1, 1),
    ]
    of = np.array(rows, np.int32)
    monkeypatch.setattr(Dataset, "dotted", lambda self, regions: regions)
    monkeypatch.setattr(Dataset, "places", lambda self, name: of)
    sample = sample_places(striped, [region], _Stripes(), TILES)
    assert [group for group, _ in sample.units] == [DOTS, FIELDS]
    assert sample.support[0].tolist() == pytest.approx([1, 1, 0, 0, 0])
    assert sample.support[1].tolist() == pytest.approx([1, 0, 0, 0, 0])
    small = sample.truth == 1
    under = np.asarray(striped.labels(region))[3:5, 5:7].reshape(-1) % 5
    assert np.array_equal(sample.log_probabilities[small].argmax(axis=1), under)
    corner = sample.weight == 0.5
    assert corner.sum() == 1
    first = int(np.asarray(striped.labels(region))[0, 0]) % 5
    assert sample.log_probabilities[corner].argmax() == first


def test_no_truth_is_told(striped: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.zeros((96, 96), np.uint8)
    monkeypatch.setattr(Dataset, "labels", lambda self, region: nothing)
    with pytest.raises(DatasetError, match="nothing is annotated in the 2 regions that a bias is"):
        sample_places(striped, list(striped.regions.index)[:2], _Stripes(), TILES)


def test_a_network_that_gives_nan_chooses_nothing(striped: Dataset) -> None:
    with pytest.raises(ModelError, match="gives NaN"):
        sample_places(striped, list(striped.regions.index)[:1], _Lost(), TILES)


def test_boxes_are_met_whatever_the_tiles(striped: Dataset) -> None:
    """The painted regions have 96 px a side: tiles of 64 px cut them, one of 128 does not."""
    region = list(striped.regions.index)[:1]
    assert Box(0, 0, 96, 96).area == int(striped.class_pixels.loc[region].to_numpy().sum())
    both = [TileConfig(side, 0, 5) for side in (64, 128)]
    small, large = (sample_places(striped, region, _Stripes(), tiles) for tiles in both)
    assert np.array_equal(small.log_probabilities, large.log_probabilities)
