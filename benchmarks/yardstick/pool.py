"""Judges of several folds -> one.

Units that one fold alone may be judged by are put together; units of all folds are averaged over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from breastseg.metrics.rates import Floats, known_mean
from yardstick.judges import Areas, Figures, Judge, Kinds, Presence


@dataclass(eq=False)
class Averaged(Judge):
    """The mean of several models that are judged by the same units."""

    judges: Sequence[Judge]

    def __post_init__(self) -> None:
        """Take over what they have in common."""
        first = self.judges[0]
        self.part, self.name, self.units, self.told, self.counts = (
            first.part,
            first.name,
            first.units,
            first.told,
            first.counts,
        )

    def score(self, weights: Floats, at: int) -> Floats:
        """Return the mean score."""
        return known_mean(np.array([judge.score(weights, at) for judge in self.judges]), axis=0)

    def figures(self, at: int) -> Figures:
        """Return the mean of each figure."""
        all_of_them = [judge.figures(at) for judge in self.judges]
        found = {}
        for name in all_of_them[0]:
            values = np.array([one[name] for one in all_of_them])
            found[name] = float(known_mean(values, axis=0))
        return found


def pooled(folds: Sequence[Sequence[Judge]]) -> list[Judge]:
    """Return a judge for each that some fold has, in the order of the first that has it."""
    names = dict.fromkeys((judge.part, judge.name) for judges in folds for judge in judges)
    found = []
    for part, name in sorted(names, key=lambda key: key[0]):
        everyone = [judge for judges in folds for judge in judges]
        found.append(_one([one for one in everyone if (one.part, one.name) == (part, name)]))
    return found


def _one(judges: list[Judge]) -> Judge:
    if len(judges) == 1:
        return judges[0]
    if all(judge.units == judges[0].units for judge in judges):
        return Averaged(judges)
    return _together(judges)


def _together(judges: list[Judge]) -> Judge:
    """Put judges together whose units differ, whoever else was judged by some of them."""
    areas = [judge for judge in judges if isinstance(judge, Areas)]
    if areas:
        units = tuple(unit for judge in areas for unit in judge.units)
        pixels = np.concatenate([judge.pixels for judge in areas])
        return replace(areas[0], units=units, pixels=pixels)
    presence = [judge for judge in judges if isinstance(judge, Presence)]
    if presence:
        return replace(
            presence[0],
            shares=np.concatenate([judge.shares for judge in presence]),
            malignant=np.concatenate([judge.malignant for judge in presence]),
            patients=tuple(patient for judge in presence for patient in judge.patients),
        )
    kinds = [judge for judge in judges if isinstance(judge, Kinds)]
    return _kinds_together(kinds)


def _kinds_together(judges: list[Kinds]) -> Kinds:
    names = tuple(dict.fromkeys(kind for judge in judges for kind in judge.kinds))
    right, support = [], []
    for judge in judges:
        at = [names.index(kind) for kind in judge.kinds]
        wide_right = np.zeros((*judge.right.shape[:2], len(names)))
        wide_support = np.zeros((len(judge.units), len(names)))
        wide_right[:, :, at], wide_support[:, at] = judge.right, judge.support
        right.append(wide_right)
        support.append(wide_support)
    units = tuple(unit for judge in judges for unit in judge.units)
    return replace(
        judges[0],
        units=units,
        kinds=names,
        right=np.concatenate(right),
        support=np.concatenate(support),
    )
