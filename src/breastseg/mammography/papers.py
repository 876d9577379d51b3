"""The preparation of four published systems, step by step, as data and as one function each.

The numbers are sections of the literature chapter that these systems are described in. Settings
that a paper does not give are ours, and marked so. None of these is recommended: they are here to
be reproduced and compared with `masks_of`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError
from breastseg.mammography.contrast import Film16, adaptive_watershed, clahe, in_16_bits, median
from breastseg.mammography.contrast import wiener as wiener_filter
from breastseg.mammography.masks import BREAST, MUSCLE, FilmMasks, masks_of
from breastseg.mammography.working import Mask, Pixels


@dataclass(frozen=True)
class Step:
    """One step of a paper.

    Attributes:
        name: what is done.
        setting: with what.
        ours: whether the setting is our choice because the paper gives none.
    """

    name: str
    setting: str
    ours: bool


@dataclass(frozen=True)
class Prepared:
    """A film as a paper prepares it.

    Attributes:
        pixels: (H, W) uint16; 0 outside what the paper keeps.
        kept: (H, W) bool: the breast, without muscle where the paper removes it.
        regions: (H, W) int32 of bright regions, where the paper segments; else None.
        masks: the masks that were used.
        steps: what was done, in order.
    """

    pixels: Film16
    kept: Mask
    regions: npt.NDArray[np.int32] | None
    masks: FilmMasks
    steps: tuple[Step, ...]


STEPS: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    {
        "3.4": (
            Step("Wiener filter", "window 5 px", True),
            Step("binary filter", "the breast's mask, muscle kept", True),
            Step("CLAHE", "clip limit 2, 8 x 8 tiles", True),
        ),
        "3.5": (
            Step("threshold", "grey 18 of 255, the same for every film", True),
            Step("opening", "disc of 5 px", True),
            Step("largest object", "8-connected", True),
            Step("orientation", "mirrored so that the chest wall is on the left", False),
            Step(
                "seeded region growing", "tolerance 20 of 255, seed at the chest-wall corner", True
            ),
            Step("median filter", "window 3 px", True),
        ),
        "3.6": (
            Step("median filter", "window 5 px", True),
            Step("artefacts", "the breast's mask", True),
            Step("muscle", "rows until their white ends, a third of the height at most", False),
        ),
        "3.8": (
            Step("adaptive threshold", "window 51 px", True),
            Step("watershed", "cores 3 px inside", True),
            Step("CLAHE", "clip limit 2, 8 x 8 tiles", True),
        ),
    }
)
"""The steps of each paper, in order."""


def as_paper_34(pixels: Pixels, mm_per_px: float | None) -> Prepared:
    """Prepare a film as the AlexNet transfer paper does: Wiener, binary filter, CLAHE.

    Doubtful: the paper does not say what its binary filter is; taken here as the mask of the
    breast. It has no muscle step, so the muscle stays. No window or clip limit is given.
    """
    masks = masks_of(pixels, mm_per_px, muscle="none")
    kept = masks.labels == BREAST  # (H, W)
    filtered = np.where(kept, wiener_filter(pixels), 0).astype(np.uint16)
    # Again after CLAHE, which lifts the ground near the breast.
    equalised = np.where(kept, clahe(filtered), 0).astype(np.uint16)
    return Prepared(equalised, kept, None, masks, STEPS["3.4"])


def as_paper_35(pixels: Pixels, mm_per_px: float | None) -> Prepared:
    """Prepare a film as the mini-MIAS network does.

    Threshold, opening, largest object, orientation, muscle, noise.

    The result is mirrored where the chest wall is on the right: pixels, kept and the masks' labels
    then face the other way than the film.

    Doubtful: one threshold, set by hand, for every film (18 of 255 here). The text names the same
    corner for the seed in left and in right breasts; the corner at the chest wall is taken.
    """
    masks = masks_of(pixels, mm_per_px, muscle="srg")
    labels = masks.labels
    film = in_16_bits(pixels)
    if masks.chest_wall == "right":
        labels = labels[:, ::-1]
        film = film[:, ::-1]
    bright = (film > 18 * 257).astype(np.uint8)  # 257: from 8 bits to 16
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))  # 5 px to each side
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, disc)
    count, objects, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    kept = np.zeros(film.shape, bool)
    if count > 1:
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())  # object 0 is what is outside
        kept = np.asarray(objects == largest)
    kept &= labels != MUSCLE
    smooth = median(np.ascontiguousarray(film), window_px=3)
    film = np.where(kept, smooth, 0).astype(np.uint16)
    side: Literal["left"] = "left"
    turned = replace(masks, labels=np.ascontiguousarray(labels), chest_wall=side)
    return Prepared(film, kept, None, turned, STEPS["3.5"])


def as_paper_36(pixels: Pixels, mm_per_px: float | None) -> Prepared:
    """Prepare a film as the detection paper of the image practices does: noise, artefacts, muscle.

    Doubtful: its rule for the muscle is a rule of thumb, which stops at a third of the height
    whatever the film shows. What is white is not said; Otsu's threshold of the breast is taken.
    """
    masks = masks_of(pixels, mm_per_px, muscle="rows")
    kept = masks.labels == BREAST
    film = np.where(kept, median(pixels, window_px=5), 0).astype(np.uint16)
    return Prepared(film, kept, None, masks, STEPS["3.6"])


def as_paper_38(pixels: Pixels, mm_per_px: float | None) -> Prepared:
    """Prepare a film as DTL-BCDC does: AWS, which segments and enhances.

    Doubtful: what AWS stands for could not be found; the paper calls it segmentation and contrast.
    Built here as an adaptive threshold and a watershed, with CLAHE for the contrast.
    """
    masks = masks_of(pixels, mm_per_px, muscle="none")
    kept = masks.labels == BREAST
    regions = adaptive_watershed(pixels, kept)
    film = np.where(kept, clahe(pixels), 0).astype(np.uint16)
    return Prepared(film, kept, regions, masks, STEPS["3.8"])


_PAPERS: Mapping[str, Callable[[Pixels, float | None], Prepared]] = MappingProxyType(
    {"3.4": as_paper_34, "3.5": as_paper_35, "3.6": as_paper_36, "3.8": as_paper_38}
)


def as_paper(section: str, pixels: Pixels, mm_per_px: float | None) -> Prepared:
    """Prepare a film as a paper does.

    Args:
        section: "3.4", "3.5", "3.6" or "3.8".
        pixels: (H, W) uint8 or uint16, bright is dense.
        mm_per_px: size of a pixel, or None.

    Raises:
        InputError: no such section.
        ImageError: the array is no film.
    """
    if section not in _PAPERS:
        raise InputError(f"paper '{section}', wanted one of {', '.join(_PAPERS)}")
    return _PAPERS[section](pixels, mm_per_px)
