"""Sample: log-probabilities at places of known truth, scored patient by patient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.metrics.rates import Floats, Sums, class_rates, known_mean, ratio

AREAS, DOTS, FIELDS = "areas", "dots", "fields"
GROUPS = (AREAS, DOTS, FIELDS)
"""What is scored, each as a mean over patients, never over pixels: areas by the mean Dice of the
classes that occur, dots by balanced accuracy, fields (and dots that say what is not there) by the
share of pixels that are not called a class that is known to be absent."""

Classes: TypeAlias = npt.NDArray[np.intp]
"""Classes by number, from 0: class k is label k + 1."""

Part: TypeAlias = tuple[tuple[str, str], npt.NDArray[np.float32], Classes, Floats]
"""Places of one kind in one region: group and patient, (N, K) log-probabilities, truth, weight."""


@dataclass(frozen=True)
class Sample:
    """Log-probabilities at places of known truth.

    Attributes:
        log_probabilities: (S, K), natural logarithms, classes in the order of the label map.
        truth: (S,) classes from 0; of a field the class that it is without.
        weight: (S,) pixels, dots or shares of a field that a place stands for.
        unit: (S,) index into `units`.
        units: each group and patient that has places.
    """

    log_probabilities: npt.NDArray[np.float32]
    truth: Classes
    weight: Floats
    unit: npt.NDArray[np.intp]
    units: tuple[tuple[str, str], ...]

    @property
    def classes(self) -> int:
        """Return K."""
        return int(self.log_probabilities.shape[1])

    @property
    def patients(self) -> tuple[str, ...]:
        """Return the patients, in the order of their names."""
        return tuple(sorted({patient for _, patient in self.units}))

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """Return the units of each group that exists."""
        by_group: dict[str, list[int]] = {group: [] for group in GROUPS}
        for number, (group, _) in enumerate(self.units):
            by_group[group].append(number)
        return {group: rows for group, rows in by_group.items() if rows}

    def of(self, patients: Iterable[str]) -> "Sample":
        """Return the places of some patients."""
        wanted = set(patients)
        chosen = []
        for number, (_, patient) in enumerate(self.units):
            if patient in wanted:
                chosen.append(number)
        # Units are numbered anew; -1 marks those that are left out.
        new_number = np.full(len(self.units), -1)
        new_number[chosen] = np.arange(len(chosen))
        unit = new_number[self.unit]  # (S,)
        is_chosen = unit >= 0
        return Sample(
            log_probabilities=self.log_probabilities[is_chosen],
            truth=self.truth[is_chosen],
            weight=self.weight[is_chosen],
            unit=unit[is_chosen],
            units=tuple(self.units[number] for number in chosen),
        )

    def with_truth(self, *, patients: int = 1) -> Classes:
        """Return the classes of which at least so many patients have areas or dots."""
        patients_with: dict[int, set[str]] = {}
        for number, (group, patient) in enumerate(self.units):
            # A field says which class is absent, which is no truth of that class.
            if group == FIELDS:
                continue
            for k in np.unique(self.truth[self.unit == number]).tolist():
                patients_with.setdefault(k, set()).add(patient)
        classes = []
        for k in sorted(patients_with):
            if len(patients_with[k]) >= patients:
                classes.append(k)
        return np.array(classes, np.intp)

    def scores(self, bias: Floats) -> Floats:
        """Return the score of each unit, (U,), with a (K,) bias."""
        # Single precision: the sum of two arrays would else be a copy of twice the size.
        shifted = self.log_probabilities + bias.astype(np.float32)
        winners = shifted.argmax(axis=1)  # (S,)
        right = winners == self.truth
        hits = self._summed(self.truth[right], right)
        support = self._summed(self.truth)
        predicted = self._summed(winners)
        # (U, K) -> (U, 1, K): one bias in place of G
        sums = Sums(hits[:, None], support[:, None], predicted[:, None])
        return self.scored(sums)[:, 0]

    def scored(self, sums: Sums) -> Floats:
        """Return the score of each unit, (U, G), from sums of (U, G, K)."""
        rates = class_rates(sums)
        # A hit is here a pixel called the class that is known to be absent: an error.
        errors = ratio(sums.hits.sum(axis=-1), sums.support.sum(axis=-1))
        by_group = {
            AREAS: known_mean(rates["dice"], axis=-1),
            DOTS: known_mean(rates["recall"], axis=-1),
            FIELDS: 1 - errors,
        }
        scores = np.zeros(sums.hits.shape[:2])
        for group, rows in self.rows.items():
            scores[rows] = by_group[group][rows]
        return scores

    def means(self, scores: Floats) -> dict[str, Floats]:
        """Return the mean of each group over its units, from (U, ...) scores."""
        return {group: scores[rows].mean(axis=0) for group, rows in self.rows.items()}

    @cached_property
    def support(self) -> Floats:
        """Return how much there is of each class in each unit, (U, K)."""
        return self._summed(self.truth)

    def _summed(self, classes: Classes, where: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Return the weights by unit and class, (U, K)."""
        unit = self.unit
        weight = self.weight
        if where is not None:
            unit = unit[where]
            weight = weight[where]
        # One number for each pair of unit and class, so that a single bincount sums them all.
        size = len(self.units) * self.classes
        sums: Floats = np.bincount(unit * self.classes + classes, weight, size).astype(float)
        return sums.reshape(len(self.units), self.classes)


def joined(parts: Sequence[Part]) -> Sample:
    """Put places of several regions together.

    Args:
        parts: one or more.

    Raises:
        ValueError: there are none.
    """
    units: dict[tuple[str, str], int] = {}
    values = []
    truths = []
    weights = []
    numbers = []
    for unit, log_probabilities, truth, weight in parts:
        # The first part of a unit gives it the next number.
        number = units.setdefault(unit, len(units))
        values.append(log_probabilities)
        truths.append(truth)
        weights.append(weight)
        numbers.append(np.full(len(truth), number))
    return Sample(
        log_probabilities=np.concatenate(values),
        truth=np.concatenate(truths),
        weight=np.concatenate(weights),
        unit=np.concatenate(numbers),
        units=tuple(units),
    )
