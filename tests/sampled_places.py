"""Places of which a network knows the class by a margin, and says too much of tumor."""

import numpy as np
import numpy.typing as npt

from breastseg.decision.sample import DOTS, Sample, joined
from breastseg.labels import BUILT_IN

NAMES = BUILT_IN["region5"].names


OVER = 1.2
"""How much too much the painted network says of tumor."""


def places(
    patient: str,
    group: str = DOTS,
    *,
    classes: tuple[int, ...] = (0, 1, 2),
    over: tuple[float, ...] = (OVER, 0, 0, 0, 0),
    count: int = 400,
) -> tuple[tuple[str, str], npt.NDArray[np.float32], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return places of which a network knows the class by a normal margin, and says too much."""
    rng = np.random.default_rng([*patient.encode(), *group.encode()])
    truth = np.repeat(np.array(classes, np.intp), count)
    logits = rng.normal(0, 1, (len(truth), len(NAMES)))
    logits[np.arange(len(truth)), truth] += 1.0
    logits += np.array(over)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return (group, patient), logs.astype(np.float32), truth, np.ones(len(truth))


def over_called(patients: int = 5) -> Sample:
    return joined([places(f"P{number}") for number in range(patients)])
