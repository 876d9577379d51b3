"""Batches for the loop: random crops for training, a fixed grid for validation. Whole batches are
cut in one call."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from breastseg.data.crops import CropBatch, Crops
from breastseg.data.dataset import Dataset as Prepared
from breastseg.geometry import Box

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""uint8 images (N, 3, H, W) in channels-last memory, uint8 labels (N, H, W), bool (N,): nothing
but dots is known, float (N, K): what is known of the whole crop, as in `CropBatch`, and uint8 (N,
H, W): what those dots vote for."""


@dataclass(frozen=True)
class Share:
    """Which of several devices this is: it takes every `world`-th crop of a batch, from `rank`
    on."""

    rank: int = 0
    world: int = 1


class TrainBatches(Dataset[Batch]):
    """An epoch of random crops; `set_epoch` before each (the loop does)."""

    def __init__(self, crops: Crops, *, batch: int, crops_per_epoch: int, share: Share) -> None:
        """Take the crops, how many a step over all devices, and how many an epoch."""
        self.crops = crops
        self.batch = batch
        self.share = share
        self.steps = max(1, crops_per_epoch // batch)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's crops come next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return steps an epoch."""
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        """Cut this device's share of a step's crops."""
        numbers = list(range(step * self.batch, (step + 1) * self.batch))
        # Crops are drawn by number: all devices together cut what one alone would.
        own = numbers[self.share.rank :: self.share.world]
        return to_batch(self.crops.batch(self.epoch, own))


class GridBatches(Dataset[Batch]):
    """Every annotated field of some regions once, in squares that do not overlap."""

    def __init__(
        self, dataset: Prepared, regions: list[str], *, size_px: int, batch: int, share: Share
    ) -> None:
        """List the squares that hold an annotated pixel."""
        self.dataset = dataset
        self.size_px = size_px
        self.batch = batch
        places = []
        for region in regions:
            for box in _squares(dataset, region, size_px):
                places.append((region, box))
        self.places = places[share.rank :: share.world]

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.places) // self.batch)

    def __getitem__(self, number: int) -> Batch:
        """Cut a batch of squares."""
        places = self.places[number * self.batch : (number + 1) * self.batch]
        count = len(places)
        side = self.size_px
        # White and not annotated beyond a region's edge, as in crops for training.
        images = np.full((count, side, side, 3), 255, np.uint8)
        labels = np.zeros((count, side, side), np.uint8)
        for i, (region, box) in enumerate(places):
            image = self.dataset.image(region)
            region_labels = self.dataset.labels(region)
            images[i, : box.height, : box.width] = image[box.slices]
            labels[i, : box.height, : box.width] = region_labels[box.slices]
        regions = [region for region, _ in places]
        dotted = set(self.dataset.dotted(regions))
        is_dotted = np.array([region in dotted for region in regions])
        # Facts of whole fields and votes of dots teach, but no figure is measured on them.
        facts = np.zeros((count, len(self.dataset.label_map.classes)), np.float32)
        votes = np.zeros_like(labels)
        return to_batch(CropBatch(images, labels, is_dotted, facts, votes))


def _squares(dataset: Prepared, region: str, size: int) -> Iterator[Box]:
    """Yield the squares of a region with an annotated pixel, cut off at its edges."""
    labels = dataset.labels(region)
    height, width = labels.shape
    for y in range(0, height, size):
        for x in range(0, width, size):
            box = Box(x, y, min(size, width - x), min(size, height - y))
            if labels[box.slices].any():
                yield box


def to_batch(crops: CropBatch) -> Batch:
    """Turn (N, H, W, 3) into (N, 3, H, W) without copying: this is channels-last memory, which the
    networks are fastest on."""
    images, labels, dotted, facts, votes = (torch.from_numpy(part) for part in crops)
    return images.permute(0, 3, 1, 2), labels, dotted, facts, votes


def loader(batches: Dataset[Batch]) -> DataLoader[Batch]:
    """Wrap batches for the loop, in this process: crops are slices of memory maps, a worker would
    only copy them."""
    return DataLoader(batches, batch_size=None, num_workers=0)
