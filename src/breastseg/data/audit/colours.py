"""The colour baseline: how well colour alone predicts the truth, by whom it is compared with."""

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
is reported as a finding."""
ANNOTATED_PX = 64
"""Least annotated pixels of a window that counts."""
_BLOCK = 256

Mask: TypeAlias = npt.NDArray[np.bool_]


def colour_baseline(
    looks: Looks, image: Ints, patient: Ints, side: npt.NDArray[np.str_] | None
) -> Colours:
    """Predict each window's main class from the five windows whose colours are most alike.

    Args:
        looks: from `look`.
        image: (N,) number of each region's image; tiles of one region have one.
        patient: (N,) number of each region's patient.
        side: (N,) train, val or test of each region, or None where there is no split.

    Returns:
        windows, and for "tile" (neighbours are all other windows), "image" (of other images),
        "patient" (of other patients) and, with a split, "split" (val and test from train):
        `balanced_accuracy` of the main class, and `overlap`, the share of the class shares
        predicted; None where nobody is left to compare with, or all are of one class. Where there
        are two patients or more, the accuracy is over the classes that two or more have as a
        window's main class: of others nobody else can tell.
    """
    is_annotated = looks.pixels.sum(axis=1) >= ANNOTATED_PX
    # (M,), (M, 512), (M, K) of M windows
    region = looks.region[is_annotated]
    colours = looks.colours[is_annotated]
    pixels = looks.pixels[is_annotated]
    shares = (pixels / pixels.sum(axis=1, keepdims=True)).astype(np.float32)  # (M, K)
    side_of = None if side is None else side[region]
    protocols = _protocols(region, image[region], patient[region], side_of)
    predicted = {name: np.full_like(shares, np.nan) for name in protocols}
    # In blocks: of 12,000 windows all pairs at once would be 576 MB.
    for start in range(0, len(region), _BLOCK):
        rows = slice(start, start + _BLOCK)
        likeness = colours[rows] @ colours.T  # (block, M), 0 to 1
        for name, may_ask in protocols.items():
            # Those that may not be asked are less alike than any other.
            allowed = np.where(may_ask(rows), likeness, -1)
            predicted[name][rows] = _mean_of_nearest(allowed, shares)
    classes = _of_several(shares.argmax(axis=1), patient[region])
    baseline: Colours = {"windows": int(is_annotated.sum())}
    for name, guess in predicted.items():
        baseline[name] = _score(shares, guess, classes)
    return baseline


def _protocols(
    region: Ints, image: Ints, patient: Ints, side: npt.NDArray[np.str_] | None
) -> dict[str, Callable[[slice], Mask]]:
    """Return, by protocol, the function that tells which windows (columns) a block of windows
    (rows) may ask."""
    groups = {"tile": np.arange(len(region)), "image": image, "patient": patient}
    protocols: dict[str, Callable[[slice], Mask]] = {}
    for name, group in groups.items():
        protocols[name] = partial(_of_others, group)
    if side is not None:
        protocols["split"] = partial(_of_train, side == "train")
    return protocols


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
    means: Floats = shares[nearest].mean(axis=1)  # (block, 5, K) -> (block, K)
    least_alike = np.take_along_axis(likeness, nearest, axis=1).min(axis=1)
    # Below 0 is a window that may not be asked: there were fewer than five others.
    means[least_alike < 0] = np.nan
    return means


def _of_several(truth: Ints, patient: Ints) -> Ints:
    """Return the classes that two patients or more have; all of them where there is one patient."""
    if len(np.unique(patient)) < 2:
        return np.array(np.unique(truth), np.intp)
    classes = []
    for label in np.unique(truth):
        if len(np.unique(patient[truth == label])) > 1:
            classes.append(label)
    return np.array(classes, np.intp)


def _score(shares: Floats, guess: Floats, classes: Ints) -> dict[str, float] | None:
    """Return how well (M, K) guesses meet the class shares; None where nothing can be said."""
    is_guessed = ~np.isnan(guess).any(axis=1)
    if not is_guessed.any():
        return None
    truth = shares[is_guessed].argmax(axis=1)
    predicted = guess[is_guessed].argmax(axis=1)
    right = []
    for label in np.intersect1d(truth, classes):
        right.append(float((predicted[truth == label] == label).mean()))
    # With one class alone everything is right.
    if len(right) < 2:
        return None
    # Both rows sum to 1: what they have in common, 1 where they are the same.
    common = np.minimum(shares[is_guessed], guess[is_guessed]).sum(axis=1)
    overlap = float(common.mean())
    accuracy = float(np.mean(right))
    return {
        "windows": int(is_guessed.sum()),
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
    by_tile = baseline["tile"]
    by_image = baseline["image"]
    by_other = baseline["patient"]
    # None where nobody is left to compare with.
    if not isinstance(by_tile, dict):
        return
    if not isinstance(by_image, dict) or not isinstance(by_other, dict):
        return
    tile = by_tile["balanced_accuracy"]
    image = by_image["balanced_accuracy"]
    patient = by_other["balanced_accuracy"]
    gap = tile - patient
    if gap < GAP:
        return
    yield Finding(
        "note" if by_patient else "warning",
        "stain",
        f"colour alone names a tile's main class right in {tile:.0%} (mean of"
        f" {by_tile['classes']} classes) from other tiles, {image:.0%} from other"
        f" images, {patient:.0%} from other patients: a score by tile would measure"
        f" {100 * gap:.0f} points of stain",
        "split by patient; a model must do better than these numbers under the same split",
        {"tile": tile, "image": image, "patient": patient},
    )
