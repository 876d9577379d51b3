"""Random crops from memory-mapped regions. Crop number i of epoch e is the same whoever asks, and whenever."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset
from breastseg.data.weak import smooth_white
from breastseg.errors import DatasetError, InputError
from breastseg.wording import counted

_OPEN_MAPS = 512
"""Memory maps kept open; a data set of 30,000 tiles must not hold 60,000 of them."""


@dataclass(frozen=True)
class CropDraw:
    """How crops are drawn.

    Attributes:
        size_px: side of a crop.
        balance: 0 draws classes as often as they occur, 1 draws them equally often, 0.5 by the square root.
        seed: of every draw.
        dots: share of crops drawn from regions in which only dots are known, where there are both kinds.
        white: label for places that are smooth and white and have none, 0 for none (see `weak.py`).
    """

    size_px: int
    balance: float = 0.5
    seed: int = 42
    dots: float = 0.5
    white: int = 0


class CropBatch(NamedTuple):
    """Crops, ready to be trained on.

    Attributes:
        images: (N, H, W, 3) uint8 pixels.
        labels: (N, H, W) uint8, 0 where not annotated.
        dotted: (N,) bool, true where nothing but dots is known.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    dotted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Crops:
    """Draws square crops: areas or dots, a class, a region that has it, a place of it, and a corner so that the place is anywhere inside.

    Regions smaller than a crop are padded with white that is not annotated.
    """

    dataset: Dataset
    regions: list[str]
    draw: CropDraw
    _areas: "_Tables | None" = field(init=False, repr=False)
    _dots: "_Tables | None" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read where each class is."""
        if self.draw.size_px < 1 or not 0 <= self.draw.balance <= 1:
            raise InputError(f"crops of {self.draw.size_px} px, balance {self.draw.balance:g}: wanted at least 1 px, balance 0 to 1")
        dotted = self.dataset.dotted(self.regions)
        areas = [region for region in self.regions if region not in set(dotted)]
        for name, regions in (("_areas", areas), ("_dots", dotted)):
            object.__setattr__(self, name, _Tables.read(self.dataset, regions, self.draw.balance))
        if self._areas is None and self._dots is None:
            raise DatasetError(f"{self.dataset.path}: no annotated pixel in the {counted(len(self.regions), 'region')} to draw from")

    def batch(self, epoch: int, numbers: list[int]) -> CropBatch:
        """Return crops by number."""
        size = self.draw.size_px
        images = np.full((len(numbers), size, size, 3), 255, np.uint8)
        labels = np.zeros((len(numbers), size, size), np.uint8)
        dotted = np.zeros(len(numbers), bool)
        for i, number in enumerate(numbers):
            rng = np.random.default_rng([self.draw.seed, epoch, number])
            dotted[i] = self._dots is not None and (self._areas is None or rng.random() < self.draw.dots)
            tables = self._dots if dotted[i] else self._areas
            if tables is not None:
                self._fill(images[i], labels[i], tables, rng)
        return CropBatch(images, labels, dotted)

    def _fill(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], tables: "_Tables", rng: np.random.Generator) -> None:
        size = self.draw.size_px
        label = int(np.searchsorted(tables.classes, rng.random(), side="right"))
        index = int(np.searchsorted(tables.regions[label], rng.random(), side="right"))
        points = tables.points[index][label]
        _, y, x = points[rng.integers(len(points))]
        region_image, region_labels = _arrays(self.dataset, tables.ids[index])
        top = _corner(int(y), size, region_labels.shape[0], rng)
        left = _corner(int(x), size, region_labels.shape[1], rng)
        piece = region_labels[top : top + size, left : left + size]
        height, width = piece.shape
        labels[:height, :width] = piece
        image[:height, :width] = region_image[top : top + size, left : left + size]
        if self.draw.white:
            white = smooth_white(image[:height, :width], self.dataset.mpp)
            labels[:height, :width][white & (piece == 0)] = self.draw.white


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
        pixels = dataset.class_pixels.loc[regions].to_numpy(np.float64)
        occurring = np.flatnonzero(pixels.sum(axis=0))
        if not occurring.size:
            return None
        pixels = pixels[:, occurring]
        points = []
        for region in regions:
            rows = np.asarray(dataset.points(region))
            points.append([rows[rows[:, 0] == label + 1] for label in occurring])
        weights = pixels.sum(axis=0) ** (1 - balance)
        return _Tables(
            regions,
            _cumulative(weights),
            [_cumulative(pixels[:, k] ** (1 - balance / 2) * (pixels[:, k] > 0)) for k in range(occurring.size)],
            points,
        )


def _cumulative(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares = np.cumsum(weights / weights.sum())
    shares[-1] = 1.0
    return shares


def _corner(place: int, size: int, length: int, rng: np.random.Generator) -> int:
    """Choose where a crop starts so that `place` is anywhere in it, and as much of it as possible inside the region."""
    return int(np.clip(place - rng.integers(size), 0, max(0, length - size)))


@lru_cache(maxsize=_OPEN_MAPS)
def _arrays(dataset: Dataset, region: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    return dataset.image(region), dataset.labels(region)
