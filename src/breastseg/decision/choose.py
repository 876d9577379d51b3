"""A bias per class, added to logits before the decision: chosen on patients, held against others.

A network decides with the prior of what trained it, which is not that of the tissue it meets. One
number a class takes much of that back (Saerens et al. 2002, Menon et al. 2021). Few patients choose
it, so it is easily fitted to them alone: it counts as found only when it also helps patients that
had no part in choosing it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from breastseg.decision.sample import Classes, Sample
from breastseg.decision.search import best_bias
from breastseg.metrics.rates import Floats

MEAN = "mean"
# Each fold is a search of its own, so that more of them take longer.
_FOLDS = 20
# A mean over a few patients is exact to about 1e-16: less than this is no gain.
_LEAST = 1e-9


@dataclass(frozen=True)
class Choice:
    """A bias, and what it is worth. Scores are by group, and their mean as "mean".

    Attributes:
        bias: by class name; all 0 where none was found that helps patients that were left out.
        tried: by class name, what all patients together chose.
        refused: why it is not taken; "" where it is.
        patients: how many there are in each group.
        before: scores without it.
        after: with `tried`, on the patients that chose it.
        left_out: each patient scored with what the others chose. Of a group with one patient,
            which nothing is left of when that is left out, the lower of before and after.
    """

    bias: dict[str, float]
    tried: dict[str, float]
    refused: str
    patients: dict[str, int]
    before: dict[str, float]
    after: dict[str, float]
    left_out: dict[str, float]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return asdict(self)


def choose_bias(sample: Sample, names: Sequence[str]) -> Choice:
    """Choose the bias that scores best, and say whether it also helps patients that were left out.

    The objective is the mean of the groups that exist, each a mean over patients. Classes of which
    fewer than two patients have truth stay at 0, since nobody could confirm what one says.

    Args:
        sample: places of known truth.
        names: of the K classes.
    """
    known = sample.with_truth(patients=2)
    nothing = np.zeros(sample.classes)
    tried = best_bias(sample, known)
    # (U,) each, one score a unit
    before = sample.scores(nothing)
    after = sample.scores(tried)
    held = _left_out(sample, known)
    for rows in sample.rows.values():
        if len(rows) == 1:
            # Left out, this patient leaves nothing of its group that could choose for it.
            held[rows] = np.minimum(before, after)[rows]
    mean_before = _means(sample, before)
    mean_left_out = _means(sample, held)
    refused = _refusal(sample, tried, mean_before, mean_left_out)
    bias = nothing if refused else tried
    return Choice(
        bias=_named(bias, names),
        tried=_named(tried, names),
        refused=refused,
        patients={group: len(rows) for group, rows in sample.rows.items()},
        before=mean_before,
        after=_means(sample, after),
        left_out=mean_left_out,
    )


def told(choice: Choice, where: str) -> str:
    """Return a line about a choice.

    Args:
        choice: what was chosen.
        where: on which part, in words.
    """
    tried = in_words(choice.tried)
    parts = []
    for group in (*choice.patients, MEAN):
        before = choice.before[group]
        after = choice.after[group]
        parts.append(f"{group} {before:.3f} -> {after:.3f}")
    left_out = f"patients left out {choice.before[MEAN]:.3f} -> {choice.left_out[MEAN]:.3f}"
    if not choice.refused:
        return f"bias {tried} on {where}: {', '.join(parts)}; {left_out}"
    if not tried:
        return f"no bias on {where}: {choice.refused}"
    return f"no bias on {where}: {choice.refused} ({tried}; {left_out})"


def in_words(bias: Mapping[str, float]) -> str:
    """Return what is not 0 of a bias, as in "tumor -0.80, stroma +0.40"."""
    return ", ".join(f"{name} {value:+.2f}" for name, value in bias.items() if value)


def _left_out(sample: Sample, known: Classes) -> Floats:
    """Return the score of each unit with what patients of other folds chose, (U,).

    A fold is one patient, up to 20 of them; where there are more, there are 20 folds.
    """
    patients = sample.patients
    scores: dict[tuple[str, str], float] = {}
    for start in range(min(_FOLDS, len(patients))):
        # Every 20th patient by name: the same folds whatever the order of the regions.
        fold = patients[start::_FOLDS]
        others = sample.of(set(patients) - set(fold))
        held = sample.of(fold)
        # A class that only this fold has cannot be chosen by the others.
        still_known = np.intersect1d(known, others.with_truth())
        bias = best_bias(others, still_known)
        scores |= zip(held.units, held.scores(bias).tolist(), strict=True)
    return np.array([scores[unit] for unit in sample.units])


def _means(sample: Sample, scores: Floats) -> dict[str, float]:
    """Return the mean of (U,) scores by group, and the mean of these."""
    means = {group: float(mean) for group, mean in sample.means(scores).items()}
    # Each group counts alike, however many patients it has.
    means[MEAN] = float(np.mean(list(means.values())))
    return means


def _named(bias: Floats, names: Sequence[str]) -> dict[str, float]:
    return dict(zip(names, bias.tolist(), strict=True))


def _refusal(
    sample: Sample,
    tried: Floats,
    before: Mapping[str, float],
    left_out: Mapping[str, float],
) -> str:
    """Return why a bias is not taken; "" where it is."""
    if len(sample.with_truth(patients=2)) < 2:
        return "no two classes have truth of two patients each"
    if not tried.any():
        return "none scores better"
    if not left_out[MEAN] > before[MEAN] + _LEAST:
        return "patients that were left out gain nothing by what the others chose"
    return ""
