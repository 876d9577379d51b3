"""Area per class in mm2 and %."""

import numpy as np

from breastseg.labels import LabelMap, Labels


def class_areas(labels: Labels, label_map: LabelMap, mpp: float) -> dict[str, float]:
    """Measure the area of each class.

    Args:
        labels: (H, W) uint8.
        label_map: names the classes.
        mpp: microns per pixel of `labels`.

    Returns:
        analysed_mm2, then NAME_mm2 and NAME_percent (of what was analysed; NaN when nothing was) for each class.
    """
    counts = np.bincount(labels.ravel(), minlength=len(label_map.classes) + 1)
    mm2 = mpp * mpp / 1e6
    analysed = int(counts[1:].sum())
    areas = {"analysed_mm2": analysed * mm2}
    for label, name in enumerate(label_map.names, start=1):
        areas[f"{name}_mm2"] = int(counts[label]) * mm2
        areas[f"{name}_percent"] = 100 * int(counts[label]) / analysed if analysed else np.nan
    return areas
