"""What the bias of a card changed: the same maps without it, counted beside them."""

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bias import Vector, without_bias
from breastseg.evaluation.figures import WithoutBias
from breastseg.evaluation.regroup import GroupedModel, grouped
from breastseg.evaluation.summary import classes_of, dots_of, overall_of
from breastseg.inference.model import Model
from breastseg.labels import Labels
from breastseg.metrics import confusion_counts, place_counts
from breastseg.runners.runner import likeliest


class Unbiased:
    """Counts of maps from which a bias was taken off."""

    def __init__(self, model: Model, bias: Vector) -> None:
        """Take the model, in the classes that are scored, and its bias, in its own classes."""
        self._bias = bias
        self._groups = model.groups if isinstance(model, GroupedModel) else None
        self._classes = len(model.card.label_map.classes)
        self._pixels = np.zeros((self._classes, self._classes + 1), np.int64)
        # (2 K, K + 1): dots of each class, then dots that say what is not that class.
        self._dots = np.zeros((2 * self._classes, self._classes + 1), np.int64)

    def labels(self, probabilities: npt.NDArray[np.float32]) -> Labels:
        """Name (K, H, W) probabilities as they were without the bias."""
        batch = without_bias(probabilities, self._bias)[None]  # (1, K, H, W), as a runner gives it
        return grouped(likeliest(batch)[0], self._groups)

    def add(self, truth: Labels, places: npt.NDArray[np.int32], labels: Labels) -> None:
        """Count a region: its (H, W) truth, its (N, 7) places and its map without the bias."""
        self._pixels += confusion_counts(truth, labels, self._classes)
        self._dots += place_counts(places, labels, self._classes)

    def figures(self, bias: dict[str, float], names: list[str]) -> WithoutBias:
        """Return the pooled scores of areas, and of dots where there are some, beside the bias that
        was taken off."""
        return WithoutBias(
            bias=bias,
            overall=overall_of(self._pixels),
            pooled=classes_of(self._pixels, names),
            dots=dots_of(self._dots, names) if self._dots.any() else None,
        )
