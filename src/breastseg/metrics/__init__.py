"""Counts -> scores. Pure NumPy: counts add up over tiles and regions, ratios do not."""

from breastseg.metrics.confusion import class_scores, confusion_counts, dot_counts, dot_scores, overall_scores

__all__ = ["class_scores", "confusion_counts", "dot_counts", "dot_scores", "overall_scores"]
