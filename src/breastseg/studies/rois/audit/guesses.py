"""What tells regions apart without having learned anything of mammograms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from breastseg.networks.threads import torch_threads
from breastseg.networks.trunks import build_trunk
from breastseg.studies.rois.config import LOGISTIC, PATIENT
from breastseg.studies.rois.controls import Numbers, ring_numbers
from breastseg.studies.rois.crops import Crops
from breastseg.studies.rois.features import RANDOM_NET, tensor_of
from breastseg.studies.rois.folds import make_folds
from breastseg.studies.rois.heads import fit_head, probabilities

_BATCH = 32


def guesses(
    crops: Crops, truth: npt.NDArray[np.integer[Any]], patients: Sequence[str], folds: int
) -> dict[str, Numbers]:
    """Return the probability of class 1 of each region, held out by patient, for each control.

    Args:
        crops: (N, px, px).
        truth: (N,) 0 or 1.
        patients: of the N regions.
        folds: parts of patients.
    """
    numbers = {"centre against ring": ring_numbers(crops), "random weights": _random(crops)}
    made_folds = make_folds(patients, truth, folds, PATIENT, 0)
    answers = {}
    for name, values in numbers.items():
        probability = np.zeros(len(crops))  # (N,): each region is held out once
        for fold in made_folds:
            train_values = values[fold.train]
            pipeline = fit_head(LOGISTIC, train_values, truth[fold.train], 0)
            probability[fold.test] = probabilities(pipeline, values[fold.test])
        answers[name] = probability
    return answers


def _random(crops: Crops) -> Numbers:
    """Return the features of a network that has learned nothing, (N, F)."""
    trunk = build_trunk(RANDOM_NET, 1)
    parts = []
    with torch_threads(1), torch.inference_mode():
        for start in range(0, len(crops), _BATCH):
            batch = tensor_of(crops[start : start + _BATCH])
            parts.append(trunk(batch).numpy())
    return np.concatenate(parts).astype(float)
