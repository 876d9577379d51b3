"""What was seen of the fields -> judges: each a set of fields, its figures at every shift of
tumour, and the score that counts.

a  areas: mean Dice of tumor, stroma, inflammatory and necrosis, as far as a patient has them; mean
   over patients
b  dots on cells: share of each class named right, mean over classes; over all hospitals (each alone
   is shown, and does not count)
c  tumour in benign tissue: 1 - tumour's share of what the map names there (glass is not named), and
   the AUC by that share against malignant tissue; by case
d  spots and nuclei: the class of most pixels; share of each kind that is right, mean over kinds
e  fat, glass, and tissue of one kind: share named so
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from breastseg.labels import NOT
from breastseg.metrics.presence import Cases, area_of, cases_of, share_where
from breastseg.metrics.rates import Floats, known_mean, ratio
from breastseg.wording import counted
from yardstick.fields import DENSE, DOTTED, PRESENCE, SMALL, UNIFORM, Field
from yardstick.look import NAMES, SHIFTS, TUMOR, Seen

Figures = dict[str, float]
CLASSES = ("tumor", "stroma", "inflammatory", "necrosis")
BENIGN_SHARE = 0.08
"""Share of benign tissue that may be called tumour when malignant tissue is looked at."""
_KINDS = False, True
"""Benign, and malignant."""
_LEAST_CASES, _LEAST_PLACES = 3, 5
"""Fewer than this of a kind say nothing of it."""
Pair = tuple[Field, Seen]


class Judge(ABC):
    """A set of fields, and what is scored on it.

    Attributes:
        part: a to e.
        name: as in "ucsb".
        units: patients, cases or fields: what is drawn for intervals.
        told: what stands behind it, in words.
        counts: whether its part's score has it.
    """

    part: str
    name: str
    units: tuple[str, ...]
    told: str
    counts: bool

    @abstractmethod
    def score(self, weights: Floats, at: int) -> Floats:
        """Return the score of drawn units at a shift: (D,) of (D, P) weights."""

    @abstractmethod
    def figures(self, at: int) -> Figures:
        """Return everything that is shown at a shift, the score apart."""

    @cached_property
    def curve(self) -> Floats:
        """Return the score of all units at each shift, (S,)."""
        return np.array([self.score(self.all, at)[0] for at in range(len(SHIFTS))])

    @property
    def all(self) -> Floats:
        """Return the weights of every unit once, (1, P)."""
        return np.ones((1, len(self.units)))


@dataclass(eq=False)
class Areas(Judge):
    """Patients with painted areas: (P, K, S, K) pixels by truth, shift and label."""

    name: str
    units: tuple[str, ...]
    pixels: npt.NDArray[np.int64]
    part: str = "a"
    counts: bool = True

    @property
    def told(self) -> str:
        """Return who."""
        return f"{counted(len(self.units), 'patient')}: {', '.join(self.units)}"

    def score(self, weights: Floats, at: int) -> Floats:
        """Return the mean over patients of mean Dice."""
        return _weighted(weights, known_mean(self._dice(at), axis=1))

    def figures(self, at: int) -> Figures:
        """Return mean Dice by class, and each patient's."""
        dice = self._dice(at)
        own = dict(zip(self.units, known_mean(dice, axis=1).tolist(), strict=True))
        return {
            **dict(zip(CLASSES, known_mean(dice, axis=0).tolist(), strict=True)),
            **(own if len(own) > 1 else {}),
        }

    def _dice(self, at: int) -> Floats:
        """Return (P, 4)."""
        counts = self.pixels[:, :, at].astype(float)
        hits, support, named = (
            np.diagonal(counts, axis1=1, axis2=2),
            counts.sum(axis=2),
            counts.sum(axis=1),
        )
        dice = np.where(support > 0, ratio(2 * hits, support + named), np.nan)
        return np.asarray(dice[:, [NAMES.index(name) for name in CLASSES]])


