"""Planes of numbers over an image, (H, W): density, means, windows and discs in micrometres."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

ROUGH_UM = 72.0
"""Width within which density is rough or smooth."""
DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
"""Optical density of each value of a channel, 0 to 255."""

Mask: TypeAlias = npt.NDArray[np.bool_]
Plane: TypeAlias = npt.NDArray[np.float32]
Numbers: TypeAlias = npt.NDArray[Any]


def mean_of(planes: list[Plane]) -> Plane:
    """Return the mean of three planes: (H, W)."""
    red, green, blue = planes
    return np.asarray((red + green + blue) * np.float32(1 / 3), np.float32)


def extremes(red: Numbers, green: Numbers, blue: Numbers) -> tuple[Numbers, Numbers]:
    """Return the largest and the least channel (NumPy's max over an axis of three is ten times as
    slow)."""
    most = cv2.max(cv2.max(red, green), blue)
    least = cv2.min(cv2.min(red, green), blue)
    return most, least


def deviation(plane: Plane, mpp: float) -> Plane:
    """Return the standard deviation within `ROUGH_UM` from a plane fitted there: soft shadows
    slope, but are smooth."""
    window = square(ROUGH_UM, mpp)
    side = window[0]
    mean = cv2.blur(plane, window)
    variance = cv2.sqrBoxFilter(plane, -1, window) - mean * mean
    # A fitted plane explains what its slopes across and down do; they are orthogonal to the mean
    # and to each other, so that their squares are taken off one by one.
    flat = np.full(side, 1 / side)
    steps = np.arange(side) - side // 2
    ramp = steps / max(1.0, float(np.linalg.norm(steps)) * side**0.5)
    for across, down in ((ramp, flat), (flat, ramp)):
        slope = cv2.sepFilter2D(plane, -1, across, down)
        variance -= slope * slope
    # Rounding may leave a variance a little under 0.
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def square(um: float, mpp: float) -> tuple[int, int]:
    """Return the sides in pixels, odd, of a square this wide."""
    side = max(1, round(um / mpp)) | 1
    return side, side


def disc(um: float, mpp: float) -> npt.NDArray[np.uint8]:
    """Return a disc of this diameter, which a quarter turn leaves as it is (OpenCV's ellipse is
    not)."""
    radius = round(um / 2 / mpp)
    steps = np.arange(-radius, radius + 1)
    squared_distance = steps[:, None] ** 2 + steps**2  # (2 radius + 1, 2 radius + 1)
    # With 0.3 more a disc of radius 2 is round; without, it is a diamond.
    return (squared_distance <= (radius + 0.3) ** 2).astype(np.uint8)


def as_bytes(mask: Mask) -> npt.NDArray[np.uint8]:
    """Return a mask as OpenCV takes it, 0 and 1, without a copy."""
    return mask.view(np.uint8)
