"""One pass over the images: what each looks like, and the colours and classes of its windows."""

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
"""Side of a window: 224 px at 0.5 um/px. A smaller image is one window."""
MAX_WINDOWS = 12_000
"""Most windows whose colours are kept: 2 KB each, and all are compared with all."""

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Looks:
    """What the images look like.

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
    """Look at every image of a data set, window by window.

    Raises:
        DatasetError: an array is missing, damaged, or not of the size that regions.csv tells.
    """
    sizes = []
    for height, width in data.regions[["height_px", "width_px"]].to_numpy():
        sizes.append((int(height), int(width)))
    windows = sum(len(_windows(size, data.mpp)) for size in sizes)
    is_sampled = _sampled(windows)
    rows = []
    hashes = []
    # One entry each window that is sampled.
    numbers = []
    colours = []
    pixels = []
    bins = len(data.label_map.classes) + 1
    done = 0
    regions = [str(region) for region in data.regions.index]
    for number, region in enumerate(tqdm(regions, desc="audit", unit="region", disable=None)):
        traits = []
        for window, labels in _read(data, region, sizes[number]):
            traits.append(_traits(window))
            if is_sampled[done]:
                numbers.append(number)
                colours.append(colours_of(window))
                pixels.append(np.bincount(labels.ravel(), minlength=bins)[1:])
            done += 1
        tissue, contrast, sharpness = np.array(traits).T  # (windows,) each
        row = {
            "tissue": tissue.mean(),
            # The highest: an image with one window that shows something is not blank.
            "contrast": contrast.max(),
            "sharpness": np.median(sharpness),
        }
        rows.append(row)
        hashes.append(difference_hashes(data.image(region)))
    table = pd.DataFrame(rows, index=data.regions.index)
    return Looks(table, np.stack(hashes), np.array(numbers), np.stack(colours), np.stack(pixels))


def _sampled(total: int) -> npt.NDArray[np.bool_]:
    """Draw which windows' colours are kept: all, or as many as may be."""
    if total <= MAX_WINDOWS:
        return np.ones(total, bool)
    is_sampled = np.zeros(total, bool)
    # A fixed seed: two audits of one data set say the same.
    is_sampled[np.random.default_rng(0).choice(total, MAX_WINDOWS, replace=False)] = True
    return is_sampled


def _windows(size_px: tuple[int, int], mpp: float) -> list[tuple[slice, slice]]:
    """Return the windows of an image of (height, width), which share it evenly."""
    rows, columns = (_shares(length, WINDOW_UM / mpp) for length in size_px)
    windows = []
    for row in rows:
        for column in columns:
            windows.append((row, column))
    return windows


def _shares(length: int, side: float) -> list[slice]:
    """Return stretches of `side` or more that share a length evenly, to a pixel; one where it is
    shorter."""
    count = max(1, int(length / side))
    edges = [length * k // count for k in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def _read(
    data: Dataset, region: str, size: tuple[int, int]
) -> Iterator[tuple[Pixels, npt.NDArray[np.uint8]]]:
    """Yield pixels and labels of each window."""
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
    sharpness = cv2.Laplacian(grey, cv2.CV_32F).var()
    return float(tissue.mean()), float(grey.std()), float(sharpness)


_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
