"""Finding: what a data set says of one place of a film, as a circle, box, polygon or mask.

Whole numbers are the middles of pixels: (0, 0) is the middle of the first pixel of the first row,
x grows to the right and y down, whatever the data set's own way of counting is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]

KINDS = (
    "mass",
    "calcification",
    "architectural distortion",
    "asymmetry",
    "lymph node",
    "skin or nipple",
    "other",
)
"""Classes of findings; `Finding.told` keeps the data set's own words."""
PATHOLOGIES = ("benign", "malignant", "")


@dataclass(frozen=True)
class Circle:
    """A circle, in pixels."""

    x_px: float
    y_px: float
    radius_px: float


@dataclass(frozen=True)
class Rectangle:
    """A box that is straight, in pixels, both corners inside."""

    left_px: float
    top_px: float
    right_px: float
    bottom_px: float


@dataclass(frozen=True)
class Polygon:
    """A polygon of (x, y) in pixels; one or two points are a place, not an area."""

    points_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class MaskShape:
    """A mask that is read when it is needed.

    Attributes:
        read: gives (H, W) bool in the size of the film as it was read, or raises ImageError.
    """

    read: Callable[[tuple[int, int]], Mask]


Shape: TypeAlias = Circle | Rectangle | Polygon | MaskShape


@dataclass(frozen=True)
class Finding:
    """What is known of one place of a film.

    Attributes:
        kind: one of `KINDS`.
        pathology: "benign", "malignant" or "" where nobody says.
        birads: BI-RADS category, "0" to "6", "4a" to "4c", or "".
        shape: where it is; None where the data set does not say.
        told: the data set's own words.
    """

    kind: str
    pathology: str = ""
    birads: str = ""
    shape: Shape | None = None
    told: str = ""


def scaled(finding: Finding, factor: float) -> Finding:
    """Return a finding on a film that was resampled: its pixels' edges are scaled, not middles.

    Args:
        finding: on the film as it was read.
        factor: new size over old size.
    """
    shape = finding.shape

    # The edge of a pixel lies half a pixel before its middle, before and after.
    def moved(place: float) -> float:
        return (place + 0.5) * factor - 0.5

    if factor == 1.0 or shape is None or isinstance(shape, MaskShape):
        return finding
    new: Shape
    if isinstance(shape, Circle):
        new = Circle(moved(shape.x_px), moved(shape.y_px), shape.radius_px * factor)
    elif isinstance(shape, Rectangle):
        new = Rectangle(
            moved(shape.left_px),
            moved(shape.top_px),
            moved(shape.right_px),
            moved(shape.bottom_px),
        )
    else:
        points = [(moved(x), moved(y)) for x, y in shape.points_px]
        new = Polygon(tuple(points))
    return replace(finding, shape=new)


def mirrored(finding: Finding, width_px: int) -> Finding:
    """Return a finding on a film whose left and right were exchanged.

    Args:
        finding: on the film as it was.
        width_px: of the film.
    """
    shape = finding.shape
    last = width_px - 1
    if isinstance(shape, Circle):
        return replace(finding, shape=replace(shape, x_px=last - shape.x_px))
    if isinstance(shape, Rectangle):
        turned = replace(shape, left_px=last - shape.right_px, right_px=last - shape.left_px)
        return replace(finding, shape=turned)
    if isinstance(shape, Polygon):
        points = [(last - x, y) for x, y in shape.points_px]
        return replace(finding, shape=Polygon(tuple(points)))
    return finding  # a mask is mirrored as pixels


def paint_shape(shape: Shape, size: tuple[int, int]) -> Mask:
    """Return a shape as a mask.

    Args:
        shape: the shape, in pixels of the mask.
        size: (H, W) of the mask; for a `MaskShape` that of the film as it was read.
    """
    if isinstance(shape, MaskShape):
        return shape.read(size)
    canvas = np.zeros(size, np.uint8)
    if isinstance(shape, Circle):
        # (H, 1) and (1, W) offsets make (H, W) squared distances
        down = (np.arange(size[0]) - shape.y_px)[:, None]
        right = (np.arange(size[1]) - shape.x_px)[None, :]
        squares = down**2 + right**2
        return np.asarray(squares <= shape.radius_px**2)
    if isinstance(shape, Rectangle):
        top = max(0, round(shape.top_px))
        left = max(0, round(shape.left_px))
        bottom = round(shape.bottom_px) + 1  # both corners are inside
        right_end = round(shape.right_px) + 1
        canvas[top:bottom, left:right_end] = 1
        return canvas > 0
    points = np.round(np.array(shape.points_px)).astype(np.int32)  # (points, 2)
    if len(points) < 3:  # fillPoly paints nothing of a point
        ends = points[[0, -1]].tolist()
        cv2.line(canvas, ends[0], ends[1], 1)
    else:
        cv2.fillPoly(canvas, [points], 1)
    return canvas > 0


def bounds_of(shape: Shape, mask: Mask | None = None) -> tuple[float, float, float, float] | None:
    """Return (left, top, right, bottom) of a shape in pixels; None for an empty mask.

    Args:
        shape: the shape.
        mask: (H, W) of it, needed for a `MaskShape`.
    """
    if isinstance(shape, Circle):
        x, y, radius = shape.x_px, shape.y_px, shape.radius_px
        return x - radius, y - radius, x + radius, y + radius
    if isinstance(shape, Rectangle):
        return shape.left_px, shape.top_px, shape.right_px, shape.bottom_px
    if isinstance(shape, Polygon):
        columns, rows = zip(*shape.points_px, strict=True)
        return min(columns), min(rows), max(columns), max(rows)
    if mask is None or not mask.any():
        return None
    filled_rows = np.flatnonzero(mask.any(axis=1))
    filled_columns = np.flatnonzero(mask.any(axis=0))
    left = float(filled_columns[0])
    right = float(filled_columns[-1])
    return left, float(filled_rows[0]), right, float(filled_rows[-1])
