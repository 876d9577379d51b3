"""Ink of pens by its colour."""

import cv2
import numpy as np

from breastseg.histology.planes import Mask, Plane, extremes, mean_of

BLUISH = 1.12
"""Density of red over that of green above which a colour is ink: blue and green pens have 1.15 and
more, H&E at most 0.85, a kidney that is mostly haematoxylin 1.10."""


def is_ink(red: Plane, green: Plane, blue: Plane) -> Mask:
    """Return where densities have the colour of ink: three times (H, W) -> (H, W)."""
    # Single pixels are too noisy to have a colour.
    red = cv2.blur(red, (3, 3))
    green = cv2.blur(green, (3, 3))
    blue = cv2.blur(blue, (3, 3))
    mean = mean_of([red, green, blue])
    most, least = extremes(red, green, blue)
    blue_or_green = (mean > 0.2) & (red > BLUISH * green)
    black = (mean > 0.6) & (most - least < 0.2 * mean)
    reddish = (green > 0.6) & (blue > 0.8 * green) & (red < 0.3 * green)
    return np.asarray(blue_or_green | black | reddish)
