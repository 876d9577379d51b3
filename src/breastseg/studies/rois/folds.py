"""Who is held out when: whole patients, or single copies after augmentation, as is often done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import SplitError
from breastseg.studies.rois.config import PATIENT

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: from 1.
        train: places of copies to learn from.
        test: places of copies to score.
    """

    number: int
    train: Places
    test: Places


def make_folds(
    patients: Sequence[str],
    truth: npt.NDArray[np.integer[Any]],
    folds: int,
    protocol: str,
    seed: int,
    fold_of_patient: Mapping[str, int] | None = None,
) -> list[Fold]:
    """Deal copies to folds.

    Args:
        patients: of the N copies.
        truth: (N,) their classes.
        folds: how many; no more than patients.
        protocol: of `PROTOCOLS`.
        seed: of the deal.
        fold_of_patient: patient -> fold, from 0, where a table says it; not under "paper".

    Raises:
        SplitError: fewer patients than folds, or a fold whose training lacks a class.
    """
    names, whose = np.unique(np.asarray(patients), return_inverse=True)  # whose: (N,)
    if folds > len(names):
        raise SplitError(f"{folds} folds of {len(names)} patients; take fewer --folds")
    rng = np.random.default_rng([seed, 0])
    units = len(names) if protocol == PATIENT else len(whose)
    fold_of = np.empty(units, int)
    fold_of[rng.permutation(units)] = np.arange(units) % folds
    if protocol == PATIENT:
        if fold_of_patient is not None:
            fold_of = np.array([fold_of_patient[name] for name in names])
        fold_of = fold_of[whose]  # (patients,) -> (N,)
    made = []
    for number in range(folds):
        train = np.flatnonzero(fold_of != number)
        # No head can be fitted to one class.
        if len(np.unique(truth[train])) < 2:
            raise SplitError(
                f"fold {number + 1}: its training has one class only; take fewer --folds or"
                " prepare more films"
            )
        test = np.flatnonzero(fold_of == number)
        made.append(Fold(number + 1, train, test))
    return made
