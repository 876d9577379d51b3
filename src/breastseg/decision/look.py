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

AREA_PLACES = 200_000
"""Places of areas that are sampled in all, within the limits below."""
FIELD_PLACES = 50_000
"""Places of fields that are sampled in all, within the limits below."""
_OF_A_CLASS = (500, 20_000)
"""Fewest and most places of one class of one region."""
_OF_A_FIELD = (250, 4_000)
"""Fewest and most places of one field."""
_OF_A_DOT = 9
"""Most places of a dot that has an extent."""
_SMALLEST = np.float32(1e-12)
"""Probabilities below are raised to it, so that each has a logarithm; ln(1e-12) is -27.6, which
no bias of at most 3 lifts to the top."""


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
        predicted = _log_probabilities(data, region, places, runner, tiles)
        for kind, values in zip(places, predicted, strict=True):
            parts.append(((kind.group, patient), values, kind.truth, kind.weight))
    if not parts:
        raise DatasetError(
            f"{data.path}: nothing is annotated in the {len(regions)} regions that a bias is to be "
            "chosen by; choose another part, or no bias",
        )
    return joined(parts)


def _most(data: Dataset, regions: Sequence[str]) -> tuple[int, int]:
    """Return how many places are sampled of a class of a region, and of a field."""
    with_areas = set(regions) - set(data.dotted(list(regions)))
    class_pixels = data.class_pixels.loc[sorted(with_areas)].to_numpy()  # (R, K)
    # Pairs of a region and a class that it has: the places are shared out over these.
    pairs = int(np.count_nonzero(class_pixels))
    fields = sum(bool(_absent(data, region)) for region in regions)
    of_a_class = np.clip(AREA_PLACES // max(1, pairs), *_OF_A_CLASS)
    of_a_field = np.clip(FIELD_PLACES // max(1, fields), *_OF_A_FIELD)
    return int(of_a_class), int(of_a_field)


def _absent(data: Dataset, region: str) -> list[int]:
    """Return the labels of the classes that are nowhere in a region."""
    return [label for label, has in data.presence(region).items() if not has]


def _places_of(data: Dataset, region: str, most: tuple[int, int]) -> Iterator[_Places]:
    """Yield the places of a region by what is known there; `most` is of a class, of a field."""
    labels = np.asarray(data.labels(region))  # (H, W)
    height, width = labels.shape
    if labels.any() and not data.dotted([region]):
        yield _of_areas(labels, most[0])
    dots = np.asarray(data.places(region))
    # Column 1 of a place says whether it is *not* of its class.
    for group, is_not in ((DOTS, 0), (FIELDS, 1)):
        own = dots[dots[:, 1] == is_not]
        if len(own):
            yield _of_dots(group, own, width)
    absent = _absent(data, region)
    for label in absent:
        flat = _evenly(np.arange(height * width), most[1])  # (N,) y * width + x
        number = len(flat)
        truth = np.full(number, label - 1)
        # All absent classes of a field together weigh 1.
        weight = np.full(number, 1 / (number * len(absent)))
        yield _Places(FIELDS, flat // width, flat % width, truth, weight)


def _of_areas(labels: npt.NDArray[np.uint8], most: int) -> _Places:
    flat = labels.reshape(-1)
    width = labels.shape[1]
    chosen = []
    weights = []
    for label in np.unique(flat[flat > 0]):
        pixels = np.flatnonzero(flat == label)
        sampled = _evenly(pixels, most)
        chosen.append(sampled)
        # Each place stands for an equal part of its class's pixels.
        weights.append(np.full(len(sampled), len(pixels) / len(sampled)))
    places = np.concatenate(chosen)
    truth = flat[places].astype(np.intp) - 1
    return _Places(AREAS, places // width, places % width, truth, np.concatenate(weights))


def _of_dots(group: str, dots: npt.NDArray[np.int32], width: int) -> _Places:
    """Sample pixels of each dot; all dots of "not CLASS" together weigh as much as one field."""
    pixels = [_evenly(dot, _OF_A_DOT) for dot in pixels_of(dots, width)]
    counts = np.array([len(dot) for dot in pixels])  # (D,)
    weight_of_dot = 1.0 if group == DOTS else 1 / len(dots)
    flat = np.concatenate(pixels)  # (N,) y * width + x
    weight = np.repeat(weight_of_dot / counts, counts)
    classes = dots[:, 0].astype(np.intp) - 1
    truth = np.repeat(classes, counts)
    return _Places(group, flat // width, flat % width, truth, weight)


def _evenly(places: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """Return all places, or `most` of them at even distances."""
    if len(places) <= most:
        return places
    return places[np.arange(most) * len(places) // most]


def _log_probabilities(
    data: Dataset,
    region: str,
    places: Sequence[_Places],
    runner: Runner,
    tiles: TileConfig,
) -> list[npt.NDArray[np.float32]]:
    """Return (N, K) log-probabilities for each kind of places."""
    probabilities = []
    for kind in places:
        probabilities.append(np.zeros((len(kind.y), tiles.classes), np.float32))
    if not places:
        return probabilities
    field = PixelField(data.image(region))
    for tile in name_tissue(field, runner, tiles, probabilities=True):
        assert tile.probabilities is not None  # (K, H, W) of the tile's box
        box = tile.box
        for kind, values in zip(places, probabilities, strict=True):
            y = kind.y - box.y
            x = kind.x - box.x
            inside = (y >= 0) & (y < box.height)
            inside &= (x >= 0) & (x < box.width)
            # (K, N) -> (N, K)
            values[inside] = tile.probabilities[:, y[inside], x[inside]].T
    return [np.log(np.maximum(values, _SMALLEST)) for values in probabilities]
