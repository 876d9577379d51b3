"""The colour baseline: how much of the truth can be told from colour alone, by whom it is compared
with."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.data.audit.findings import Colours, Finding
from breastseg.data.audit.look import Floats, Ints, Looks

NEIGHBOURS = 5
GAP = 0.1
"""Loss of balanced accuracy, from neighbours among all tiles to neighbours of other patients, that
is told as a finding."""
ANNOTATED_PX = 64
"""Least annotated pixels of a window that counts."""
_BLOCK = 256

Mask: TypeAlias = npt.NDArray[np.bool_]


def colour_baseline(
    looks: Looks, image: Ints, patient: Ints, side: npt.NDArray[np.str_] | None
) -> Colours:
    """Name each window's main class from the five windows whose colours are most alike.

    Args:
        looks: from `look`.
        image: (N,) number of each region's picture; tiles of one region have one.
        patient: (N,) number of each region's patient.
        side: (N,) train, val or test of each region, or None where there is no split.

    Returns:
        windows, and for "tile" (neighbours are all other windows), "image" (of other pictures),
        "patient" (of other patients) and, with a split, "split" (val and test from train):
        `balanced_accuracy` of the main class, and `overlap`, the share of the class shares
        foretold; None where nobody is left to compare with, or all are of one class. Where there
        are two patients or more, the accuracy is over the classes that two or more have as a
        window's main class: of others nobody else can tell.
    """
    known = looks.pixels.sum(axis=1) >= ANNOTATED_PX
    region, colours = looks.region[known], looks.colours[known]
    shares = (looks.pixels[known] / looks.pixels[known].sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    asked = _asked(region, image[region], patient[region], None if side is None else side[region])
    foretold = {name: np.full_like(shares, np.nan) for name in asked}
    for start in range(0, len(region), _BLOCK):
        rows = slice(start, start + _BLOCK)
        likeness = colours[rows] @ colours.T
        for name, may_ask in asked.items():
            foretold[name][rows] = _mean_of_nearest(np.where(may_ask(rows), likeness, -1), shares)
    classes = _of_several(shares.argmax(axis=1), patient[region])
    return {
        "windows": int(known.sum()),
        **{name: _score(shares, guess, classes) for name, guess in foretold.items()},
    }


def _asked(
    region: Ints, image: Ints, patient: Ints, side: npt.NDArray[np.str_] | None
) -> dict[str, Callable[[slice], Mask]]:
    """Return, by protocol, the function that tells which windows (columns) a block of windows
    (rows) may ask."""
    groups = {"tile": np.arange(len(region)), "image": image, "patient": patient}
    asked: dict[str, Callable[[slice], Mask]] = {
        name: partial(_of_others, group) for name, group in groups.items()
    }
    if side is not None:
        asked["split"] = partial(_of_train, side == "train")
    return asked


def _of_others(group: Ints, rows: slice) -> Mask:
    return np.asarray(group[rows, None] != group[None, :])


def _of_train(learns: Mask, rows: slice) -> Mask:
    return np.asarray(~learns[rows, None] & learns[None, :])


def _mean_of_nearest(likeness: Floats, shares: Floats) -> Floats:
    """Return the mean class shares of each row's nearest; NaN where fewer than `NEIGHBOURS` may be
    asked."""
    if likeness.shape[1] < NEIGHBOURS:
        return np.full((len(likeness), shares.shape[1]), np.nan, np.float32)
    nearest = np.argpartition(-likeness, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    means: Floats = shares[nearest].mean(axis=1)
    means[np.take_along_axis(likeness, nearest, axis=1).min(axis=1) < 0] = np.nan
    return means


def _of_several(truth: Ints, patient: Ints) -> Ints:
    """Return the classes that two patients or more have; all of them where there is one patient."""
    having = [label for label in np.unique(truth) if len(np.unique(patient[truth == label])) > 1]
    return np.array(having if len(np.unique(patient)) > 1 else np.unique(truth), np.intp)


def _score(shares: Floats, guess: Floats, classes: Ints) -> dict[str, float] | None:
    told = ~np.isnan(guess).any(axis=1)
    if not told.any():
        return None
    truth, named = shares[told].argmax(axis=1), guess[told].argmax(axis=1)
    right = [
        float((named[truth == label] == label).mean()) for label in np.intersect1d(truth, classes)
    ]
    if len(right) < 2:
        return None
    overlap = float(np.minimum(shares[told], guess[told]).sum(axis=1).mean())
    accuracy = float(np.mean(right))
    return {
        "windows": int(told.sum()),
        "classes": len(right),
        "balanced_accuracy": round(accuracy, 4),
        "overlap": round(overlap, 4),
    }


def stain_gap(baseline: Colours, by_patient: bool) -> Iterator[Finding]:
    """Yield a finding when colour tells much less of other patients than of other tiles.

    Args:
        baseline: from `colour_baseline`.
        by_patient: whether the split in use, if there is one, keeps patients apart.
    """
    told = [baseline[name] for name in ("tile", "image", "patient")]
    scores = [score for score in told if isinstance(score, dict)]
    if len(scores) < 3:
        return
    tile, image, patient = (score["balanced_accuracy"] for score in scores)
    if tile - patient < GAP:
        return
    yield Finding(
        "note" if by_patient else "warning",
        "stain",
        f"colour alone names a tile's main class right in {tile:.0%} (mean of"
        f" {scores[0]['classes']} classes) from other tiles, {image:.0%} from other"
        f" pictures, {patient:.0%} from other patients: a score by tile would measure"
        f" {100 * (tile - patient):.0f} points of stain",
        "split by patient; a model must do better than these numbers under the same split",
        {"tile": tile, "image": image, "patient": patient},
    )
