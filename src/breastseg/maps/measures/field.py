"""One look through a raster: pixels counted at full resolution, and a small image of the tissues
for shapes and distances."""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import LabelError
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.maps.measures.areas import Counts
from breastseg.maps.raster import Raster

Field: TypeAlias = npt.NDArray[np.uint8]
"""A small image of a slide: (H, W) uint8, 0 for what no measure asks for, else 1 + the place in
TISSUES."""

TISSUES = ("tumor", "stroma", "inflammatory", "necrosis")
TUMOR, STROMA, INFLAMMATORY, NECROSIS = range(1, len(TISSUES) + 1)

FIELD_MPP = 4.0
"""Shapes and distances are measured at this many um/px, or a little finer."""
FIELD_PX = 32_000_000
"""A larger field is made coarser: measuring shapes takes 7 bytes a pixel."""
BLOCK_PX = 2048
"""Side of the blocks that are read: float32, in which OpenCV counts, is exact up to 4096."""


def tissue_codes(label_map: LabelMap) -> npt.NDArray[np.uint8]:
    """Return (256,) uint8: label -> 0, or 1 + the place in TISSUES.

    A class is known by its name, else by its QuPath name, as `region6` groups them: dcis is not
    tumor.
    """
    codes = np.zeros(256, np.uint8)
    for label, label_class in enumerate(label_map.classes, start=1):
        name = _group(label_class)
        codes[label] = TISSUES.index(name) + 1 if name in TISSUES else 0
    return codes


def _group(label_class: LabelClass) -> str | None:
    region6 = BUILT_IN["region6"]
    for name in (label_class.name, label_class.qupath):
        try:
            label = region6.label_of(name, "")
        except LabelError:
            continue
        # Label 0: a name that region6 leaves out on purpose.
        return region6.names[label - 1] if label else None
    return None


def field_step(size_px: tuple[int, int], mpp: float) -> int:
    """Return n: every n-th pixel of a raster of (width, height) makes its field. It is odd, so that
    it can lie evenly in any size."""
    step = int(FIELD_MPP / mpp - 1) // 2 * 2 + 1
    while (size_px[0] // step + 1) * (size_px[1] // step + 1) > FIELD_PX:
        step += 2
    return step


def look_through(raster: Raster, codes: npt.NDArray[np.uint8], step: int) -> tuple[Counts, Field]:
    """Count every pixel of a raster and take every n-th, as far from one edge as from the other.

    Args:
        raster: labels.
        codes: from `tissue_codes`.
        step: n, odd.

    Returns:
        pixels per label, and the field.
    """
    counts = np.zeros(256, np.int64)
    left, columns = _lattice(raster.size_px[0], step)
    top, rows = _lattice(raster.size_px[1], step)
    field = np.zeros((rows, columns), np.uint8)
    for box in raster.blocks(BLOCK_PX):
        labels = raster.read(box)  # (H, W)
        # Not by numpy's bincount, which makes eight bytes of each pixel.
        counts += cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        # The first pixel of the field that lies in this block, and where it lies in the block.
        x, y = max(0, -(-(box.x - left) // step)), max(0, -(-(box.y - top) // step))
        first_row, first_column = top + y * step - box.y, left + x * step - box.x
        taken = codes[labels[first_row::step, first_column::step]]
        field[y : y + taken.shape[0], x : x + taken.shape[1]] = taken
    return counts, field


def _lattice(length: int, step: int) -> tuple[int, int]:
    """Return the first place and the number of places of an odd step that lies evenly in
    `length`."""
    count = (length - 1) // step + 1
    left_over = length - 1 - (count - 1) * step
    if left_over % 2 and count > 1:
        # One place less leaves an odd step more: odd becomes even, and halves into both ends.
        count -= 1
        left_over += step
    return left_over // 2, count
