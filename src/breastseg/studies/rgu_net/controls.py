"""What costs no training: one mask for all crops, and the bright thing in the middle."""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.mammography.findings import Mask
from breastseg.studies.rgu_net.cases import Grey
from breastseg.studies.rgu_net.crops import Crop

Masks: TypeAlias = npt.NDArray[np.bool_]

_LEVELS = 49
"""Thresholds that are tried on the mean of the training masks: 0.02 to 0.98."""


def dice(one: Mask, other: Mask) -> float:
    """Return twice the common pixels over all pixels of two masks; 1 where both are empty."""
    either = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / either if either else 1.0


def constant_mask(masks: Masks) -> Mask:
    """Return the mask that fits all training masks best: their mean, cut where the mean Dice
    against them is highest.

    Args:
        masks: (N, H, W) of the training crops.

    Returns:
        (H, W).
    """
    mean = masks.mean(axis=0)  # (H, W): the share of crops in which a pixel is mass
    sizes = masks.sum(axis=(1, 2))  # (N,)
    best = mean > 0
    best_dice = -1.0
    for level in np.linspace(0.02, 0.98, _LEVELS):
        cut = mean >= level
        both = (masks & cut).sum(axis=(1, 2))
        either = np.maximum(sizes + np.count_nonzero(cut), 1)
        mean_dice = float(np.mean(2 * both / either))
        if mean_dice > best_dice + 1e-12:  # of equals the larger mask
            best = cut
            best_dice = mean_dice
    return np.asarray(best)


def otsu_component(crop: Crop) -> Mask:
    """Return the bright component that is nearest to the middle of a crop, by Otsu's threshold of
    the breast in it; (H, W)."""
    grey = crop.grey
    bright = _bright(grey)
    if not bright.any():
        return np.zeros(grey.shape, bool)
    # 4: a diagonal alone does not join two spots of noise
    _, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=4)
    rows, columns = np.nonzero(bright)
    middle_row = (grey.shape[0] - 1) / 2
    middle_column = (grey.shape[1] - 1) / 2
    squares = (rows - middle_row) ** 2 + (columns - middle_column) ** 2  # (bright pixels,)
    nearest = np.argmin(squares)
    label = labels[rows[nearest], columns[nearest]]
    return np.asarray(labels == label)


def _bright(grey: Grey) -> Mask:
    """Return what is above Otsu's threshold of the pixels that are breast."""
    breast = grey > grey.min()
    if not breast.any():
        return np.zeros(grey.shape, bool)
    # 6 deviations make 255 steps
    scaled = (grey + 3) / 6 * 255
    steps = np.clip(scaled, 0, 255).astype(np.uint8)
    # Of the breast alone: the dark ground would pull the threshold down. OpenCV wants two axes.
    inside = steps[breast][None, :]
    level, _ = cv2.threshold(inside, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(breast & (steps > level))
