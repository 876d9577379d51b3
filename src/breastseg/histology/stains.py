"""How much of each stain an image of H&E has, by the optical densities of Ruifrok and Johnston."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.histology.planes import DENSITY
from breastseg.histology.stain_check import TISSUE_DENSITY
from breastseg.images.slide import Pixels

STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
"""Optical density of haematoxylin, eosin and DAB in red, green, blue (Ruifrok and Johnston 2001,
Anal Quant Cytol Histol 23:291)."""
UNMIXED = np.linalg.inv(STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True))
"""What turns optical densities (red, green, blue) into amounts of the three."""
_MOST_PX = 1 << 20


def stain_strength(pixels: Pixels) -> tuple[float, float]:
    """Return the mean optical densities (natural logarithm) of haematoxylin and eosin over tissue.

    Args:
        pixels: (H, W, 3) uint8; of a large image every n-th pixel is looked at.

    Returns:
        both NaN where nothing is darker than glass.
    """
    height, width = pixels.shape[:2]
    step = max(1, int(np.sqrt(height * width / _MOST_PX)))
    sampled = np.ascontiguousarray(pixels[::step, ::step])
    density: npt.NDArray[np.float32] = cv2.LUT(sampled, DENSITY)  # (h, w, 3)
    tissue = density[density.mean(axis=2) > TISSUE_DENSITY]  # (N, 3)
    if not len(tissue):
        return float("nan"), float("nan")
    # Stains add up in density: the mean unmixed is the mean of what is unmixed.
    haematoxylin, eosin, _ = tissue.mean(axis=0, dtype=np.float64) @ UNMIXED
    return float(haematoxylin), float(eosin)
