"""Clean glass of an image: its colour, and how noisy it is."""

from dataclasses import dataclass

import cv2
import numpy as np

from breastseg.histology.bands import bands
from breastseg.histology.planes import DENSITY, ROUGH_UM, deviation, extremes, mean_of, square
from breastseg.images.slide import Pixels

LIGHT = 120
"""Least value of glass."""
GREY = 24
"""Most colour of glass: how far its channels lie apart."""
BLACK = 20
"""Least value of what was scanned."""


@dataclass(frozen=True)
class Glass:
    """Optical density of clean glass (red, green, blue), and the standard deviation of its mean
    within `ROUGH_UM`."""

    density: tuple[float, float, float]
    noise: float


def find_glass(pixels: Pixels, mpp: float) -> Glass:
    """Find the glass of an image, (H, W, 3) uint8 at `mpp`; white where there is hardly any."""
    # Of each band five arrays, with one number for every smooth pixel.
    of_bands = []
    for rows, inner in bands(pixels.shape[0], mpp):
        channels = cv2.split(pixels[rows])
        density = mean_of([cv2.LUT(channel, DENSITY) for channel in channels])
        level = cv2.blur(density, square(ROUGH_UM, mpp))[inner]
        spread = deviation(density, mpp)[inner]
        channels = [channel[inner] for channel in channels]
        most, least = extremes(*channels)
        is_grey = (least >= LIGHT) & (most - least <= GREY)
        smooth = (spread < 0.013) & is_grey
        of_bands.append([plane[smooth] for plane in (level, spread, *channels)])
    level, spread, *channels = (np.concatenate(parts) for parts in zip(*of_bands, strict=True))
    height, width = pixels.shape[:2]
    enough = 0.002 * height * width
    # A scan has noise; what has one value to the bit was filled in and is the scanner's white.
    scanned = spread > 5e-4
    if scanned.sum() < enough:
        # An image without any noise, painted or compressed: its white is its glass.
        scanned[:] = True
    if scanned.sum() < enough:
        return Glass((0.0, 0.0, 0.0), 0.0)
    # The brightest third of places, not of pixels: noise has bright pixels too, in whichever colour
    # it is loudest.
    bright = scanned & (level <= np.quantile(level[scanned], 1 / 3))
    medians = [int(np.median(channel[bright])) for channel in channels]
    red, green, blue = (float(DENSITY[median]) for median in medians)
    return Glass((red, green, blue), float(np.median(spread[scanned])))