@dataclass(eq=False)
class Kinds(Judge):
    """Places or fields of known kinds: (P, S, J) how many of each of J kinds are right, and (P, J)
    how many there are.
    """

    part: str
    name: str
    units: tuple[str, ...]
    kinds: tuple[str, ...]
    right: Floats
    support: Floats
    noun: str
    least: int = _LEAST_PLACES
    counts: bool = True

    @property
    def told(self) -> str:
        """Return how many of each kind."""
        total = self.support.sum(axis=0).astype(int)
        numbers = [f"{number} {kind}" for kind, number in zip(self.kinds, total, strict=True)]
        return f"{counted(len(self.units), self.noun)}: {', '.join(numbers)}"

    def score(self, weights: Floats, at: int) -> Floats:
        """Return the mean over kinds of the share that is right; kinds with few places are left
        out.
        """
        enough = self.support.sum(axis=0) >= self.least
        return known_mean(self._shares(weights, at)[:, enough], axis=1)

    def figures(self, at: int) -> Figures:
        """Return the share of each kind that is right."""
        return dict(zip(self.kinds, self._shares(self.all, at)[0].tolist(), strict=True))

    def _shares(self, weights: Floats, at: int) -> Floats:
        return ratio(weights @ self.right[:, at], weights @ self.support)


@dataclass(eq=False)
class Presence(Judge):
    """Fields of cases that are benign or malignant: (F, S) tumour's share of what is named."""

    name: str
    shares: Floats
    malignant: npt.NDArray[np.bool_]
    patients: tuple[str, ...]
    part: str = "c"
    counts: bool = True

    @cached_property
    def cases(self) -> Cases:
        """Return shares by case."""
        return cases_of(self.shares, self.malignant, self.patients)

    @property
    def units(self) -> tuple[str, ...]:
        """Return the cases."""
        return self.cases.patients

    @property
    def told(self) -> str:
        """Return how many of both kinds."""
        malignant = int(self.cases.has.sum())
        cases = f"{len(self.units) - malignant} benign and {malignant} malignant cases"
        return f"{cases}, {counted(len(self.shares), 'field')}"

    def score(self, weights: Floats, at: int) -> Floats:
        """Return the mean of 1 - the benign share and, where there are enough cases, AUC."""
        return known_mean(
            np.stack([1 - share_where(self._at(at), False, weights), self._area(weights, at)]),
            axis=0,
        )

    def figures(self, at: int) -> Figures:
        """Return mean shares, AUC by case and by field, and the malignant share at a benign share
        of 8 %, whatever the shift.
        """
        cases = self._at(at)
        benign, malignant = (float(share_where(cases, kind, self.all)[0]) for kind in _KINDS)
        by_field = area_of(self.shares[:, at], self.malignant, np.ones((1, len(self.shares))))
        auc = float(self._area(self.all, at)[0])
        by_field_auc = np.nan if np.isnan(auc) else float(by_field[0])
        return {
            "benign": benign, "malignant": malignant, "AUC": auc, "AUC by field": by_field_auc,
            f"malignant at {BENIGN_SHARE:.0%} benign": self._at_benign_share(),
        }  # fmt: skip

    def _at(self, at: int) -> Cases:
        return replace(self.cases, shares=self.cases.shares[:, at])

    def _area(self, weights: Floats, at: int) -> Floats:
        has = self.cases.has
        if min(has.sum(), (~has).sum()) < _LEAST_CASES:
            return np.full(len(weights), np.nan)
        return area_of(self.cases.shares[:, at], has, weights)

    def _at_benign_share(self) -> float:
        benign, malignant = (share_where(self.cases, kind, self.all)[0] for kind in _KINDS)
        if np.isnan([benign, malignant]).any():
            return np.nan
        return float(np.interp(BENIGN_SHARE, benign, malignant, left=np.nan, right=np.nan))


