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
    blur, wide = square(2.0, mpp), square(4.0, mpp)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    # Sums of whole numbers in float64 have no rounding, so that a turned picture gives the turned
    # answer.
    mean, mean_of_squares = (of(grey, cv2.CV_64F, wide) for of in (cv2.boxFilter, cv2.sqrBoxFilter))
    is_smooth = mean_of_squares - mean * mean <= ROUGH**2
    white = ((cv2.blur(pixels, blur).min(axis=2) >= WHITE) & is_smooth).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(white, cv2.MORPH_OPEN, disc(SMOOTH_UM, mpp)) > 0)
