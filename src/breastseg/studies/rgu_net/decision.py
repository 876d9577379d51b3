"""Probabilities of a crop -> a mask. The measure is Dice, so the mask is the one that promises the
highest Dice, as the constant mask beside it is.
"""

import numpy as np
import numpy.typing as npt

from breastseg.mammography.findings import Mask


def dice_mask(probability: npt.NDArray[np.floating]) -> Mask:
    """Return the mask whose expected Dice is highest if the probabilities are right, (H, W).

    It is the most probable pixels, as many as make 2 * sum(p inside) / (pixels inside + sum(p of
    all)) highest. Where the answer is sure that is a cut at 0.5; where it is not, a lower one.
    Empty where no pixel has a probability over 0.

    Args:
        probability: (H, W), 0 to 1.
    """
    falling = np.sort(probability.ravel().astype(np.float64))[::-1]
    inside = np.cumsum(falling)
    if inside[-1] <= 0:
        return np.zeros(probability.shape, bool)
    pixels = np.arange(1, falling.size + 1)
    best = int(np.argmax(2 * inside / (pixels + inside[-1])))
    return np.asarray(probability >= falling[best])
