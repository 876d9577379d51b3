"""The scores of an evaluation in words, for the line that a person reads."""

from breastseg.evaluation.figures import Intervals, WithoutBias
from breastseg.evaluation.scores import Scores
from breastseg.wording import counted


def in_words(scores: Scores) -> str:
    """Return the scores in one line, as they are shown when an evaluation ends."""
    without = f" ({len(scores.left_out)} more without truth left out)" if scores.left_out else ""
    regions = counted(len(scores.regions), "region")
    patients = counted(len(scores.patients), "patient")
    parts = [f"{regions}{without}, {patients}"]
    parts += _areas_in_words(scores)
    parts += _dots_in_words(scores)
    parts += _presence_in_words(scores)
    parts += _asked_for(scores)
    return "; ".join(parts)


def _areas_in_words(scores: Scores) -> list[str]:
    overall = scores.overall
    if not overall.support_px:
        return []
    by_class = []
    for name, row in scores.pooled.items():
        if row.support_px:
            by_class.append(f"{name} {row.dice:.3f}")
    means = f"mean {overall.mean_dice:.3f}, accuracy {overall.accuracy:.3f}"
    return [
        f"Dice: {', '.join(by_class)}; {means}",
        _interval(scores.intervals, "mean_dice", "mean Dice"),
    ]


def _dots_in_words(scores: Scores) -> list[str]:
    if not scores.dots:
        return []
    by_class = []
    for name, row in scores.dots.classes.items():
        if row.support_dots:
            by_class.append(f"{name} {row.accuracy:.3f}")
    overall = scores.dots.overall
    mean = f"balanced accuracy {overall.balanced_accuracy:.3f}"
    return [
        f"{overall.support_dots} dots: {', '.join(by_class)}; {mean}",
        _interval(scores.dots.intervals, "balanced_accuracy", "it"),
    ]


def _presence_in_words(scores: Scores) -> list[str]:
    parts = []
    for name, row in scores.presence.classes.items() if scores.presence else ():
        shares = []
        if row.regions_with:
            shares.append(f"{row.share_with:.3f} where it is")
        if row.regions_without:
            shares.append(f"{row.share_without:.3f} where it is not")
        parts.append(f"share of {name} " + ", ".join(shares))
    return parts


def _asked_for(scores: Scores) -> list[str]:
    """Return in words what only some evaluations have: AUC and calibration, and the difference from
    another model."""
    parts = []
    if scores.overall.support_px and scores.probabilities:
        auc = scores.probabilities.mean_auc
        ece = scores.probabilities.ece
        parts.append(f"mean AUC {auc:.3f}, expected calibration error {ece:.3f}")
    if scores.types and "note" in scores.types:
        parts.append(str(scores.types["note"]))
    if scores.without_bias:
        parts.append(_unbiased(scores.without_bias))
    if scores.comparison:
        folder = scores.comparison.folder
        dice = scores.comparison.overall["mean_dice"]
        ends = dice.interval
        spread = f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else ""
        parts.append(f"mean Dice {dice.difference:+.3f}{spread} against {folder}")
    return parts


def _unbiased(figures: WithoutBias) -> str:
    parts = []
    if figures.overall.support_px:
        parts.append(f"mean Dice {figures.overall.mean_dice:.3f}")
    if figures.dots:
        parts.append(f"balanced accuracy of dots {figures.dots.overall.balanced_accuracy:.3f}")
    return f"without its bias {', '.join(parts)}"


def _interval(intervals: Intervals, score: str, words: str) -> str:
    ends = (intervals.overall or {}).get(score)
    if ends is None:
        return intervals.note
    return f"95 % of {words} {ends[0]:.3f} to {ends[1]:.3f}"
