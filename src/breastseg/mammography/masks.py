"""A film's masks: breast, muscle, artefacts and ground, as one label image."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from breastseg.mammography.breast import Breast, find_breast
from breastseg.mammography.pectoral import Muscle, find_muscle
from breastseg.mammography.working import Pixels, Working, enlarged, working_of

OUTSIDE = 0
"""Not film, or not looked at."""
BACKGROUND, BREAST, MUSCLE, ARTEFACT = 1, 2, 3, 4
"""Values of the label image; artefacts are labels, tape, stripes and wedges."""

VIEWS_WITHOUT_MUSCLE = frozenset(("CC", "XCC", "XCCL", "XCCM", "RL", "LL", "FB", "RCC", "LCC"))
"""Views from above or below: the muscle is not on them, or only a little of it."""


@dataclass(frozen=True)
class FilmMasks:
    """The masks of a film.

    Attributes:
        labels: (H, W) uint8 of OUTSIDE, BACKGROUND, BREAST, MUSCLE and ARTEFACT.
        chest_wall: side of the image at which the chest wall lies.
        chest_wall_sure: False where both sides look alike.
        muscle_score: 0 to 1, how clear the border of the muscle is; NaN where none was computed.
        notes: what a person should know, a sentence each.
    """

    labels: npt.NDArray[np.uint8]
    chest_wall: Literal["left", "right"]
    chest_wall_sure: bool
    muscle_score: float
    notes: tuple[str, ...]


def masks_of(
    pixels: Pixels,
    mm_per_px: float | None,
    *,
    view: str = "MLO",
    muscle: str = "path",
    muscle_in_cc: bool = False,
) -> FilmMasks:
    """Return the masks of a film.

    The same film in 8 and in 16 bits has the same masks; mirror the film, and the masks mirror.

    Args:
        pixels: (H, W) uint8 or uint16, bright is dense.
        mm_per_px: size of a pixel; None where it is not known, then the long side is taken as 205
            mm and a note says so.
        view: as in ViewPosition; "" where it is not known.
        muscle: `path`, `srg`, `rows` or `none`; see `pectoral`.
        muscle_in_cc: look for muscle on a CC view too, where as a rule there is none.

    Raises:
        ImageError: the array is no film: empty, too small, inverted, or without a breast.
        InputError: there is no such method, or the pixel size cannot be.
    """
    working = working_of(pixels, mm_per_px)
    breast = find_breast(working)
    notes = list(breast.notes)
    if mm_per_px is None:
        notes.insert(0, "pixel size not known: the long side was taken as 205 mm")
    method = muscle
    view = view.strip().upper()
    if view in VIEWS_WITHOUT_MUSCLE and not muscle_in_cc and muscle != "none":
        method = "none"
        notes.append(f"no muscle was looked for: the view is {view}")
    breast, found_muscle = _muscle_of(working, breast, method)
    notes += found_muscle.notes
    labels = _labelled(working, breast, found_muscle)
    side: Literal["left", "right"] = "left" if breast.chest_wall == "left" else "right"
    return FilmMasks(labels, side, breast.sure, found_muscle.score, tuple(notes))


def _muscle_of(working: Working, breast: Breast, method: str) -> tuple[Breast, Muscle]:
    """Return the muscle; a chest wall that is not sure is where the muscle is clearer."""
    muscle = _on_side(working, breast, method, breast.chest_wall)
    # The other methods have no score by which two sides could be compared.
    if breast.sure or method != "path":
        return breast, muscle
    other_side = "right" if breast.chest_wall == "left" else "left"
    other_muscle = _on_side(working, breast, method, other_side)
    if other_muscle.score > muscle.score:
        return replace(breast, chest_wall=other_side), other_muscle
    return breast, muscle


def _on_side(working: Working, breast: Breast, method: str, chest_wall: str) -> Muscle:
    """Return the muscle, for a chest wall on one side."""
    if chest_wall == "left":
        return find_muscle(working.grey, breast.mask, working.mm_per_px, method)
    # Every method works on a film whose chest wall is on the left.
    grey = working.grey[:, ::-1]
    mask = breast.mask[:, ::-1]
    mirrored = find_muscle(grey, mask, working.mm_per_px, method)
    return replace(mirrored, mask=mirrored.mask[:, ::-1])


def _labelled(working: Working, breast: Breast, muscle: Muscle) -> npt.NDArray[np.uint8]:
    """Return the label image of the full film, (H, W)."""
    top, bottom, left, right = working.box
    labels = np.full(working.shape_px, OUTSIDE, np.uint8)
    labels[top:bottom, left:right] = BACKGROUND
    # In this order: where enlarged masks overlap at their edges, the breast goes before.
    labels[enlarged(breast.artefacts, working)] = ARTEFACT
    whole = enlarged(breast.mask, working)
    labels[whole] = BREAST
    labels[whole & enlarged(muscle.mask, working)] = MUSCLE
    return labels
