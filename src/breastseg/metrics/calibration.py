"""What probabilities are worth: AUC and calibration, from counts that a stream of pixels is added
to."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from breastseg.labels import Labels
from breastseg.metrics.intervals import DRAWS, SEED, Interval, interval_of, weights_of_draws
from breastseg.metrics.rates import Floats, known_mean, ratio

_BINS = 1000
# As many as torchmetrics' default, so that the errors compare.
_LEVELS = 15
# Reduced precision and means over mirror images leave a rounding error above 1.
_HIGHEST = 1.01


class ProbabilityTable(TypedDict):
    """Intervals of AUC, by class and their mean, and of the expected calibration error."""

    mean_auc: Interval
    ece: Interval
    classes: dict[str, dict[str, Interval]]


class ProbabilityCounts:
    """Histograms of probabilities; their size is that of the classes (16 KB each), not of the
    pixels.

    Probabilities are counted in bins of 1/1000. Two pixels of one bin count as equal in an AUC,
    which is therefore off by at most half the share of pairs (one pixel of the class, one of
    another) that fall into one bin; this bound is given beside each AUC.
    """

    def __init__(self, classes: int) -> None:
        """Begin with nothing counted."""
        self._all = np.zeros((classes, _BINS), np.int64)
        self._own = np.zeros((classes, _BINS), np.int64)
        # rows: pixels, pixels with the right label, sum of confidence
        self._levels = np.zeros((3, _LEVELS))

    def add(self, probabilities: npt.NDArray[np.float32], labels: Labels, truth: Labels) -> None:
        """Count some pixels; those whose truth is 0 are left out.

        Args:
            probabilities: (K, H, W) float32.
            labels: (H, W) uint8, the prediction; 0 has no confidence.
            truth: (H, W) uint8.

        Raises:
            ValueError: a probability is NaN or outside 0 to 1.
        """
        annotated = truth > 0
        if not annotated.any():
            return
        # (N,) each, N annotated pixels
        true = truth[annotated]
        predicted = labels[annotated]
        confidence = np.zeros(len(true), np.float32)
        for k, plane in enumerate(probabilities):
            values = plane[annotated]
            # Written so that NaN fails both comparisons and is refused.
            if not (values.min() >= 0 and values.max() <= _HIGHEST):
                raise ValueError(
                    f"probabilities are {values.min():g} to {values.max():g}, wanted 0 to 1"
                )
            # int16 holds 1010, the highest bin before the limit, in half the memory of int32.
            bins = (values * np.float32(_BINS)).astype(np.int16)
            bins = np.minimum(bins, np.int16(_BINS - 1))
            label = k + 1
            self._all[k] += np.bincount(bins, minlength=_BINS)
            self._own[k] += np.bincount(bins[true == label], minlength=_BINS)
            np.copyto(confidence, values, where=predicted == label)
        self._count_levels(confidence, predicted == true)

    def _count_levels(
        self, confidence: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]
    ) -> None:
        """Add (N,) pixels to the levels that their confidence is in."""
        # A confidence of 1 belongs to the highest level, not to one above it.
        level = (confidence * np.float32(_LEVELS)).astype(np.intp)
        level = np.minimum(level, _LEVELS - 1)
        for sums, weights in zip(self._levels, (None, right, confidence), strict=True):
            sums += np.bincount(level, weights, minlength=_LEVELS)

    @staticmethod
    def total(counts: "Sequence[ProbabilityCounts]") -> "ProbabilityCounts":
        """Return the sum of several."""
        result = ProbabilityCounts(len(counts[0]._all))
        for part in counts:
            result._all += part._all
            result._own += part._own
            result._levels += part._levels
        return result

    @property
    def pixels(self) -> int:
        """Return how many pixels were counted."""
        return int(self._levels[0].sum())

    def auc(self) -> tuple[Floats, Floats]:
        """Return each class's area under the ROC curve against the rest, and how far it may be off
        at most.

        Returns:
            (K,) both; NaN without pixels of the class or of others.
        """
        # (K, bins): pixels of the class, and of all others
        own = self._own.astype(np.float64)
        rest = (self._all - self._own).astype(np.float64)
        pairs = own.sum(axis=1) * rest.sum(axis=1)
        # Pixels of others in lower bins are pairs in the right order, of the same bin half a pair.
        below = np.cumsum(rest, axis=1) - rest
        area = ratio((own * (below + rest / 2)).sum(axis=1), pairs)
        bound = ratio((own * rest).sum(axis=1) / 2, pairs)
        return area, bound

    def reliability(self) -> list[dict[str, float]]:
        """Return a row for each level of confidence that occurs; confidence is the probability of
        the predicted class.

        Returns:
            rows of {from, to, pixels, confidence (mean), accuracy}.
        """
        rows = []
        for k, (px, right, confidence) in enumerate(self._levels.T.tolist()):
            if px == 0:
                continue
            row = {
                "from": k / _LEVELS,
                "to": (k + 1) / _LEVELS,
                "pixels": int(px),
                "confidence": confidence / px,
                "accuracy": right / px,
            }
            rows.append(row)
        return rows

    def ece(self) -> float:
        """Return the expected calibration error: the gap between confidence and accuracy, averaged
        over pixels."""
        px, right, confidence = self._levels  # (levels,) each
        # Both are sums over pixels, so that each level weighs as many pixels as it has.
        gaps = np.abs(right - confidence)
        return float(ratio(gaps.sum(), px.sum()))

    @staticmethod
    def bootstrap(
        patients: "Sequence[ProbabilityCounts]",
        names: Sequence[str],
        *,
        draws: int = DRAWS,
        seed: int = SEED,
    ) -> ProbabilityTable:
        """Return 95 % percentile intervals of the pooled figures, from the draws of
        `metrics.bootstrap`.

        The pairs that an AUC counts lie between each two patients; they are counted once, and a
        draw weighs them.

        Args:
            patients: P counts, one a patient.
            names: of the K classes.
            draws: how many; memory grows with draws x P, and with P x P.
            seed: same seed, same intervals.

        Returns:
            {"mean_auc", "ece", "classes": {name: {"auc"}}}, each [low, high]; None for a class that
            fewer than two patients have.

        Raises:
            ValueError: fewer than two patients.
        """
        chunks = weights_of_draws(len(patients), draws, seed, values=1)
        weights = np.concatenate(list(chunks))  # (D, P)
        by_class = [_drawn_areas(patients, k, weights) for k in range(len(names))]
        areas = np.stack(by_class, axis=1)  # (D, K)
        levels = np.array([patient._levels for patient in patients])  # (P, 3, levels)
        px, right, confidence = np.moveaxis(levels, 1, 0)  # (P, levels) each
        gaps = np.abs(weights @ (right - confidence)).sum(axis=1)  # (D,)
        errors = ratio(gaps, (weights @ px).sum(axis=1))
        has_class = np.array([patient._own.any(axis=1) for patient in patients])  # (P, K)
        patients_with = has_class.sum(axis=0)  # (K,)
        classes: dict[str, dict[str, Interval]] = {}
        for k, name in enumerate(names):
            ends = None
            if patients_with[k] >= 2:
                ends = interval_of(areas[:, k])
            classes[name] = {"auc": ends}
        return {
            "mean_auc": interval_of(known_mean(areas, axis=1)),
            "ece": interval_of(errors),
            "classes": classes,
        }


def _drawn_areas(patients: Sequence[ProbabilityCounts], k: int, weights: Floats) -> Floats:
    """Return class k's AUC of each draw, (D,) of (D, P) weights."""
    # (P, bins): pixels of the class, and of all others
    own = np.array([patient._own[k] for patient in patients], np.float64)
    rest = np.array([patient._all[k] for patient in patients], np.float64) - own
    # (P, P): pairs in the right order between two patients. A draw counts them as often as it has
    # both, so ten thousand draws need no new look at the bins.
    # Of the same bin half a pair: all up to the bin, less half of it.
    below = np.cumsum(rest, axis=1) - rest / 2
    won = own @ below.T
    # (D, P) x (P, P) x (D, P) -> (D,): w @ won @ w of each draw, without a (D, D) matrix.
    won_of_draw = np.einsum("dp,dp->d", weights @ won, weights)
    pairs = (weights @ own.sum(axis=1)) * (weights @ rest.sum(axis=1))
    return ratio(won_of_draw, pairs)
