"""Where the breast is on a film, and on which side its chest wall lies.

Steps: dark level (mode of the histogram) and its foot; stripes at the top and bottom edges; tape
and wedges at the sides; opening; the largest object; holes filled. Nothing is learned.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError
from breastseg.mammography.working import Floats, Mask, Working

_DARK_RANGE = 90
"""The film's ground is looked for below this grey value (of 255)."""
_EVEN_MM = 2.0
_BRIGHT = 200.0
_LEAST_DARKER = 8.0
"""Even places of a film are dark, or darker than its uneven places by 8 grey values."""
_TAPE_BRIGHT, _TAPE_DARK = 200.0, 30.0
_TAPE_SHARE, _TAPE_WIDTH = 0.9, 0.12
"""Tape is a strip at a side, 12 % of the film wide at most, of which 90 % is bright (or dark)."""
_HALF_WIDTH = 1.18
"""Half the width at half the height of a normal distribution, in standard deviations."""
_DEVIATIONS = 4.0
_LEAST_STEP = 4.0
"""Breast is brighter than the ground by 4 of its standard deviations, and by 4 grey values."""
_MOST_LIGHT = 10.0
_EDGE_SHARE = 0.13
"""Stripes are looked for in this share of the film at its top and its bottom."""
_STRIPE_STEP = 10.0
_STRIPE_COLUMNS = 0.55
"""A stripe is a grey step of 10 that goes through 55 % of the columns at one row."""
_SURE_RATIO = 1.25
"""The chest wall is sure where its half has this many times the breast pixels of the other half."""


@dataclass(frozen=True)
class Breast:
    """The breast on a working film.

    Attributes:
        mask: (h, w) bool, with the muscle.
        artefacts: (h, w) bool: stripes, tape, wedges, labels.
        chest_wall: "left" or "right".
        sure: whether the two sides differ enough to know the chest wall.
        dark: grey value of the film's ground.
        notes: what a person should know.
    """

    mask: Mask
    artefacts: Mask
    chest_wall: str
    sure: bool
    dark: float
    notes: tuple[str, ...]


def find_breast(working: Working) -> Breast:
    """Find the breast.

    Args:
        working: the film made small.

    Raises:
        ImageError: the film is inverted, or no object is large enough to be a breast.
    """
    grey = working.grey
    refuse_inverted(working)
    notes = []
    soft = cv2.GaussianBlur(grey, (0, 0), 0.8 / working.mm_per_px)
    dark, foot = dark_level(soft)
    # Leaked light first: with it, the mask would run along the edge of the film.
    soft -= row_light(soft, dark)
    bright = soft > foot  # (h, w), as all masks here
    bright_share = float(bright.mean())
    if bright_share > 0.97:
        notes.append("no dark film around the breast: the breast fills the film")
    stripes = edge_stripes(working)
    sides = side_tape(bright & ~stripes, working)
    labels = _nearer_to_labels(soft, foot, working)
    allowed = bright & ~stripes & ~sides & ~labels
    mask = _largest_smooth(allowed, working)
    if mask.mean() < 0.02:
        raise ImageError(
            f"the largest object covers {100 * float(mask.mean()):.1f} % of the film, wanted "
            "2 % at least; the film shows no breast, or it is too dark"
        )
    artefacts = _artefacts(bright, mask, working)
    artefacts |= (stripes | sides | labels) & bright
    chest_wall, sure = chest_wall_of(mask)
    if not sure:
        notes.append("the side of the chest wall is not sure")
    return Breast(mask, artefacts & ~mask, chest_wall, sure, dark, tuple(notes))


