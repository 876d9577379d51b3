"""What learns on frozen features: one layer, or a small network behind principal components."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from breastseg.studies.rois.config import LOGISTIC
from breastseg.studies.rois.controls import Numbers

_COMPONENTS, _HIDDEN, _ROUNDS = 64, 32, 200
_FEW_NUMBERS = 32
"""Up to so many numbers hardly need a penalty."""

Truth = npt.NDArray[np.integer[Any]]


def fit_head(head: str, numbers: Numbers, truth: Truth, seed: int) -> Pipeline:
    """Fit a head on numbers that are scaled first; both classes weigh alike.

    Args:
        head: "logistic" or "mlp".
        numbers: (N, F).
        truth: (N,) 0 or 1.
        seed: of an MLP's first weights.
    """
    weights = compute_sample_weight("balanced", truth)
    if head == LOGISTIC:
        # C is the inverse of the penalty: a thousand features of a hundred findings need much.
        strength = 1.0 if numbers.shape[1] <= _FEW_NUMBERS else 1e-3
        last = LogisticRegression(C=strength, max_iter=1000)
        pipeline = Pipeline([("scale", StandardScaler()), ("last", last)])
    else:
        components = min(_COMPONENTS, *numbers.shape)  # there are no more than rows or columns
        last = MLPClassifier((_HIDDEN,), alpha=1.0, max_iter=_ROUNDS, random_state=seed)
        shrink = PCA(components, svd_solver="full")  # full: the same result each time
        steps = [("scale", StandardScaler()), ("shrink", shrink), ("last", last)]
        pipeline = Pipeline(steps)
    with warnings.catch_warnings():
        # 200 rounds are what was decided; that more would go on learning is no fault
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(numbers, truth, last__sample_weight=weights)
    return pipeline


def probabilities(pipeline: Pipeline, numbers: Numbers) -> Numbers:
    """Return the probability of class 1, (N,)."""
    return np.asarray(pipeline.predict_proba(numbers)[:, 1], float)


def one_layer(pipeline: Pipeline) -> tuple[Numbers, float]:
    """Return weights (F,) and bias of a logistic head, for numbers as they are."""
    scale = pipeline.named_steps["scale"]
    last = pipeline.named_steps["last"]
    # w * (x - mean) / scale + b  =  (w / scale) * x  +  b - (w / scale) * mean
    weights = last.coef_[0] / scale.scale_  # (F,)
    bias = float(last.intercept_[0] - weights @ scale.mean_)
    return weights, bias
