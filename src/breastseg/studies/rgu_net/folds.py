"""Who is held out when: whole patients, or single images after augmentation, as is often done."""

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
    fold_of: dict[str, int] = {}
    if fold_of_patient is not None:
        fold_of.update(fold_of_patient)
    else:
        for number, place in enumerate(rng.permutation(len(patients))):
            fold_of[patients[place]] = number % folds
    # Drawn once for all folds: a case has the same crops whatever fold it is dealt to.
    crops = scored_crops(cases, draws, seed)
    made = []
    for number in range(folds):
        train = [case for case in cases if fold_of[case.patient] != number]
        test = []
        for crop in crops:
            if fold_of[crop.case.patient] == number:
                test.append(crop)
        made.append(Fold(number + 1, tuple(train), (), tuple(test)))
    return made


def _paper(cases: Sequence[Case], folds: int, rng: np.random.Generator) -> list[Fold]:
    """Augment first, then deal single images: the leak."""
    copies = []
    for case in cases:
        centred = cut(case, (0.0, 0.0))
        for turn in range(TURNS):
            copies.append(turn_crop(centred, turn))
    # By copy and not by patient, on purpose: this is the protocol that is shown to be leaky.
    fold_of = np.empty(len(copies), int)  # (copies,)
    order = rng.permutation(len(copies))
    fold_of[order] = np.arange(len(copies)) % folds
    made = []
    for number in range(folds):
        train: list[Crop] = []
        test: list[Crop] = []
        for copy, fold in zip(copies, fold_of, strict=True):
            side = test if fold == number else train
            side.append(copy)
        made.append(Fold(number + 1, (), tuple(train), tuple(test)))
    return made