def judges_of(fields: Sequence[Field], seen: Sequence[Seen]) -> list[Judge]:
    """Sort what was seen into judges."""
    by_set: dict[str, list[Pair]] = {}
    for field, found in zip(fields, seen, strict=True):
        by_set.setdefault(field.set, []).append((field, found))
    judges: list[Judge] = []
    if dense := [pair for name in DENSE for pair in by_set.get(name, [])]:
        judges.append(_areas(dense))
    if dotted := by_set.get(DOTTED, []):
        judges.append(_places("b", DOTTED, dotted, "patient"))
        for site, own in _by_group(dotted).items():
            judges.append(replace(_places("b", site, own, "patient"), counts=False))
    for name in PRESENCE:
        if own := by_set.get(name, []):
            judges.append(_presence(name, own))
    for name, noun in SMALL.items():
        if own := by_set.get(name, []):
            judges.append(_places("d", name, own, noun))
    for name in UNIFORM:
        groups = _by_group(by_set.get(name, []))
        judges += [_whole(f"{name} {group}", own) for group, own in groups.items()]
    return judges


def _by_group(pairs: list[Pair]) -> Mapping[str, list[Pair]]:
    groups = sorted({field.group for field, _ in pairs})
    return {group: [pair for pair in pairs if pair[0].group == group] for group in groups}


def _areas(pairs: list[Pair]) -> Areas:
    patients = sorted({field.patient for field, _ in pairs})
    pixels = []
    for patient in patients:
        own = [seen.pixels[1:] for field, seen in pairs if field.patient == patient]
        pixels.append(np.sum(own, axis=0))
    return Areas("BCSS", tuple(patients), np.array(pixels))


def _places(part: str, name: str, pairs: list[Pair], noun: str) -> Kinds:
    units = sorted({field.patient for field, _ in pairs})
    kinds = sorted(
        {kind for _, seen in pairs for kind in seen.names},
        key=lambda kind: (_label(kind), kind.startswith(NOT)),
    )
    right, support = (
        np.zeros((len(units), len(SHIFTS), len(kinds))),
        np.zeros((len(units), len(kinds))),
    )
    for field, seen in pairs:
        unit = units.index(field.patient)
        for kind, labels in zip(seen.names, seen.places, strict=True):
            right[unit, :, kinds.index(kind)] += is_right(kind, labels)
            support[unit, kinds.index(kind)] += 1
    return Kinds(part, name, tuple(units), tuple(kinds), right, support, noun)


def is_right(kind: str, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return where labels are of a class, or not of it where the kind is "not CLASS"."""
    own = np.asarray(labels == _label(kind))
    return ~own if kind.startswith(NOT) else own


def _label(kind: str) -> int:
    return NAMES.index(kind.removeprefix(NOT)) + 1


def _presence(name: str, pairs: list[Pair]) -> Presence:
    pixels = [seen.pixels.sum(axis=0) for _, seen in pairs]
    shares = [ratio(one[:, TUMOR], one.sum(axis=1)) for one in pixels]
    malignant = np.array([field.group == "malignant" for field, _ in pairs])
    return Presence(name, np.array(shares), malignant, tuple(field.patient for field, _ in pairs))


def _whole(name: str, pairs: list[Pair]) -> Kinds:
    """Return the judge of fields of one kind: the mean over fields of the share that is named
    so.
    """
    units, kind = sorted({field.patient for field, _ in pairs}), pairs[0][0].whole
    right, support = np.zeros((len(units), len(SHIFTS), 1)), np.zeros((len(units), 1))
    for field, seen in pairs:
        pixels = seen.pixels.sum(axis=0)
        glass = np.full(len(SHIFTS), float(seen.glass))
        named = glass if kind == "glass" else pixels[:, NAMES.index(kind)]
        right[units.index(field.patient), :, 0] += named / (pixels[0].sum() + seen.glass)
        support[units.index(field.patient), 0] += 1
    return Kinds("e", name, tuple(units), (kind,), right, support, "patient", least=1)


def _weighted(weights: Floats, values: Floats) -> Floats:
    known = ~np.isnan(values)
    return ratio(weights @ np.where(known, values, 0), weights @ known)
