"""A network and a part of a data set -> a Sample, through the tiles that users run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.data.dataset import Dataset
from breastseg.decision.sample import AREAS, DOTS, FIELDS, Classes, Part, Sample, joined
from breastseg.errors import DatasetError
from breastseg.inference.tiles import PixelField, TileConfig, name_tissue
from breastseg.metrics import pixels_of
from breastseg.metrics.rates import Floats
from breastseg.runners import Runner

AREA_PLACES, FIELD_PLACES = 200_000, 50_000
"""How many places of areas, and of fields, are looked at in all, within the limits below."""
_OF_A_CLASS, _OF_A_FIELD = (500, 20_000), (250, 4_000)
"""Fewest and most of one class of one region, and of one field."""
_OF_A_DOT = 9
"""Most of a dot that has an extent."""
_SMALLEST = np.float32(1e-12)
"""A probability below is taken for it: no bias that is looked for lifts it to the top."""


@dataclass(frozen=True)
class _Places:
    """Places of one kind in one region, (N,) each."""

    group: str
    y: npt.NDArray[np.intp]
    x: npt.NDArray[np.intp]
    truth: Classes
    weight: Floats


def sample_places(
    data: Dataset,
    regions: Sequence[str],
    runner: Runner,
    tiles: TileConfig,
) -> Sample:
    """Run a network over some regions and keep what it says at places of known truth.

    Areas give places of each class at even distances, each with the weight of the pixels it stands
    for; dots give their own; a region that is known to be without a class gives places all over it,
    and dots that say what is not there count like one.

    Args:
        data: at the network's microns per pixel, in its classes.
        regions: of the part that decides.
        runner: the network.
        tiles: how it is shown a region.

    Raises:
        DatasetError: nothing is known of any of the regions. ModelError: the network gives NaN.
    """
    most = _most(data, regions)
    parts: list[Part] = []
    for region in tqdm(regions, desc="decide", unit="region", disable=None):
        places = list(_places_of(data, region, most))
        patient = str(data.regions.loc[region, "patient"])
        for one, values in zip(places, _seen(data, region, places, runner, tiles), strict=True):
            parts.append(((one.group, patient), values, one.truth, one.weight))
    if not parts:
        raise DatasetError(
            f"{data.path}: nothing is annotated in the {len(regions)} regions that a bias is to be "
            "chosen by; choose another part, or no bias",
        )
    return joined(parts)


def _most(data: Dataset, regions: Sequence[str]) -> tuple[int, int]:
    """Return how many places are looked at of a class of a region, and of a field."""
    drawn = set(regions) - set(data.dotted(list(regions)))
    classes = int(np.count_nonzero(data.class_pixels.loc[sorted(drawn)].to_numpy()))
    fields = sum(bool(_without(data, region)) for region in regions)
    return (
        int(np.clip(AREA_PLACES // max(1, classes), *_OF_A_CLASS)),
        int(np.clip(FIELD_PLACES // max(1, fields), *_OF_A_FIELD)),
    )


def _without(data: Dataset, region: str) -> list[int]:
    """Return the labels of the classes that are nowhere in a region."""
    return [label for label, has in data.presence(region).items() if not has]


def _places_of(data: Dataset, region: str, most: tuple[int, int]) -> Iterator[_Places]:
    labels = np.asarray(data.labels(region))
    height, width = labels.shape
    if labels.any() and not data.dotted([region]):
        yield _of_areas(labels, most[0])
    dots = np.asarray(data.places(region))
    for group, is_not in ((DOTS, 0), (FIELDS, 1)):
        if (dots[:, 1] == is_not).any():
            yield _of_dots(group, dots[dots[:, 1] == is_not], width)
    absent = _without(data, region)
    for label in absent:
        at = _evenly(np.arange(height * width), most[1])
        truth, weight = np.full(len(at), label - 1), np.full(len(at), 1 / (len(at) * len(absent)))
        yield _Places(FIELDS, at // width, at % width, truth, weight)


def _of_areas(labels: npt.NDArray[np.uint8], most: int) -> _Places:
    line, width = labels.reshape(-1), labels.shape[1]
    kept, weights = [], []
    for label in np.unique(line[line > 0]):
        there = np.flatnonzero(line == label)
        kept.append(_evenly(there, most))
        weights.append(np.full(len(kept[-1]), len(there) / len(kept[-1])))
    places = np.concatenate(kept)
    truth = line[places].astype(np.intp) - 1
    return _Places(AREAS, places // width, places % width, truth, np.concatenate(weights))


def _of_dots(group: str, dots: npt.NDArray[np.int32], width: int) -> _Places:
    """Take pixels of each dot; all that say what is not there weigh what one field does."""
    pixels = [_evenly(one, _OF_A_DOT) for one in pixels_of(dots, width)]
    counts = np.array([len(one) for one in pixels])
    of_one = 1.0 if group == DOTS else 1 / len(dots)
    at, weight = np.concatenate(pixels), np.repeat(of_one / counts, counts)
    truth = np.repeat(dots[:, 0].astype(np.intp) - 1, counts)
    return _Places(group, at // width, at % width, truth, weight)


def _evenly(places: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """Return all places, or `most` of them at even distances."""
    return places if len(places) <= most else places[np.arange(most) * len(places) // most]


def _seen(
    data: Dataset,
    region: str,
    places: Sequence[_Places],
    runner: Runner,
    tiles: TileConfig,
) -> list[npt.NDArray[np.float32]]:
    """Return (N, K) log-probabilities for each kind of places."""
    found = [np.zeros((len(one.y), tiles.classes), np.float32) for one in places]
    if not places:
        return found
    field = PixelField(data.image(region))
    for named in name_tissue(field, runner, tiles, probabilities=True):
        assert named.probabilities is not None
        box = named.box
        for one, values in zip(places, found, strict=True):
            y, x = one.y - box.y, one.x - box.x
            here = (y >= 0) & (y < box.height) & (x >= 0) & (x < box.width)
            values[here] = named.probabilities[:, y[here], x[here]].T
    return [np.log(np.maximum(values, _SMALLEST)) for values in found]
