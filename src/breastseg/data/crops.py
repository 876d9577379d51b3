"""Random crops from memory-mapped regions. Crop number i of epoch e is the same whoever asks, and
whenever."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset
from breastseg.data.field_crops import FieldDraws, cumulative
from breastseg.errors import DatasetError, InputError
from breastseg.geometry import Box
from breastseg.histology.white import smooth_white
from breastseg.images import Pixels
from breastseg.labels import Labels
from breastseg.wording import counted

_OPEN_MAPS = 512
"""Memory maps kept open; a data set of 30,000 tiles must not hold 60,000 of them."""


@dataclass(frozen=True)
class CropDraw:
    """How crops are drawn.

    Attributes:
        size_px: side of a crop.
        balance: 0 draws classes as often as they occur, 1 draws them equally often, 0.5 by the
            square root.
        seed: of every draw.
        dots: share of crops drawn from regions in which only dots are known, where there are both
            kinds.
        white: label for places that are smooth and white and have none, 0 for none (see
            `histology.white`).
        fields: share of all crops drawn from fields of which something is known as a whole, where
            there are any.
    """

    size_px: int
    balance: float = 0.5
    seed: int = 42
    dots: float = 0.5
    white: int = 0
    fields: float = 0.2


class CropBatch(NamedTuple):
    """Crops, ready to be trained on.

    Attributes:
        images: (N, H, W, 3) uint8 pixels.
        labels: (N, H, W) uint8, 0 where not annotated.
        dotted: (N,) bool, true where nothing but dots is known.
        facts: (N, K) float32, of crops of whole fields: -1 for a class that is nowhere in it, the
            chance of one that may be somewhere in it, 0 where nothing is known.
        votes: (N, H, W) uint8, what the dots of such a field vote for; 0 where they do not.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    dotted: npt.NDArray[np.bool_]
    facts: npt.NDArray[np.float32]
    votes: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Crops:
    """Draws square crops: areas or dots, a class, a region that has it, a place of it, and a corner
    so that the place is anywhere inside.

    Some crops are of fields that are known as a whole: a field, and any place in it. Regions
    smaller than a crop are padded with white that is not annotated.
    """

    dataset: Dataset
    regions: list[str]
    draw: CropDraw
    _areas: "_Tables | None" = field(init=False, repr=False)
    _dots: "_Tables | None" = field(init=False, repr=False)
    _fields: FieldDraws | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read where each class is."""
        if self.draw.size_px < 1 or not 0 <= self.draw.balance <= 1:
            raise InputError(
                f"crops of {self.draw.size_px} px, balance {self.draw.balance:g}: wanted at least 1"
                " px, balance 0 to 1"
            )
        dotted = self.dataset.dotted(self.regions)
        without_areas = set(self.dataset.fields(self.regions)).union(dotted)
        areas = [region for region in self.regions if region not in without_areas]
        balance = self.draw.balance
        # A frozen dataclass is filled this way.
        object.__setattr__(self, "_fields", FieldDraws.read(self.dataset, self.regions, balance))
        object.__setattr__(self, "_areas", _Tables.read(self.dataset, areas, balance))
        object.__setattr__(self, "_dots", _Tables.read(self.dataset, dotted, balance))
        if self._areas is None and self._dots is None:
            raise DatasetError(
                f"{self.dataset.path}: no annotated pixel in the"
                f" {counted(len(self.regions), 'region')} to draw from"
            )

    def batch(self, epoch: int, numbers: list[int]) -> CropBatch:
        """Return crops by number."""
        size = self.draw.size_px
        images = np.full((len(numbers), size, size, 3), 255, np.uint8)
        labels = np.zeros((len(numbers), size, size), np.uint8)
        votes = np.zeros_like(labels)
        dotted = np.zeros(len(numbers), bool)
        facts = np.zeros((len(numbers), len(self.dataset.label_map.classes)), np.float32)
        for i, number in enumerate(numbers):
            # A generator of its own: a crop depends on nothing that was drawn before it.
            rng = np.random.default_rng([self.draw.seed, epoch, number])
            if self._fields is not None and rng.random() < self.draw.fields:
                region, top, left, facts[i] = self._fields.place(size, rng)
                self._cut(images[i], labels[i], votes[i], region, top, left, facts[i])
                continue
            # Nothing is drawn where there is one kind alone.
            dotted[i] = self._dots is not None and (
                self._areas is None or rng.random() < self.draw.dots
            )
            tables = self._dots if dotted[i] else self._areas
            if tables is not None:
                region, top, left = self._place(tables, rng)
                self._cut(images[i], labels[i], votes[i], region, top, left, facts[i])
        return CropBatch(images, labels, dotted, facts, votes)

    def _place(self, tables: "_Tables", rng: np.random.Generator) -> tuple[str, int, int]:
        """Draw a region, and y and x of the crop's corner in it."""
        # A number of 0 to 1 falls into one of the cumulative shares.
        label = int(np.searchsorted(tables.classes, rng.random(), side="right"))
        index = int(np.searchsorted(tables.regions[label], rng.random(), side="right"))
        region = tables.ids[index]
        points = tables.points[index][label]
        _, y, x = points[rng.integers(len(points))]
        _, labels, _ = _arrays(self.dataset, region)
        height, width = labels.shape
        top = _corner(int(y), self.draw.size_px, height, rng)
        left = _corner(int(x), self.draw.size_px, width, rng)
        return region, top, left

    def _cut(
        self,
        image: Pixels,
        labels: Labels,
        votes: Labels,
        region: str,
        top: int,
        left: int,
        facts: npt.NDArray[np.float32],
    ) -> None:
        """Copy a crop, and label its white places, but never as a class that is known to be
        absent."""
        size = self.draw.size_px
        region_image, region_labels, region_votes = _arrays(self.dataset, region)
        box = Box(left, top, size, size)
        crop = region_labels[box.slices]
        # A region smaller than a crop fills its corner; the rest stays white and not annotated.
        height, width = crop.shape
        labels[:height, :width] = crop
        image[:height, :width] = region_image[box.slices]
        taught = [labels[:height, :width]]
        if region_votes is not None:
            votes[:height, :width] = region_votes[box.slices]
            taught.append(votes[:height, :width])
        if self.draw.white and facts[self.draw.white - 1] >= 0:
            white = smooth_white(image[:height, :width], self.dataset.mpp)
            for array in taught:
                # What somebody annotated or dots vote for stays.
                array[white & (array == 0)] = self.draw.white


