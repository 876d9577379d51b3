"""The colours of an image, and nothing of where they are: what a score is compared with."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.images.slide import Pixels

BINS = 8
"""Of each colour channel: a histogram has 512 cells."""


def colours_of(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return (512,) square roots of the shares of colours, so that a product of two is their
    likeness, 0 to 1."""
    counts = cv2.calcHist([pixels], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3)  # (8, 8, 8)
    shares = counts.ravel() / counts.sum()
    # With roots the product of an image with itself is the sum of shares, 1 (Bhattacharyya).
    return np.asarray(np.sqrt(shares), np.float32)
