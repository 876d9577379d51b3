"""Prepared films -> folds of whole patients, as a table that a person can read and change.

FILMS/split.csv  film, patient, split: a row a film; split is the fold, "fold-1" and so on
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from breastseg.errors import DatasetError, InputError, SplitError
from breastseg.files import held_folder, write_table
from breastseg.tables import Table, read_table

TABLE = "split.csv"
COLUMNS = ("film", "patient", "split")
MOST_FOLDS = 100
_KINDS = ("malignant", "benign", "other findings", "no findings")
"""What a patient is counted as: the first of these that one of the films has."""


def split_films(films: str | Path, folds: int = 5, seed: int = 0) -> dict[str, Counter[str]]:
    """Deal the patients of a prepared folder to folds and write its split.csv.

    Patients with malignant, benign, other and no findings are dealt one after the other, so that
    each fold has its share of them. Same films and seed, same folds.

    Args:
        films: folder that `breastseg mammo prepare` wrote.
        folds: 2 to 100, no more than patients.
        seed: of the deal.

    Returns:
        fold -> how many films, patients, and patients of each kind it has.

    Raises:
        DatasetError: no prepared films, or a film without its patient.
        SplitError: fewer patients than folds.
        InputError: a number of folds or a seed that cannot be.
    """
    films = Path(films)
    if not 2 <= folds <= MOST_FOLDS:
        raise InputError(f"--folds {folds}: wanted 2 to {MOST_FOLDS}")
    if not 0 <= seed <= 2**31:
        raise InputError(f"--seed {seed}: wanted 0 to {2**31}")
    needed = ("film", "patient", "findings", "pathology")
    table = read_table(films / "films.csv", DatasetError, needed=needed, others=True)
    table.by("film")
    table.needs("patient", "no patient; films of one person must stay together, so fill it in")
    kind_of = _kinds(table)
    if folds > len(kind_of):
        raise SplitError(f"{folds} folds of {len(kind_of)} patients; take fewer --folds")
    rng = np.random.default_rng([seed, 0])
    order: list[str] = []
    for kind in _KINDS:
        patients = []
        for patient in sorted(kind_of):
            if kind_of[patient] == kind:
                patients.append(patient)
        order += [patients[place] for place in rng.permutation(len(patients))]
    fold_of: dict[str, str] = {}
    for place, patient in enumerate(order):
        fold_of[patient] = f"fold-{place % folds + 1}"
    rows = []
    for row in table.rows:
        patient = row["patient"]
        rows.append({"film": row["film"], "patient": patient, "split": fold_of[patient]})
    with held_folder(films):
        write_table(films / TABLE, rows, COLUMNS)
    counts: dict[str, Counter[str]] = {}
    for number in range(folds):
        counts[f"fold-{number + 1}"] = Counter()
    for patient, fold in fold_of.items():
        counts[fold].update(["patients", kind_of[patient]])
    for written_row in rows:
        counts[written_row["split"]]["films"] += 1
    return counts


def _kinds(table: Table) -> dict[str, str]:
    """Return patient -> the first of `_KINDS` that one of the patient's films is."""
    kind_of: dict[str, str] = {}
    for row in table.rows:
        if row["pathology"] in _KINDS:
            kind = row["pathology"]
        else:
            kind = "no findings" if row["findings"] in ("", "0") else "other findings"
        known = kind_of.get(row["patient"], kind)
        kind_of[row["patient"]] = min(kind, known, key=_KINDS.index)
    return kind_of


def read_folds(path: str | Path, patient_of: Mapping[str, str]) -> dict[str, int]:
    """Read a table of films and folds: each value of its column split is held out in turn.

    Args:
        path: a CSV with film and split; films that are not asked for may be in it.
        patient_of: film -> patient of all films that are asked for.

    Returns:
        patient -> fold, from 0, in the order of their names.

    Raises:
        DatasetError: no such table, or a film that it does not have.
        SplitError: a patient in two folds, or fewer than two folds.
    """
    table = read_table(Path(path), DatasetError, needed=("film", "split"), others=True)
    table.needs("split", "no split; fill it in")
    rows = table.by("film")
    split_of: dict[str, tuple[str, str]] = {}  # patient -> split, and the first film that says it
    for film, patient in patient_of.items():
        row = rows.get(film)
        if row is None:
            raise DatasetError(f"{path}: no film '{film}'; split the films again")
        split, first = split_of.setdefault(patient, (row["split"], film))
        if split != row["split"]:
            raise SplitError(
                f"{path}: patient {patient} is in {split} ({first}) and in {row['split']} ({film});"
                " a patient must be in one fold only"
            )
    splits = {split for split, _ in split_of.values()}
    # By length first: fold-10 comes after fold-9.
    names = sorted(splits, key=lambda name: (len(name), name))
    if len(names) < 2:
        raise SplitError(f"{path}: all films are in {', '.join(names)}; wanted two folds or more")
    return {patient: names.index(split) for patient, (split, _) in split_of.items()}
