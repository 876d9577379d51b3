"""Random crops from memory-mapped regions. Crop number i of epoch e is the same whoever asks, and whenever."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from breastseg.data.dataset import Dataset
from breastseg.errors import DatasetError, InputError

_OPEN_MAPS = 512
"""Memory maps kept open; a data set of 30,000 tiles must not hold 60,000 of them."""


@dataclass(frozen=True)
class CropDraw:
    """How crops are drawn.

    Attributes:
        size_px: side of a crop.
        balance: 0 draws classes as often as they occur, 1 draws them equally often, 0.5 by the square root.
        seed: of every draw.
    """

    size_px: int
    balance: float = 0.5
    seed: int = 42


@dataclass(frozen=True)
class Crops:
    """Draws square crops: a class, a region that has it, a place of it, and a corner so that the place is anywhere inside.

    Regions smaller than a crop are padded with white that is not annotated.
    """

    dataset: Dataset
    regions: list[str]
    draw: CropDraw
    _tables: "_Tables" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read where each class is."""
        if self.draw.size_px < 1 or not 0 <= self.draw.balance <= 1:
            raise InputError(f"crops of {self.draw.size_px} px, balance {self.draw.balance:g}: wanted at least 1 px, balance 0 to 1")
        object.__setattr__(self, "_tables", _Tables.read(self.dataset, self.regions, self.draw.balance))

    def batch(self, epoch: int, numbers: list[int]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Return crops by number: (N, H, W, 3) uint8 pixels and (N, H, W) uint8 labels."""
        size = self.draw.size_px
        images = np.full((len(numbers), size, size, 3), 255, np.uint8)
        labels = np.zeros((len(numbers), size, size), np.uint8)
        for i, number in enumerate(numbers):
            self._fill(images[i], labels[i], np.random.default_rng([self.draw.seed, epoch, number]))
        return images, labels

    def _fill(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], rng: np.random.Generator) -> None:
        tables, size = self._tables, self.draw.size_px
        label = int(np.searchsorted(tables.classes, rng.random(), side="right"))
        index = int(np.searchsorted(tables.regions[label], rng.random(), side="right"))
        points = tables.points[index][label]
        _, y, x = points[rng.integers(len(points))]
        region_image, region_labels = _arrays(self.dataset, self.regions[index])
        top = _corner(int(y), size, region_labels.shape[0], rng)
        left = _corner(int(x), size, region_labels.shape[1], rng)
        piece = region_labels[top : top + size, left : left + size]
        height, width = piece.shape
        labels[:height, :width] = piece
        image[:height, :width] = region_image[top : top + size, left : left + size]


@dataclass(frozen=True)
class _Tables:
    """Cumulative shares to draw from, and the places.

    Attributes:
        classes: cumulative share of each class that occurs.
        regions: for each of those classes, the cumulative share of each region.
        points: for each region and class, its rows of (label, y, x).
    """

    classes: npt.NDArray[np.float64]
    regions: list[npt.NDArray[np.float64]]
    points: list[list[npt.NDArray[np.int32]]]

    @staticmethod
    def read(dataset: Dataset, regions: list[str], balance: float) -> "_Tables":
        pixels = dataset.class_pixels.loc[regions].to_numpy(np.float64)
        occurring = np.flatnonzero(pixels.sum(axis=0))
        if not occurring.size:
            raise DatasetError(f"{dataset.path}: no annotated pixel in the {len(regions)} regions to draw from")
        pixels = pixels[:, occurring]
        points = []
        for region in regions:
            rows = np.asarray(dataset.points(region))
            points.append([rows[rows[:, 0] == label + 1] for label in occurring])
        weights = pixels.sum(axis=0) ** (1 - balance)
        return _Tables(
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
