"""Integrated gradients beside those of random weights, and how alike the two images are.

This file is free of PyTorch: what computes is imported when somebody asks for it.
"""

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import MissingPackageError, ModelError
from breastseg.explain.explanation import Gradients
from breastseg.images import Pixels
from breastseg.inference.model import Model
from breastseg.processor import thread_limit

ALIKE = 0.5
"""Rank correlation from which the image of random weights is called like the model's."""


def gradients_module() -> Any:
    """Return what computes.

    Raises:
        MissingPackageError: PyTorch, or what networks are built with, is not installed.
    """
    try:
        return import_module("breastseg.networks.gradients")
    except ImportError as cause:
        raise MissingPackageError(
            f"--gradients: {cause.name or cause} is not installed; pip install 'breastseg[train]',"
            " or leave --gradients out"
        ) from None


def gradients_of(model: Model, picture: Pixels, place: tuple[int, int], label: int) -> Gradients:
    """Return which pixels of a field carry the answer, and whether random weights say the same.

    Args:
        model: from `load_model`; its weights are used in single precision.
        picture: (H, W, 3) uint8, the field.
        place: (x, y) in it.
        label: 1 to K, of the class that is asked about.

    Raises:
        MissingPackageError: no PyTorch. ModelError: the network gives NaN.
    """
    networks_gradients = gradients_module()
    threads = model.threads or thread_limit()
    own, random = networks_gradients.attribute(model.bundle, picture, place, label, threads)
    if not (np.isfinite(own.pixels).all() and np.isfinite(own.difference)):
        raise ModelError(
            f"model '{model.card.name}' gives NaN, not gradients; its weights are damaged, train or"
            " pull the model again"
        )
    # Absolute values, as Adebayo et al. compare: where pixels count, not whether for or against.
    correlation = rank_correlation(np.abs(own.pixels), np.abs(random.pixels))
    return Gradients(
        steps=networks_gradients.STEPS,
        difference=round(own.difference, 4),
        sum=round(float(own.pixels.sum()), 4),
        rank_correlation=round(correlation, 4),
        alike=correlation >= ALIKE,
        pixels=own.pixels,
        random=random.pixels,
    )


def rank_correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation of two arrays; 0 where one has a single value."""
    first = _ranks(one.ravel())  # (N,), as `second`
    second = _ranks(other.ravel())
    first -= first.mean()
    second -= second.mean()
    spread = np.sqrt((first**2).sum() * (second**2).sum())
    if not spread > 0:
        return 0.0
    return float((first * second).sum() / spread)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rank of each value; equals share the mean of theirs."""
    # (U,) distinct values in order: how often each occurs; `place` (N,) says which one each is.
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    # Ranks end - count to end - 1 belong to equal values: this is their mean, from 0.
    mean_ranks = ends - (counts + 1) / 2
    ranks: npt.NDArray[np.float64] = mean_ranks[place]
    return ranks
