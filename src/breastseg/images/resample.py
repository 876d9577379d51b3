"""Images and label images at another size: area weights for pixels, nothing mixed for labels."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.images.slide import Pixels


def resample_pixels(pixels: Pixels, size_px: tuple[int, int]) -> Pixels:
    """Return the image at (width, height): area weights when shrinking, bilinear when growing."""
    height, width = pixels.shape[:2]
    if (width, height) == size_px:
        return pixels
    shrinks = size_px[0] <= width and size_px[1] <= height
    # Where a side grows, OpenCV's INTER_AREA is like INTER_NEAREST.
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size_px, interpolation=interpolation), np.uint8)


def resample_labels(
    labels: npt.NDArray[np.uint8], size_px: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Return the label image at (width, height): the label under each new pixel's centre, nothing
    mixed."""
    if labels.shape[::-1] == size_px:
        return labels
    # INTER_NEAREST_EXACT, because INTER_NEAREST takes corners for centres and shifts labels against
    # pixels.
    return np.asarray(cv2.resize(labels, size_px, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