def refuse_inverted(working: Working) -> None:
    """Refuse a film whose ground is bright and whose breast is dark.

    Film without a breast on it is the evenest part of a mammogram, and it is dark. On mini-MIAS the
    evenest tenth is darker than 16 of 255 (one film that the breast fills: 181, and its tissue is
    brighter); inverted, it is brighter than 243. Tape at a side is even too, and is left out.

    Raises:
        ImageError: the evenest places are bright, and no darker than the uneven ones.
    """
    grey = without_side_strips(working.grey)
    side = working.px(_EVEN_MM)
    rows = grey.shape[0] // side  # of whole blocks
    columns = grey.shape[1] // side
    whole_blocks = grey[: rows * side, : columns * side]
    blocks = whole_blocks.reshape(rows, side, columns, side)
    means = blocks.mean(axis=(1, 3)).ravel()  # (blocks,)
    deviations = blocks.std(axis=(1, 3)).ravel()
    order = np.argsort(deviations, kind="stable")  # the evenest first
    evenest = order[: max(1, len(order) // 10)]
    unevener_half = order[len(order) // 2 :]
    even = float(np.median(means[evenest]))
    uneven = float(np.median(means[unevener_half]))
    if even > _BRIGHT and even > uneven - _LEAST_DARKER:
        raise ImageError(
            f"its evenest places have {100 * even / 255:.0f} % of the brightest grey value, its "
            f"uneven ones {100 * uneven / 255:.0f} %: wanted a bright breast on dark, even film; "
            "invert it (MONOCHROME1), or give the whole film where it is a crop"
        )


def without_side_strips(grey: Floats) -> Floats:
    """Return a film without strips at its sides that are all bright or all dark: tape.

    A strip that is wider than 12 % of the film is more than tape and stays.

    Args:
        grey: (h, w) float32, 0 to 255.
    """
    width = grey.shape[1]
    cut = [0, 0]  # columns at the left and at the right
    for place, turned in enumerate((grey, grey[:, ::-1])):
        for is_tape in (turned > _TAPE_BRIGHT, turned < _TAPE_DARK):
            shares = is_tape.mean(axis=0)  # (w,)
            strip = int((shares > _TAPE_SHARE).argmin())  # the first column that is none
            if strip <= round(_TAPE_WIDTH * width):
                cut[place] = max(cut[place], strip)
    left, right = cut
    return np.ascontiguousarray(grey[:, left : width - right])


def dark_level(grey: Floats) -> tuple[float, float]:
    """Return the grey value of the film's ground and the value at which the ground ends.

    The first is the mode of the histogram below 90. The second is 4 standard deviations
    of the ground higher, or the first valley of the histogram, whichever comes first.

    Args:
        grey: (h, w) float32, 0 to 255.
    """
    steps = grey.astype(np.uint8).ravel()
    counts = np.bincount(steps, minlength=256).astype(np.float32)  # (256,)
    # Smoothed: films of 8 bits that were stretched have empty steps between full ones.
    smooth = cv2.GaussianBlur(counts[None], (0, 0), 0.7, borderType=cv2.BORDER_REFLECT)[0]
    mode = int(smooth[:_DARK_RANGE].argmax())
    if mode == _DARK_RANGE - 1:  # still rising: there is no dark ground
        return 0.0, 0.0
    half = mode + 1
    while smooth[half] > 0.5 * smooth[mode]:
        half += 1
    # By the width at half the height: the tails of the histogram are breast.
    deviation = (half - mode) / _HALF_WIDTH
    foot = mode + max(_LEAST_STEP, _DEVIATIONS * deviation)
    valley = mode + 1
    while valley < foot:
        ahead = smooth[valley : valley + 8]
        if ahead.min() >= smooth[valley]:  # nothing lower follows
            break
        valley += 1
    end = max(mode + _LEAST_STEP, min(foot, valley))
    return float(mode), float(end)


def row_light(soft: Floats, dark: float) -> Floats:
    """Return how much brighter than the film's ground the ground of each row is: (h, 1).

    Light that leaked in at the top or bottom of a film makes whole rows brighter. A row's ground is
    its fifth percentile; 10 grey values at most are taken for leaked light, since the breast may
    fill the row.

    Args:
        soft: (h, w) float32, smoothed grey values.
        dark: grey value of the film's ground.
    """
    ground = np.percentile(soft, 5, axis=1, keepdims=True)
    return np.asarray(np.clip(ground - dark, 0, _MOST_LIGHT), np.float32)


def edge_stripes(working: Working) -> Mask:
    """Return the stripes at the top and bottom edge, where another film or tape lies on a film.

    A stripe ends at the last row, seen from the edge, at which most columns have a grey step.
    """
    grey = working.grey
    height = len(grey)
    stripes = np.zeros(grey.shape, bool)
    # one row of `step` lies between two rows of `grey`, two apart, so that a blurred step counts
    step = np.abs(grey[2:] - grey[:-2])  # (h - 2, w)
    share = (step > _STRIPE_STEP).mean(axis=1)
    reach = round(_EDGE_SHARE * height)
    top = np.flatnonzero(share[:reach] > _STRIPE_COLUMNS)
    bottom = np.flatnonzero(share[::-1][:reach] > _STRIPE_COLUMNS)
    margin = 2 + working.px(0.4)  # the two rows that a step lies between, and its blur
    if len(top):
        stripes[: top[-1] + margin] = True
    if len(bottom):
        stripes[height - (bottom[-1] + margin) :] = True
    return stripes


def side_tape(bright: Mask, working: Working) -> Mask:
    """Return bright columns at a side of the film that dark film parts from everything else.

    A bright chest wall looks like tape, but no dark film follows it: it stays.
    """
    share = bright.mean(axis=0)  # (w,)
    tape = np.zeros(bright.shape, bool)
    reach = round(0.3 * bright.shape[1])
    for side in (slice(None), slice(None, None, -1)):  # from the left, from the right
        columns = share[side][:reach]
        is_gap = columns < 0.08
        if columns[0] > 0.5 and is_gap.any():
            first_gap = int(is_gap.argmax())
            tape[:, side][:, :first_gap] = True
    return tape


def _largest_smooth(allowed: Mask, working: Working) -> Mask:
    """Return the largest object after an opening, with its holes filled.

    What hangs on the breast by less than 12 mm (a label in its glow, a wedge along the chest wall)
    is cut off by a wide opening; what lies within 6 mm of the rest (the nipple) comes back.
    """
    fine_disc = _disc(working.px(2.0))
    fine = cv2.morphologyEx(allowed.astype(np.uint8), cv2.MORPH_OPEN, fine_disc)
    # dark film above and below, so that a strip of light along the top edge is cut off too
    radius = working.px(6.0)
    wide_disc = _disc(radius)
    framed = np.pad(fine, ((radius, radius), (0, 0)))
    wide = cv2.morphologyEx(framed, cv2.MORPH_OPEN, wide_disc)[radius:-radius]
    core = _largest(wide)
    near = cv2.dilate(core.astype(np.uint8), wide_disc)
    last_disc = _disc(working.px(3.2))
    whole = cv2.morphologyEx(fine & near, cv2.MORPH_OPEN, last_disc)
    return _without_holes(_largest(whole | core))


def _nearer_to_labels(soft: Floats, foot: float, working: Working) -> Mask:
    """Return what lies nearer to a bright label than to the bright part of the breast.

    The glow of a label joins it with the breast at the foot of the ground; higher up they are
    apart.
    """
    labels = np.zeros(soft.shape, bool)
    film = soft[soft > foot]
    if film.size == 0:
        return labels
    middle = foot + 0.3 * (float(np.median(film)) - foot)
    parts = (soft > middle).astype(np.uint8)
    count, objects, stats, _ = cv2.connectedComponentsWithStats(parts)
    if count < 3:  # object 0 is the ground: one part alone is the breast
        return labels
    areas_px = stats[:, cv2.CC_STAT_AREA]  # (count,)
    core = 1 + int(areas_px[1:].argmax())
    core_grey = float(np.median(soft[objects == core]))
    for index in range(1, count):
        area_mm2 = int(areas_px[index]) * working.mm_per_px**2
        if index == core or area_mm2 <= 20:
            continue
        inside = objects == index
        # Labels are as bright as the breast; what is darker is a part of it that stands alone.
        if np.percentile(soft[inside], 75) > 0.9 * core_grey:
            labels |= inside
    if not labels.any():
        return labels
    outside_labels = (~labels).astype(np.uint8)
    outside_core = (objects != core).astype(np.uint8)
    to_label = cv2.distanceTransform(outside_labels, cv2.DIST_L2, 5)
    to_core = cv2.distanceTransform(outside_core, cv2.DIST_L2, 5)
    return np.asarray(to_label < to_core)


def _disc(radius_px: int) -> npt.NDArray[np.uint8]:
    """Return a disc that is the same after a mirror and a quarter turn; OpenCV's ellipse is not."""
    steps = np.arange(-radius_px, radius_px + 1)
    squares = steps[:, None] ** 2 + steps[None] ** 2  # (2 * radius + 1, 2 * radius + 1)
    # 0.3 px more: a disc of 2 px has no tips of a single pixel then
    inside = squares <= (radius_px + 0.3) ** 2
    return inside.astype(np.uint8)


def _largest(mask: npt.NDArray[np.uint8]) -> Mask:
    """Return the largest object of a mask, nothing where there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, bool)
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())  # object 0 is what is outside
    return np.asarray(labels == best)


def _without_holes(mask: Mask) -> Mask:
    """Fill what is not connected with the edge of the film."""
    padded = np.pad(mask, 1).astype(np.uint8)  # so that the ground hangs together round the mask
    cv2.floodFill(padded, None, (0, 0), 2)
    return np.asarray(padded[1:-1, 1:-1] != 2)


def _artefacts(bright: Mask, breast: Mask, working: Working) -> Mask:
    """Return bright objects beside the breast: labels, markers, tape, wedges."""
    disc = _disc(working.px(0.8))
    # Not the rim of the breast itself, which the opening took off.
    near = cv2.dilate(breast.astype(np.uint8), disc) > 0
    outside = (bright & ~near).astype(np.uint8)
    opened = cv2.morphologyEx(outside, cv2.MORPH_OPEN, disc)
    return np.asarray(opened > 0)


def chest_wall_of(breast: Mask) -> tuple[str, bool]:
    """Return the side of the chest wall, and whether it is sure.

    The chest wall is on the side of the half with more breast pixels.

    Args:
        breast: (h, w) bool.
    """
    width = breast.shape[1]
    half = width // 2  # an odd width leaves the middle column out, for the mirror's sake
    left = int(breast[:, :half].sum())
    right = int(breast[:, width - half :].sum())
    fewer = min(left, right)
    sure = max(left, right) >= _SURE_RATIO * max(1, fewer)
    return ("left" if left >= right else "right"), sure
