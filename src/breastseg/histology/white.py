"""Weak labels by rule: places that are smooth and white are fat, lumen or glass, whatever the
hospital."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.histology.planes import disc, square

WHITE = 215
"""Darkest channel of a white pixel, of 255, after averaging over 2 um."""
ROUGH = 5.0
"""Largest standard deviation of grey within 4 um: pale stroma is rougher than a fat cell."""
SMOOTH_UM = 12.0
"""Smallest width of a white place: wider than the gaps between fibres, narrower than a fat cell."""


def smooth_white(pixels: npt.NDArray[np.uint8], mpp: float) -> npt.NDArray[np.bool_]:
    """Find the white places.

    Args:
        pixels: (H, W, 3) uint8 of H&E.
        mpp: their microns per pixel.

    Returns:
        (H, W): within a white disc of `SMOOTH_UM`.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)  # (H, W)
    # Sums of whole numbers in float64 have no rounding, so that a turned image gives the turned
    # answer.
    wide = square(4.0, mpp)
    mean = cv2.boxFilter(grey, cv2.CV_64F, wide)
    mean_of_squares = cv2.sqrBoxFilter(grey, cv2.CV_64F, wide)
    is_smooth = mean_of_squares - mean * mean <= ROUGH**2
    darkest = cv2.blur(pixels, square(2.0, mpp)).min(axis=2)  # of the three channels: (H, W)
    white = ((darkest >= WHITE) & is_smooth).astype(np.uint8)
    # Opened by a disc, so that only places remain into which one fits.
    return np.asarray(cv2.morphologyEx(white, cv2.MORPH_OPEN, disc(SMOOTH_UM, mpp)) > 0)
