"""Integrated gradients beside those of random weights, and how alike the two pictures are.

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
"""Rank correlation from which the picture of random weights is called like the model's."""


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
    computing = gradients_module()
    threads = model.threads or thread_limit()
    own, drawn = computing.attribute(model.bundle, picture, place, label, threads)
    if not (np.isfinite(own.pixels).all() and np.isfinite(own.difference)):
        raise ModelError(
            f"model '{model.card.name}' gives NaN, not gradients; its weights are damaged, train or"
            " pull the model again"
        )
    alike = rank_correlation(np.abs(own.pixels), np.abs(drawn.pixels))
    return Gradients(
        computing.STEPS,
        round(own.difference, 4),
        round(float(own.pixels.sum()), 4),
        round(alike, 4),
        alike >= ALIKE,
        own.pixels,
        drawn.pixels,
    )


def rank_correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation of two arrays; 0 where one has a single value."""
    ranks = [_ranks(values.ravel()) for values in (one, other)]
    (first, second) = (rank - rank.mean() for rank in ranks)
    spread = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / spread) if spread > 0 else 0.0


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rank of each value; equals share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: npt.NDArray[np.float64] = (ends - (counts + 1) / 2)[place]
    return found
