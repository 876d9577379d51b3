"""Split: region -> train / val / test. A patient is always on one side; whole hospitals on request."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.data.dataset import Dataset
from breastseg.errors import InputError, SplitError
from breastseg.files import held_folder, write_text
from breastseg.wording import counted

PARTS = ("train", "val", "test")
LEAKY = "leaky"
"""Column of a split.csv that has patients in two parts on purpose; it says so in each row."""
OFFICIAL_TEST_SITES = ("OL", "LL", "E2", "EW", "GM", "S3")
"""BCSS's official test hospitals: 45 regions; the other 106 train. There is no official validation set."""


@dataclass(frozen=True)
class SplitConfig:
    """How to split.

    Attributes:
        scheme: bcss-official, random, kfold, leave-one-out, source, or a CSV file with the columns region (or patient) and split.
        by: keep together whole patients ("patient") or whole hospitals ("site").
        val: share of the groups that are not test drawn for validation; 0 draws none.
        test: share of all groups drawn for test (random).
        folds: number of folds (kfold).
        fold: which fold is test (kfold), from 0.
        patient: who is test (leave-one-out).
        seed: of every draw.
        leaky: keep a split that has a patient in two parts, and mark it: for the numbers of those who split so, never for one's own.
    """

    scheme: str
    by: str = "patient"
    val: float = 0.15
    test: float = 0.2
    folds: int = 5
    fold: int = 0
    patient: str = ""
    seed: int = 42
    leaky: bool = False


def split(dataset: Dataset, config: SplitConfig) -> pd.DataFrame:
    """Split a data set and write its `split.csv`.

    Returns:
        one row a region, by id: patient, site, split; and the column `leaky` where a patient is in two parts on purpose.

    Raises:
        SplitError: a part is empty, a region has none, or a patient is in two (the message names one) and that was not asked for.
    """
    for name, share in (("--val", config.val), ("--test", config.test)):
        if not 0 <= share < 1:
            raise InputError(f"{name} {share:g}: wanted a share from 0 up to 1")
    if config.seed < 0:
        raise InputError(f"--seed {config.seed}: wanted 0 or more")
    parts = _SCHEMES.get(config.scheme, _from_csv)(dataset.regions, config)
    table = dataset.regions[["patient", "site"]].assign(split=parts)
    wanted = ["train", *(["val"] if config.val else []), *(["test"] if config.test or config.scheme != "random" else [])]
    if config.scheme not in _SCHEMES or config.scheme == "source":
        wanted = [part for part in PARTS if (table["split"] == part).any()] or ["train"]
    check_split(table, wanted, leaky=config.leaky)
    if table.groupby("patient")["split"].nunique().max() > 1:
        table = table.assign(**{LEAKY: "patients are in two parts"})
    with held_folder(dataset.path):
        write_text(dataset.path / "split.csv", table.to_csv(lineterminator="\n"))
    return table


def check_split(table: pd.DataFrame, wanted: Iterable[str], *, leaky: bool = False) -> None:
    """Refuse a split with a wanted part empty, an unknown part, or (unless it is leaky on purpose) a patient on two sides."""
    odd = sorted(set(table["split"]) - {*PARTS})
    if odd:
        raise SplitError(f"split has the part '{odd[0]}', wanted {', '.join(PARTS)}")
    by_patient = table.groupby("patient")["split"].agg(lambda parts: sorted(set(parts)))
    for patient, parts in by_patient.items():
        if len(parts) > 1 and not leaky:
            raise SplitError(
                f"patient {patient} is in {' and '.join(parts)}; a patient must be on one side only, split by patient with --scheme random"
            )
    for part in wanted:
        if not (table["split"] == part).any():
            raise SplitError(
                f"split '{part}' has no region ({counted(len(table), 'region')} of {counted(len(by_patient), 'patient')} in all); "
                "choose another scheme or share, or --val 0 for none"
            )


def load_split(dataset: Dataset) -> pd.DataFrame:
    """Return the data set's split, by region.

    Raises:
        SplitError: not split yet, or the file does not fit the regions.
    """
    path = dataset.path / "split.csv"
    if not path.is_file():
        raise SplitError(f"{dataset.path}: not split yet; run breastseg split {dataset.path} --scheme random")
    table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("region")
    if set(table.index) != set(dataset.regions.index):
        raise SplitError(f"{path}: lists other regions than regions.csv; split the data set again")
    check_split(table, [], leaky=is_leaky(table))
    return table


