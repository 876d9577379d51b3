"""Counts -> scores. NumPy and OpenCV: counts add up over tiles and regions, ratios do not."""

from breastseg.metrics.calibration import ProbabilityCounts
from breastseg.metrics.confusion import class_scores, confusion_counts, dot_counts, dot_scores, overall_scores
from breastseg.metrics.groups import region_means, summed_by, supports
from breastseg.metrics.intervals import bootstrap, bootstrap_difference
from breastseg.metrics.surface import Surface, measure_surface, surface_dice

__all__ = [
    "ProbabilityCounts", "Surface", "bootstrap", "bootstrap_difference", "class_scores", "confusion_counts", "dot_counts", "dot_scores",
    "measure_surface", "overall_scores", "region_means", "summed_by", "supports", "surface_dice",
]  # fmt: skip
