"""The fields of the training data that are most like a field, by the network's own features."""

import numpy as np
import numpy.typing as npt

from breastseg.bundles.reference import Reference
from breastseg.errors import ModelError
from breastseg.explain.explanation import Near

NEAREST = 5


def nearest(reference: Reference, features: npt.NDArray[np.float32]) -> tuple[Near, ...]:
    """Return the `NEAREST` most alike fields, the most alike first.

    Likeness is the cosine after the reference's mean is taken off: what all tissue shares says
    nothing.

    Args:
        reference: of the model.
        features: (C,) of the field.

    Raises:
        ModelError: the reference has features of another length.
    """
    if features.shape != reference.features.shape[1:]:
        raise ModelError(
            f"the reference has {reference.features.shape[1]} features a field, the network"
            f" {len(features)}; it belongs to another model, export it again"
        )
    mean = reference.features.mean(axis=0)  # (C,)
    reference_units = _unit(reference.features - mean)  # (N, C)
    own_unit = _unit((features - mean)[None])[0]  # (C,)
    similarity = reference_units @ own_unit  # (N,)
    # A stable sort: of equals the first of the reference, the same on every machine.
    order = np.argsort(-similarity, kind="stable")
    nearest_fields = []
    for index in order[:NEAREST]:
        nearest_fields.append(Near(reference.fields[index], round(float(similarity[index]), 4)))
    return tuple(nearest_fields)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return (N, C) rows of length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # A row that is the mean itself has no direction: it stays 0, like nothing.
    units: npt.NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return units
