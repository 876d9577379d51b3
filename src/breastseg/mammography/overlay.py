"""A film with the outlines of its masks: an image to look at."""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.mammography.masks import ARTEFACT, BREAST, MUSCLE, FilmMasks
from breastseg.mammography.working import Pixels, check_pixels

COLOURS = {"breast": (60, 220, 60), "muscle": (255, 200, 0), "artefacts": (255, 60, 60)}
"""RGB."""


def overlay(pixels: Pixels, masks: FilmMasks, *, longest_px: int = 1024) -> npt.NDArray[np.uint8]:
    """Return a film in 8 bits with the outlines of breast, muscle and artefacts.

    Where the chest wall is not sure, a dashed line stands on the side that was taken.

    Args:
        pixels: (H, W).
        masks: the masks of these pixels.
        longest_px: the longer side of the result; a smaller film is not enlarged.

    Returns:
        (h, w, 3) uint8, RGB.
    """
    check_pixels(pixels)
    height, width = pixels.shape
    scale = min(1.0, longest_px / max(height, width))
    small_width = max(1, round(width * scale))
    small_height = max(1, round(height * scale))
    size = (small_width, small_height)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # Not the brightest pixel: letters on a film are much brighter than the breast.
    white = max(1.0, float(np.percentile(small, 99.9)))
    grey = small * (255 / white)
    shown = np.clip(grey, 0, 255).astype(np.uint8)
    picture = np.repeat(shown[:, :, None], 3, axis=2)  # (h, w, 3)
    labels = cv2.resize(masks.labels, size, interpolation=cv2.INTER_NEAREST)
    outlines = {
        "artefacts": labels == ARTEFACT,
        "breast": (labels == BREAST) | (labels == MUSCLE),
        "muscle": labels == MUSCLE,
    }
    thickness = max(1, round(max(size) / 400))
    for name, mask in outlines.items():
        area = mask.astype(np.uint8)
        contours, _ = cv2.findContours(area, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, COLOURS[name], thickness)
    if not masks.chest_wall_sure:
        column = 2 if masks.chest_wall == "left" else size[0] - 3
        picture[::8, column - 1 : column + 2] = COLOURS["breast"]
    return picture
