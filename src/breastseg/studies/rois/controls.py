"""What tells classes apart without a network: size, grey values, the middle against its ring."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.studies.rois.crops import COPIES, Crops
from breastseg.studies.rois.regions import Region

Numbers: TypeAlias = npt.NDArray[np.float64]

_PERCENTILES = (5, 25, 50, 75, 95)
_CENTRE, _RING = 0.3, 0.42
"""Radius of the middle and inner radius of the ring round it, as shares of a side."""
_MOST_GREY = 65535


def size_numbers(regions: Sequence[Region]) -> Numbers:
    """Return the logarithm of each copy's side in mm, (N, 1)."""
    sides_mm = np.array([region.side_mm for region in regions])
    logarithms = np.repeat(np.log(sides_mm), COPIES)  # (N,): all copies of a region alike
    return logarithms[:, None]


def grey_numbers(crops: Crops) -> Numbers:
    """Return mean, deviation and five percentiles of each crop, (N, 7)."""
    flat = crops.reshape(len(crops), -1) / _MOST_GREY  # (N, px * px)
    spread = np.percentile(flat, _PERCENTILES, axis=1).T  # (N, 5)
    mean = flat.mean(axis=1)
    deviation = flat.std(axis=1)
    return np.column_stack([mean, deviation, spread])


def ring_numbers(crops: Crops) -> Numbers:
    """Return how the middle of each crop differs from the ring round it, (N, 4).

    The differences of mean, of deviation and of the 90th percentile, and the first as a share of
    the deviation of the whole crop.
    """
    side = crops.shape[1]
    away = (np.arange(side) + 0.5) / side - 0.5  # middles of pixels, from the crop's middle
    radius = np.hypot(away[:, None], away[None, :])  # (H, W)
    grey = crops / _MOST_GREY
    # (N, H, W) -> (N, pixels of the area)
    middle = grey[:, radius < _CENTRE]
    ring = grey[:, radius >= _RING]
    mean = middle.mean(axis=1) - ring.mean(axis=1)  # (N,), as all that follow
    deviation = middle.std(axis=1) - ring.std(axis=1)
    bright_middle = np.percentile(middle, 90, axis=1)
    bright_ring = np.percentile(ring, 90, axis=1)
    whole = grey.reshape(len(grey), -1).std(axis=1)
    share = mean / np.maximum(whole, 1e-6)  # an even crop must not divide by 0
    return np.column_stack([mean, deviation, bright_middle - bright_ring, share])
