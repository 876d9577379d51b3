"""One pass over the pictures: what each looks like, and the colours and classes of its windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from breastseg.data.audit.duplicates import Hashes, difference_hashes
from breastseg.data.dataset import Dataset
from breastseg.histology.colours import colours_of
from breastseg.histology.stain_check import TISSUE_DENSITY
from breastseg.images import Pixels

WINDOW_UM = 112.0
"""Side of a window: 224 px at 0.5 um/px. A smaller picture is one window."""
MAX_WINDOWS = 12_000
"""Most windows whose colours are kept: 2 KB each, and all are compared with all."""

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Looks:
    """What the pictures look like.

    Attributes:
        regions: one row a region: tissue (share of pixels), contrast (standard deviation of grey),
            sharpness (variance of the Laplacian of grey at the data set's um/px, the median of its
            windows).
        hashes: (N, 8, 4) in the order of the regions.
        region: (M,) number of each window's region.
        colours: (M, 512) square roots of the shares of colours, so that a product of two rows is
            their likeness, 0 to 1.
        pixels: (M, K) annotated pixels of each class.
    """

    regions: pd.DataFrame
    hashes: Hashes
    region: Ints
    colours: Floats
    pixels: npt.NDArray[np.int64]


def look(data: Dataset) -> Looks:
    """Look at every picture of a data set, window by window.

    Raises:
        DatasetError: an array is missing, damaged, or not of the size that regions.csv tells.
    """
    sizes = []
    for height, width in data.regions[["height_px", "width_px"]].to_numpy():
        sizes.append((int(height), int(width)))
    kept = _kept(sum(len(_windows(size, data.mpp)) for size in sizes))
    rows = []
    hashes = []
    # One entry each window that is kept.
    numbers = []
    colours = []
    pixels = []
    bins = len(data.label_map.classes) + 1
    seen = 0
    for number, region in enumerate(
        tqdm([*map(str, data.regions.index)], desc="audit", unit="region", disable=None)
    ):
        traits = []
        for window, labels in _read(data, region, sizes[number]):
            traits.append(_traits(window))
            if kept[seen]:
                numbers.append(number)
                colours.append(colours_of(window))
                pixels.append(np.bincount(labels.ravel(), minlength=bins)[1:])
            seen += 1
        tissue, contrast, sharpness = np.array(traits).T
        rows.append(
            {"tissue": tissue.mean(), "contrast": contrast.max(), "sharpness": np.median(sharpness)}
        )
        hashes.append(difference_hashes(data.image(region)))
    table = pd.DataFrame(rows, index=data.regions.index)
    return Looks(table, np.stack(hashes), np.array(numbers), np.stack(colours), np.stack(pixels))


def _kept(total: int) -> npt.NDArray[np.bool_]:
    """Draw which windows' colours are kept: all, or as many as may be."""
    kept = np.ones(total, bool)
    if total > MAX_WINDOWS:
        kept[:] = False
        kept[np.random.default_rng(0).choice(total, MAX_WINDOWS, replace=False)] = True
    return kept


def _windows(size_px: tuple[int, int], mpp: float) -> list[tuple[slice, slice]]:
    """Return the windows of a picture of (height, width), which share it evenly."""
    side = WINDOW_UM / mpp
    counts = [max(1, int(length / side)) for length in size_px]
    rows = _shares(size_px[0], counts[0])
    columns = _shares(size_px[1], counts[1])
    return [(row, column) for row in rows for column in columns]


def _shares(length: int, count: int) -> list[slice]:
    """Return stretches that share a length evenly, to a pixel."""
    edges = [length * k // count for k in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def _read(
    data: Dataset, region: str, size: tuple[int, int]
) -> Iterator[tuple[Pixels, npt.NDArray[np.uint8]]]:
    image = data.image(region)
    labels = data.labels(region)
    for window in _windows(size, data.mpp):
        yield np.ascontiguousarray(image[window]), np.asarray(labels[window])


def _traits(window: Pixels) -> tuple[float, float, float]:
    """Return (share of tissue, standard deviation of grey, variance of its Laplacian)."""
    # Mean optical density of the three channels.
    density = cv2.transform(cv2.LUT(window, _DENSITY), np.full((1, 3), 1 / 3))
    tissue = density > TISSUE_DENSITY
    grey = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(tissue.mean()), float(grey.std()), float(cv2.Laplacian(grey, cv2.CV_32F).var())


_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
