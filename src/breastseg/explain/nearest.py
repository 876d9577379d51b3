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
    middle = reference.features.mean(axis=0)
    known, asked = _unit(reference.features - middle), _unit((features - middle)[None])[0]
    likeness = known @ asked
    best = np.argsort(-likeness, kind="stable")[:NEAREST]
    return tuple(Near(reference.fields[index], round(float(likeness[index]), 4)) for index in best)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return found
