"""Counts -> scores. NumPy and OpenCV: counts add up over tiles and regions, ratios do not."""

from breastseg.metrics.calibration import ProbabilityCounts
from breastseg.metrics.confusion import (
    class_scores,
    confusion_counts,
    dot_counts,
    dot_scores,
    overall_scores,
)
from breastseg.metrics.groups import (
    mean_intervals,
    region_mean_intervals,
    region_means,
    summed_by,
    supports,
)
from breastseg.metrics.intervals import bootstrap, bootstrap_difference, bootstrap_ratio
from breastseg.metrics.places import kinds_of, labels_of, pixels_of, place_counts
from breastseg.metrics.presence import presence
from breastseg.metrics.surface import Surface, measure_surface, surface_dice

__all__ = [
    "ProbabilityCounts",
    "Surface",
    "bootstrap",
    "bootstrap_difference",
    "bootstrap_ratio",
    "class_scores",
    "confusion_counts",
    "dot_counts",
    "dot_scores",
    "kinds_of",
    "labels_of",
    "mean_intervals",
    "measure_surface",
    "overall_scores",
    "pixels_of",
    "place_counts",
    "presence",
    "region_mean_intervals",
    "region_means",
    "summed_by",
    "supports",
    "surface_dice",
]