def is_leaky(table: pd.DataFrame) -> bool:
    """Return whether a split was written with patients on two sides on purpose."""
    return LEAKY in table


def regions_of(table: pd.DataFrame, part: str) -> list[str]:
    """Return the ids of a part ("all" for every region), SplitError when there is none."""
    if part not in {*PARTS, "all"}:
        raise InputError(f"split '{part}': wanted {', '.join(PARTS)} or all")
    ids = [str(i) for i in table.index[(table["split"] == part) | (part == "all")]]
    if not ids:
        raise SplitError(f"split '{part}' has no region; parts here are {', '.join(sorted(set(table['split'])))}")
    return ids


def split_fingerprint(table: pd.DataFrame) -> str:
    """Return a hash of who is where."""
    return hashlib.sha256(table[["split"]].sort_index().to_csv(lineterminator="\n").encode()).hexdigest()[:16]


def _groups(regions: pd.DataFrame, by: str) -> pd.Series:
    if by not in {"patient", "site"}:
        raise InputError(f"--by {by}: wanted patient or site")
    if by == "site" and (regions["site"] == "").any():
        raise SplitError(
            f"region {regions.index[regions['site'] == ''][0]} has no hospital; name it in the table's site column, or split by patient"
        )
    return regions[by]


def _shuffled(groups: pd.Series, seed: int) -> list[str]:
    names = sorted(set(groups))
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]


def _with_val(groups: pd.Series, test: set[str], config: SplitConfig) -> pd.Series:
    """Give every region its part: `test` groups, then a share of the rest for validation, train."""
    rest = [name for name in _shuffled(groups, config.seed) if name not in test]
    val = set(rest[: max(1, round(len(rest) * config.val))]) if config.val else set()
    return groups.map(lambda name: "test" if name in test else "val" if name in val else "train")


def _official(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    return _with_val(_groups(regions, "site"), set(OFFICIAL_TEST_SITES), config)


def _random(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, config.by)
    names = _shuffled(groups, config.seed)
    return _with_val(groups, set(names[: max(1, round(len(names) * config.test))] if config.test else ()), config)


def _kfold(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, config.by)
    names = _shuffled(groups, config.seed)
    if not 2 <= config.folds <= len(names) or not 0 <= config.fold < config.folds:
        raise InputError(f"fold {config.fold} of {config.folds}: wanted 2 to {len(names)} folds ({config.by}s here), counted from 0")
    return _with_val(groups, set(names[config.fold :: config.folds]), config)


def _leave_one_out(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, "patient")
    if config.patient not in set(groups):
        raise InputError(
            f"--patient {config.patient or '(none)'}: not in this data set; patients are {', '.join(sorted(set(groups))[:20])}"
        )
    return _with_val(groups, {config.patient}, config)


def _source(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    if (regions["source_split"] == "").any():
        raise SplitError("this source has no split of its own; choose --scheme random, kfold, leave-one-out or bcss-official")
    return regions["source_split"]


def _from_csv(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    path = Path(config.scheme)
    if not path.is_file():
        raise InputError(f"--scheme {config.scheme}: not known; wanted {', '.join(_SCHEMES)}, or a CSV file")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as cause:
        raise SplitError(f"{path}: not a CSV table ({' '.join(str(cause).split())})") from None
    key = next((k for k in ("region", "patient") if k in table.columns), None)
    if key is None or "split" not in table.columns:
        raise SplitError(f"{path}: columns are {', '.join(table.columns)}, wanted region or patient, and split")
    repeated = table.groupby(key)["split"].nunique()
    for name in repeated.index[repeated > 1]:
        raise SplitError(f"{path}: {key} {name} is in {' and '.join(sorted(set(table.loc[table[key] == name, 'split'])))}; keep one line")
    parts = (regions.index.to_series() if key == "region" else regions["patient"]).map(table.drop_duplicates(key).set_index(key)["split"])
    if parts.isna().any():
        raise SplitError(f"{path}: says nothing of region {parts.index[parts.isna()][0]}; add a line for it")
    return parts


_SCHEMES: Mapping[str, Callable[[pd.DataFrame, SplitConfig], pd.Series]] = {
    "bcss-official": _official, "random": _random, "kfold": _kfold, "leave-one-out": _leave_one_out, "source": _source,
}  # fmt: skip
