"""Tumour nests, their sizes, what joins them and what lies around them, on the small image of a
slide."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.maps.measures.field import TISSUES, TUMOR, Field

Mask: TypeAlias = npt.NDArray[np.bool_]

NEST_UM2 = 1000.0
"""Connected tumour of at least this area is a nest: a disc 36 um across, about five cells. Less is
a speck."""
NEAR_UM = 100.0
"""What is at most this far from a nest is near it; nests whose surroundings meet, so at most twice
as far apart, are one tumour."""
_STRIP_PX = 512
_SPECK = len(TISSUES) + 1


@dataclass(frozen=True)
class Parts:
    """Connected parts of a mask (corners connect): (H, W) int32, 0 outside; per part left, top,
    width, height, area in px."""

    labels: npt.NDArray[np.int32]
    stats: npt.NDArray[np.int32]


def drop_specks(field: Field, um: float) -> None:
    """Turn connected tumour below NEST_UM2 into something that is not tumour, in place; `um` is the
    side of a pixel."""
    # OpenCV's statistics took 340 bytes a part, and noise has millions of parts: only areas are
    # asked for here.
    number, labels = cv2.connectedComponents(
        (field == TUMOR).view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    areas = np.zeros(number, np.int64)
    for rows in _strips(field):
        areas += np.bincount(labels[rows].ravel(), minlength=number)
    specks = areas * um**2 < NEST_UM2  # (parts,)
    specks[0] = False  # part 0 is what is not tumour
    for rows in _strips(field):
        field[rows][specks[labels[rows]]] = _SPECK


def measure_nests(field: Field, um: float) -> dict[str, float]:
    """Measure connected tumour.

    Args:
        field: small image of the slide, without specks.
        um: side of its pixels.

    Returns:
        nest_count, nest_area_median_mm2, nest_area_max_mm2, nest_diameter_max_mm; NaN but for the
        count where there is no nest.
    """
    nests = connected(field == TUMOR)
    areas_mm2 = nests.stats[1:, cv2.CC_STAT_AREA] * um**2 / 1e6  # (nests,); row 0 is outside
    has_nests = len(areas_mm2) > 0
    return {
        "nest_count": float(len(areas_mm2)),
        "nest_area_median_mm2": float(np.median(areas_mm2)) if has_nests else np.nan,
        "nest_area_max_mm2": float(areas_mm2.max()) if has_nests else np.nan,
        "nest_diameter_max_mm": _largest_diameter(nests, field, um),
    }


def measure_surroundings(field: Field, um: float) -> tuple[npt.NDArray[np.int64], float]:
    """Measure what lies around nests, and how far tumour reaches.

    Args:
        field: small image of the slide, without specks.
        um: side of its pixels.

    Returns:
        pixels of each value of `field` in and near nests, and the largest diameter in mm of a
        tumour (NaN without nests).
    """
    counts = np.zeros(_SPECK + 1, np.int64)
    near = np.zeros(field.shape, np.bool_)
    for rows, distance in _distances(field, um):
        # From centre to centre: half a pixel more than from the edge of the nest.
        near[rows] = distance <= NEAR_UM + um / 2
        for value in range(len(counts)):
            counts[value] += np.count_nonzero(near[rows] & (field[rows] == value))
    tumors = connected(near)
    del near  # a seventh of the memory
    return counts, _largest_diameter(tumors, field, um)


def connected(mask: Mask) -> Parts:
    """Return the connected parts of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    return Parts(labels, stats)


def _strips(field: Field) -> Iterator[slice]:
    """Yield bands of rows: what is computed of one at a time takes little memory."""
    for top in range(0, len(field), _STRIP_PX):
        yield slice(top, min(top + _STRIP_PX, len(field)))


def _distances(field: Field, um: float) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Yield rows and their pixels' distances in um to the nearest nest, right as far as is asked
    for; strips far from any are left out."""
    margin = int(NEAR_UM / um) + 2
    for rows in _strips(field):
        top = max(0, rows.start - margin)
        outside = field[top : rows.stop + margin] != TUMOR
        if not outside.all():
            # Precise: OpenCV's other masks estimate, and differ by the direction.
            distance = cv2.distanceTransform(
                outside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
            )
            own = distance[rows.start - top : rows.stop - top]  # without the margin
            yield rows, own * np.float32(um)


def _largest_diameter(parts: Parts, field: Field, um: float) -> float:
    """Return the largest diameter in mm of the tumour of one part; NaN without tumour. Parts too
    small to hold it are not looked at."""
    left, top, width, height = parts.stats[:, : cv2.CC_STAT_AREA].T  # (parts,) each
    # A diameter is at most the diagonal of the part's box: the largest boxes go first.
    reach = np.hypot(width, height)
    reach[0] = 0
    largest = 0.0
    for part in np.argsort(-reach, kind="stable"):
        if reach[part] <= largest:
            break
        rows = slice(top[part], top[part] + height[part])
        columns = slice(left[part], left[part] + width[part])
        inside = parts.labels[rows, columns] == part
        inside &= field[rows, columns] == TUMOR
        largest = max(largest, _diameter(inside))
    return largest * um / 1000 if largest else np.nan


def _diameter(mask: Mask) -> float:
    """Return the largest distance in px between two points of a mask's pixels, their corners
    included; the mask has some."""
    # The two points farthest apart are corners of the convex hull, and of a row only its ends can
    # be.
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask.argmax(axis=1)[rows]
    end = mask.shape[1] - mask[:, ::-1].argmax(axis=1)[rows]
    corners = []
    for x in (first, end):
        for y in (rows, rows + 1):
            corners.append(np.stack([x, y], axis=1))
    points = np.concatenate(corners).astype(np.int32)  # (4 * rows, 2)
    hull = cv2.convexHull(points)[:, 0].astype(np.float64)  # (N, 2)
    return max(float(np.hypot(*(hull - corner).T).max()) for corner in hull)
