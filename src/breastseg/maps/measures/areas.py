"""Area per class in mm2 and %."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.labels import LabelMap

Counts: TypeAlias = npt.NDArray[np.int64]
"""Pixels per label: (256,) int64, label 0 first."""


def areas_of(counts: Counts, label_map: LabelMap, mpp: float) -> dict[str, float]:
    """Turn pixels per label into analysed_mm2, then NAME_mm2 and NAME_percent (of what was
    analysed; NaN when nothing was)."""
    pixel_mm2 = mpp * mpp / 1e6
    analysed = int(counts[1:].sum())  # label 0 is not analysed
    areas = {"analysed_mm2": analysed * pixel_mm2}
    for label, name in enumerate(label_map.names, start=1):
        count = int(counts[label])
        areas[f"{name}_mm2"] = count * pixel_mm2
        areas[f"{name}_percent"] = 100 * count / analysed if analysed else np.nan
    return areas
