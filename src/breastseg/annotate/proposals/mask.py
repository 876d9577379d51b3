"""propose_mask(): an image -> tumour and not tumour by its dominant colours, cleaned."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.annotate.proposals.colours import (
    SPACES,
    Colours,
    colour_spread,
    count_colours,
    dominant_colours,
)
from breastseg.errors import ImageError, InputError
from breastseg.histology.planes import disc, square
from breastseg.images import Pixels
from breastseg.labels import BUILT_IN, Labels

Mask: TypeAlias = npt.NDArray[np.bool_]

LABEL_MAP = BUILT_IN["tumor"]
TUMOR, NOT_TUMOR = 1, 2

MPP = 2.0
"""Microns per pixel that are looked at."""
BLUR_UM = 10.0
"""Side of the square over which colours are averaged first, a cell's size: tissue is told apart,
not nuclei from what is between them."""
SMOOTH_UM = 30.0
"""Diameter of the disc that closes and opens the tumour."""
MIN_AREA_UM2 = 2_000.0
"""Pieces and holes of tissue and of tumour that are smaller go: some ten cells."""
LEAST_SPREAD = 2.5
"""Least standard deviation of the colours of tissue in CIELAB: below it there is one colour. 90
real fields have 3.5 and more, a painted colour with the noise of a scan up to 2.2."""
MAX_COLOURS = 8

_GLASS = 255 * float(np.exp(-0.07))
"""Brightness of glass: an optical density of 0.07. Scans have it at 0.06 and less; the palest of 93
real fields has 28 % below it."""


@dataclass(frozen=True)
class ColourConfig:
    """How tissue is told apart.

    Attributes:
        colours: how many dominant colours it has, 2 to 8.
        space: where they are compared, "lab" (CIELAB) or "hed" (optical density of stains).
    """

    colours: int = 3
    space: str = "lab"

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if not 2 <= self.colours <= MAX_COLOURS:
            raise InputError(
                f"colours {self.colours}: wanted 2 to {MAX_COLOURS}, as in --colours 3"
            )
        if self.space not in SPACES:
            raise InputError(f"space '{self.space}': wanted {' or '.join(SPACES)}")


@dataclass(frozen=True)
class Proposal:
    """What is proposed for an image.

    Attributes:
        labels: (H, W) labels of `LABEL_MAP`; 0 on glass.
        colours: the dominant colours, that of the tumour first.
    """

    labels: Labels
    colours: Colours


def propose_mask(
    pixels: Pixels,
    config: ColourConfig = ColourConfig(),
    *,
    mpp: float,
    where: str,
    tissue: Mask | None = None,
) -> Proposal:
    """Propose where tumour is: where the dominant colour with the most haematoxylin is, because
    tumour is dense with nuclei.

    So are lymphocytes, normal ducts and some necrosis: the proposal is for a person to correct.

    Args:
        pixels: (H, W, 3) uint8.
        config: how many colours, compared where.
        mpp: microns per pixel of the image, best `MPP`.
        where: the image, for errors.
        tissue: (H, W) where to look at all; None is everywhere but on what is as bright as glass.

    Raises:
        ImageError: no tissue, tissue of one colour, or of fewer colours than asked for.
    """
    soft = cv2.blur(pixels, square(BLUR_UM, mpp))
    brightness = cv2.transform(soft, np.full((1, 3), 1 / 3, np.float32))  # (H, W) mean of channels
    solid = brightness < _GLASS
    if tissue is not None:
        solid &= tissue
    solid = _without_specks(solid, mpp)
    if not solid.any():
        raise ImageError(
            f"{where}: no tissue, nothing of {MIN_AREA_UM2:g} um2 is darker than glass; choose a"
            " field with tissue"
        )
    colours = _colours_of(count_colours(soft, solid), config, where)
    # Colour 0 has the most haematoxylin.
    dense = ((colours.nearest(soft) == 0) & solid).view(np.uint8)
    kernel = disc(SMOOTH_UM, mpp)
    # Closed first: opening alone would take apart a nest that gaps cross.
    closed = cv2.morphologyEx(dense, cv2.MORPH_CLOSE, kernel)
    smooth = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel) > 0
    # Filling its holes may reach onto glass, which is neither.
    tumor = _without_specks(smooth & solid, mpp) & solid
    labels = np.where(tumor, np.uint8(TUMOR), np.uint8(NOT_TUMOR))
    return Proposal(np.where(solid, labels, np.uint8(0)), colours)


def _colours_of(counts: npt.NDArray[np.int64], config: ColourConfig, where: str) -> Colours:
    """Return the dominant colours of a histogram; ImageError where there are not so many."""
    spread, different = colour_spread(counts), int(np.count_nonzero(counts))
    if spread < LEAST_SPREAD:
        raise ImageError(
            f"{where}: its tissue has one colour (standard deviation {spread:.1f} in CIELAB, wanted"
            f" {LEAST_SPREAD:g}); draw it by hand"
        )
    if different < config.colours:
        raise ImageError(
            f"{where}: its tissue has {different} different colours, wanted {config.colours}; ask"
            " for fewer with --colours"
        )
    return dominant_colours(counts, config.colours, config.space)


def _without_specks(mask: Mask, mpp: float) -> Mask:
    """Return a mask without pieces, then without holes, that are smaller than `MIN_AREA_UM2`."""
    least_px = MIN_AREA_UM2 / mpp**2
    # Pieces hang together at corners (8), so holes must not (4): else one would cross the other.
    solid = _large(mask, least_px, 8)
    return ~_large(~solid, least_px, 4) if solid.any() else solid


def _large(mask: Mask, least_px: float, connectivity: int) -> Mask:
    """Return the pieces of a mask that have so many pixels."""
    _, pieces, table, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=connectivity
    )
    is_large = table[:, cv2.CC_STAT_AREA] >= least_px  # (pieces,)
    is_large[0] = False  # what is not in the mask
    return np.asarray(is_large[pieces])
