"""Weak labels by rule: places that are smooth and white are fat, lumen or glass, whatever the hospital."""

import cv2
import numpy as np
import numpy.typing as npt

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
    blur, wide = (max(1, round(um / mpp)) for um in (2.0, 4.0))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    variance = cv2.blur(grey * grey, (wide, wide)) - cv2.blur(grey, (wide, wide)) ** 2
    white = ((cv2.blur(pixels, (blur, blur)).min(axis=2) >= WHITE) & (variance <= ROUGH**2)).astype(np.uint8)
    side = max(1, round(SMOOTH_UM / mpp)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(white, cv2.MORPH_OPEN, disc) > 0)
