"""Who is held out when: whole patients, or single pictures after augmentation, as is often done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from breastseg.errors import SplitError
from breastseg.studies.rgu_net.cases import Case
from breastseg.studies.rgu_net.crops import TURNS, Crop, cut, scored_crops, turn_crop

PATIENT, PAPER = "patient", "paper"
PROTOCOLS = (PATIENT, PAPER)
"""`patient` is honest: crops off centre, no patient on both sides. `paper` is what published
systems do or may do: crops centred on the finding, 8 turned copies of each, and copies dealt to
folds one by one, so that a finding is on both sides. It is LEAKY."""


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: from 1.
        train: cases to draw crops of; under `paper` empty.
        copies: crops to learn from as they are; under `patient` empty.
        test: crops to score.
    """

    number: int
    train: tuple[Case, ...]
    copies: tuple[Crop, ...]
    test: tuple[Crop, ...]


def make_folds(
    cases: Sequence[Case],
    folds: int,
    protocol: str,
    *,
    draws: int,
    seed: int,
    fold_of_patient: Mapping[str, int] | None = None,
) -> list[Fold]:
    """Deal cases to folds.

    Args:
        cases: all of them.
        folds: how many; no more than patients.
        protocol: of `PROTOCOLS`.
        draws: scored crops of each case under `patient`.
        seed: of the deal and of the scored crops.
        fold_of_patient: patient -> fold, from 0, where a table says it; not under `paper`.

    Raises:
        SplitError: fewer patients than folds.
    """
    patients = sorted({case.patient for case in cases})
    if folds > len(patients):
        raise SplitError(f"{folds} folds of {len(patients)} patients; take fewer --folds")
    rng = np.random.default_rng([seed, 0])
    if protocol == PAPER:
        return _paper(cases, folds, rng)
    order = [patients[place] for place in rng.permutation(len(patients))]
    fold_of = {patient: place % folds for place, patient in enumerate(order)}
    if fold_of_patient is not None:
        fold_of = dict(fold_of_patient)
    crops = scored_crops(cases, draws, seed)
    made = []
    for number in range(folds):
        train = tuple(case for case in cases if fold_of[case.patient] != number)
        test = tuple(crop for crop in crops if fold_of[crop.case.patient] == number)
        made.append(Fold(number + 1, train, (), test))
    return made


def _paper(cases: Sequence[Case], folds: int, rng: np.random.Generator) -> list[Fold]:
    """Augment first, then deal single pictures: the leak."""
    copies = []
    for case in cases:
        centred = cut(case, (0.0, 0.0))
        copies += [turn_crop(centred, turn) for turn in range(TURNS)]
    fold_of = np.empty(len(copies), int)
    fold_of[rng.permutation(len(copies))] = np.arange(len(copies)) % folds
    made = []
    for number in range(folds):
        train = tuple(copies[place] for place in np.flatnonzero(fold_of != number))
        test = tuple(copies[place] for place in np.flatnonzero(fold_of == number))
        made.append(Fold(number + 1, (), train, test))
    return made
