"""How far drawn borders lie apart: surface Dice at a tolerance, and the Hausdorff distance at the
95th percentile.

A pixel is of its class's border when a pixel beside it (left, right, above, below) has another
class. Only annotated pixels are looked at, on both sides: next to what is not annotated, and at
the image's edge, the annotation ends but perhaps not the tissue, so there is no border. A
predicted 0 ("not analysed") under annotation is another class like any.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.labels import Labels
from breastseg.metrics.rates import Floats, ratio

TOLERANCE_UM = 10.0
"""About the width of one tumour cell. Borders of regions are not drawn finer than this."""
_PIXEL_UM = 1.0
_PERCENTILE = 95
# FLANN_INDEX_KDTREE_SINGLE and FLANN_CHECKS_UNLIMITED: names that OpenCV's Python lacks.
_ONE_TREE = 4
_EXACT = -1

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Surface:
    """Borders of one region.

    Attributes:
        counts: (K, 4) int64 by class: border pixels of truth, of these within the tolerance of a
            predicted border, border pixels of the prediction, of these within the tolerance of a
            true border. They add up over regions.
        hd95_um: (K,) the larger of the two 95th percentiles of distances; NaN where one side has no
            border.
    """

    counts: npt.NDArray[np.int64]
    hd95_um: Floats


def measure_surface(
    truth: Labels,
    prediction: Labels,
    classes: int,
    *,
    mpp: float,
    tolerance_um: float = TOLERANCE_UM,
) -> Surface:
    """Compare the borders of each class.

    Args:
        truth: (H, W) uint8 labels; 0 is not annotated.
        prediction: (H, W) uint8 labels.
        classes: K.
        mpp: microns per pixel of both.
        tolerance_um: distance up to which borders agree.

    Raises:
        ValueError: sizes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {prediction.shape}, wanted the same")
    annotated = truth > 0
    true_borders = _borders(truth, annotated)
    predicted_borders = _borders(prediction, annotated)
    counts = np.zeros((classes, 4), np.int64)
    hd95 = np.full(classes, np.nan)
    for k in range(classes):
        true = true_borders & (truth == k + 1)
        predicted = predicted_borders & (prediction == k + 1)
        counts[k, 0] = np.count_nonzero(true)
        counts[k, 2] = np.count_nonzero(predicted)
        if counts[k, 0] and counts[k, 2]:
            # In pixels, (N,) from truth and (M,) from the prediction.
            from_true, from_predicted = _distances(true, predicted)
            counts[k, 1] = (from_true * mpp <= tolerance_um).sum()
            counts[k, 3] = (from_predicted * mpp <= tolerance_um).sum()
            ends = [np.percentile(far, _PERCENTILE) for far in (from_true, from_predicted)]
            hd95[k] = max(ends) * mpp
    return Surface(counts, hd95)


def border_errors(truth: Labels, prediction: Labels, classes: int, *, mpp: float) -> list[Floats]:
    """Return how far the borders of a map are from those of truth.

    Args:
        truth: (H, W) uint8 labels; 0 is not annotated.
        prediction: (H, W) uint8 labels.
        classes: K.
        mpp: microns per pixel of both.

    Returns:
        by class, for each border pixel of the prediction, the distance in um to the nearest border
        pixel of the same class in truth; infinite where truth has none.
    """
    annotated = truth > 0
    true = _borders(truth, annotated)
    predicted = _borders(prediction, annotated)
    errors: list[Floats] = []
    for label in range(1, classes + 1):
        # (N, 2) and (M, 2) rows of y, x; the search takes float32 alone.
        from_places = np.argwhere(predicted & (prediction == label)).astype(np.float32)
        to_places = np.argwhere(true & (truth == label)).astype(np.float32)
        if len(from_places) and len(to_places):
            errors.append(_to_nearest(from_places, to_places) * mpp)
        else:
            errors.append(np.full(len(from_places), np.inf))
    return errors


def thinned(labels: Labels, mpp: float) -> tuple[Labels, float]:
    """Return every n-th pixel, n so that pixels are about 1 um, with their um/px: a tenth of the
    tolerance, and far less work."""
    step = max(1, round(_PIXEL_UM / mpp))
    # From the middle of a step, so that what is left is not shifted to one side.
    return labels[step // 2 :: step, step // 2 :: step], step * mpp


def surface_dice(counts: npt.NDArray[np.int64]) -> Floats:
    """Return the share of both borders that lies within the tolerance, (..., K) from (..., K, 4);
    NaN where truth has no border."""
    true, near_true, predicted, near_predicted = np.moveaxis(counts, -1, 0)  # (..., K) each
    dice = ratio(near_true + near_predicted, true + predicted)
    return np.where(true > 0, dice, np.nan)


def _borders(labels: Labels, annotated: Mask) -> Mask:
    """Return where a pixel has another class beside it, both annotated."""
    border = np.zeros(labels.shape, bool)
    # Each pixel beside the one below it, then beside the one to its right.
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differs = labels[first] != labels[second]
        differs &= annotated[first] & annotated[second]
        border[first] |= differs
        border[second] |= differs
    return border


def _distances(one: Mask, other: Mask) -> tuple[Floats, Floats]:
    """Return, in pixels, how far each pixel of one is from the nearest of the other, and each of
    the other from one."""
    first = np.argwhere(one).astype(np.float32)
    second = np.argwhere(other).astype(np.float32)
    return _to_nearest(first, second), _to_nearest(second, first)


def _to_nearest(places: npt.NDArray[np.float32], among: npt.NDArray[np.float32]) -> Floats:
    """Return how far each of (N, 2) places is from the nearest of (M, 2) others; half the work of a
    distance map, borders are thin."""
    tree = cv2.flann.Index(among, {"algorithm": _ONE_TREE})
    _, squares = tree.knnSearch(places, 1, params={"checks": _EXACT})
    return np.asarray(np.sqrt(squares[:, 0]), np.float64)