@dataclass(frozen=True)
class _Tables:
    """Cumulative shares to draw from, and the places.

    Attributes:
        ids: the regions.
        classes: cumulative share of each class that occurs.
        regions: for each of those classes, the cumulative share of each region.
        points: for each region and class, its rows of (label, y, x).
    """

    ids: list[str]
    classes: npt.NDArray[np.float64]
    regions: list[npt.NDArray[np.float64]]
    points: list[list[npt.NDArray[np.int32]]]

    @staticmethod
    def read(dataset: Dataset, regions: list[str], balance: float) -> "_Tables | None":
        """Read the tables of some regions; None when nothing is annotated in them."""
        pixels = dataset.class_pixels.loc[regions].to_numpy(np.float64)  # (R, K)
        occurring = np.flatnonzero(pixels.sum(axis=0))
        if not occurring.size:
            return None
        pixels = pixels[:, occurring]
        points = []
        for region in regions:
            rows = np.asarray(dataset.points(region))  # (N, 3): label, y, x
            of_classes = [rows[rows[:, 0] == k + 1] for k in occurring]
            points.append(of_classes)
        class_shares = cumulative(pixels.sum(axis=0) ** (1 - balance))
        of_regions = []
        for own in pixels.T:  # (R,) pixels of one class
            # The factor keeps regions without the class at 0, where the exponent is 0 too.
            of_regions.append(cumulative(own ** (1 - balance / 2) * (own > 0)))
        return _Tables(regions, class_shares, of_regions, points)


def _corner(place: int, size: int, length: int, rng: np.random.Generator) -> int:
    """Choose where a crop starts so that `place` is anywhere in it, and as much of it as possible
    inside the region."""
    last = max(0, length - size)
    return int(np.clip(place - rng.integers(size), 0, last))


# The least recently used maps are closed.
@lru_cache(maxsize=_OPEN_MAPS)
def _arrays(dataset: Dataset, region: str) -> tuple[Pixels, Labels, Labels | None]:
    return dataset.image(region), dataset.labels(region), dataset.votes(region)
