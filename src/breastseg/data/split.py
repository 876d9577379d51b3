"""Split: region -> train / val / test. A patient is always on one side; whole hospitals on
request."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.data.dataset import Dataset
from breastseg.errors import InputError, SplitError
from breastseg.files import held_folder, write_text
from breastseg.sources.bcss.names import OFFICIAL_TEST_SITES
from breastseg.sources.picture_names import picture_name
from breastseg.tables import Row, Table, alike, read_table, shown
from breastseg.wording import counted

PARTS = ("train", "val", "test")
CHOSEN = (*PARTS, "all")
"""What a command can be asked to look at."""
BY = ("patient", "hospital")
"""What stays together; the column of a hospital is called site."""
LEAKY = "leaky"
"""Column of a split.csv that has patients in two parts on purpose; it says so in each row."""


@dataclass(frozen=True)
class SplitConfig:
    """How to split.

    Attributes:
        scheme: bcss-official, random, kfold, leave-one-out, source, or a CSV file with the columns
            region (or patient) and split.
        by: keep together whole patients ("patient") or whole hospitals ("hospital").
        val: share of the groups that are not test drawn for validation; 0 draws none.
        test: share of all groups drawn for test (random).
        folds: number of folds (kfold).
        fold: which fold is test (kfold), from 0.
        patient: who is test (leave-one-out).
        seed: of every draw.
        leaky: keep a split that has a patient in two parts, and mark it: for the numbers of those
            who split so, never for one's own.
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
        one row a region, by id: patient, site, split; and the column `leaky` where a patient is in
            two parts on purpose.

    Raises:
        SplitError: a part is empty, a region has none, or a patient is in two (the message names
            one) and that was not asked for.
    """
    for name, share in (("--val", config.val), ("--test", config.test)):
        if not 0 <= share < 1:
            raise InputError(f"{name} {share:g}: wanted a share from 0 up to 1")
    if config.seed < 0:
        raise InputError(f"--seed {config.seed}: wanted 0 or more")
    parts = _SCHEMES.get(config.scheme, _from_csv)(dataset.regions, config)
    table = dataset.regions[["patient", "site"]].assign(split=parts)
    check_split(table, _wanted_parts(table, config), leaky=config.leaky)
    parts_of_patients = table.groupby("patient")["split"].nunique()
    if parts_of_patients.max() > 1:
        # In the file itself, so that no score on it can be taken for another.
        table = table.assign(**{LEAKY: "patients are in two parts"})
    with held_folder(dataset.path):
        write_text(dataset.path / "split.csv", table.to_csv(lineterminator="\n"))
    return table


def _wanted_parts(table: pd.DataFrame, config: SplitConfig) -> list[str]:
    """Return the parts that may not be empty."""
    if config.scheme not in _SCHEMES or config.scheme == "source":
        # Of a split that others made any part may be missing, but not all.
        if table["split"].isin(PARTS).any():
            return []
        return ["train"]
    wanted = ["train"]
    if config.val:
        wanted.append("val")
    if config.test or config.scheme != "random":
        wanted.append("test")
    return wanted


def check_split(table: pd.DataFrame, wanted: Iterable[str], *, leaky: bool = False) -> None:
    """Refuse a split with a wanted part empty, an unknown part, or (unless it is leaky on purpose)
    a patient on two sides."""
    unknown = sorted(set(table["split"]) - {*PARTS})
    if unknown:
        raise SplitError(f"split has the part '{unknown[0]}', wanted {', '.join(PARTS)}")
    by_patient = table.groupby("patient")["split"].agg(lambda parts: sorted(set(parts)))
    for patient, parts in by_patient.items():
        if len(parts) > 1 and not leaky:
            raise SplitError(
                f"patient {patient} is in {' and '.join(parts)}; a patient must be on one side"
                " only, split by patient with --scheme random"
            )
    for part in wanted:
        if not (table["split"] == part).any():
            raise SplitError(
                f"split '{part}' has no region ({counted(len(table), 'region')} of"
                f" {counted(len(by_patient), 'patient')} in all); choose another scheme or share,"
                " or --val 0 for none"
            )


def load_split(dataset: Dataset) -> pd.DataFrame:
    """Return the data set's split, by region.

    Raises:
        SplitError: not split yet, or the file does not fit the regions.
    """
    rows = listed_split(dataset)
    repeated = rows.index[rows.index.duplicated()]
    if len(repeated):
        raise SplitError(
            f"{dataset.path / 'split.csv'}: region {repeated[0]} is in two rows; split the data set"
            " again"
        )
    check_split(rows, [], leaky=is_leaky(rows))
    return rows


def listed_split(dataset: Dataset) -> pd.DataFrame:
    """Return the data set's split.csv as it lies there, by region: patient, site, split; a region
    may be in several rows.

    Raises:
        SplitError: not split yet, no such table, a region that is missing or not known, a part that
            is none, or a patient or hospital who is not the one in regions.csv.
    """
    path = dataset.path / "split.csv"
    regions = dataset.regions
    if not path.is_file():
        raise SplitError(
            f"{dataset.path}: not split yet; run breastseg split {dataset.path} --scheme random"
        )
    table = read_table(
        path, SplitError, needed=("region", "split"), known=("patient", "site", LEAKY)
    )
    names = _names(table, regions, "region", "split the data set again")
    _check_whole(table, regions, "region", names)
    rows = regions.loc[names, ["patient", "site"]].assign(split=_parts(table))
    if LEAKY in table.columns:
        rows[LEAKY] = [row[LEAKY] for row in table.rows]
    return rows


def is_leaky(table: pd.DataFrame) -> bool:
    """Return whether a split was written with patients on two sides on purpose."""
    return LEAKY in table


def regions_of(table: pd.DataFrame, part: str) -> list[str]:
    """Return the ids of a part ("all" for every region), SplitError when there is none."""
    if part not in CHOSEN:
        raise InputError(f"split '{part}': wanted {', '.join(PARTS)} or all")
    chosen = table if part == "all" else table[table["split"] == part]
    ids = [str(region) for region in chosen.index]
    if not ids:
        raise SplitError(
            f"split '{part}' has no region; parts here are {', '.join(sorted(set(table['split'])))}"
        )
    return ids


def split_fingerprint(table: pd.DataFrame) -> str:
    """Return a hash of who is where."""
    # Sorted: the order of the rows decides nothing.
    text = table[["split"]].sort_index().to_csv(lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _groups(regions: pd.DataFrame, by: str) -> pd.Series:
    """Return the patient or the hospital of each region."""
    if by not in BY:
        raise InputError(f"--by {by}: wanted {' or '.join(BY)}")
    if by == "hospital" and (regions["site"] == "").any():
        raise SplitError(
            f"region {regions.index[regions['site'] == ''][0]} has no hospital; name it in the"
            " table's site column, or split by patient"
        )
    return regions["site" if by == "hospital" else by]


def _shuffled(groups: pd.Series, seed: int) -> list[str]:
    # Sorted first, so that the draw does not depend on the order of the regions.
    names = sorted(set(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    return [names[i] for i in order]


def _with_val(groups: pd.Series, test: set[str], config: SplitConfig) -> pd.Series:
    """Give every region its part: `test` groups, then a share of the rest for validation, train."""
    # One shuffle for both draws: the same seed with another --val leaves test as it is.
    rest = [name for name in _shuffled(groups, config.seed) if name not in test]
    val: set[str] = set()
    if config.val:
        # A share that was asked for has one group at least.
        val = set(rest[: max(1, round(len(rest) * config.val))])

    def part_of(name: str) -> str:
        if name in test:
            return "test"
        return "val" if name in val else "train"

    return groups.map(part_of)


def _official(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    return _with_val(_groups(regions, "hospital"), set(OFFICIAL_TEST_SITES), config)


def _random(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, config.by)
    names = _shuffled(groups, config.seed)
    test: set[str] = set()
    if config.test:
        test = set(names[: max(1, round(len(names) * config.test))])
    return _with_val(groups, test, config)


def _kfold(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, config.by)
    names = _shuffled(groups, config.seed)
    if not 2 <= config.folds <= len(names) or not 0 <= config.fold < config.folds:
        raise InputError(
            f"fold {config.fold} of {config.folds}: wanted 2 to {len(names)} folds ({config.by}s"
            " here), counted from 0"
        )
    # Every fifth name of the shuffled list: over all folds each group is test once.
    return _with_val(groups, set(names[config.fold :: config.folds]), config)


def _leave_one_out(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    groups = _groups(regions, "patient")
    if config.patient not in set(groups):
        raise InputError(
            f"--patient {config.patient or '(none)'}: not in this data set; patients are"
            f" {', '.join(sorted(set(groups))[:20])}"
        )
    return _with_val(groups, {config.patient}, config)


def _source(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    if (regions["source_split"] == "").any():
        raise SplitError(
            "this source has no split of its own; choose --scheme random, kfold, leave-one-out or"
            " bcss-official"
        )
    return regions["source_split"]


def _from_csv(regions: pd.DataFrame, config: SplitConfig) -> pd.Series:
    path = Path(config.scheme)
    if not path.is_file():
        raise InputError(
            f"--scheme {config.scheme}: not known; wanted {', '.join(_SCHEMES)}, or a CSV file"
        )
    table = read_table(
        path, SplitError, needed=("split",), known=("region", "patient", "site", LEAKY)
    )
    # A region says more than a patient, where a table has both.
    if "region" in table.columns:
        key = "region"
    elif "patient" in table.columns:
        key = "patient"
    else:
        raise SplitError(
            f"{path}: columns are {', '.join(table.columns)}, wanted region or patient, and split"
        )
    names = _names(table, regions, key, "mend the row, or remove it")
    part_of: dict[str, tuple[str, int]] = {}
    for row, name, part in zip(table.rows, names, _parts(table), strict=True):
        first_part, first_number = part_of.setdefault(name, (part, row.number))
        # A patient may have a row for each region; a region has one.
        is_repeated = key == "region" and first_number != row.number
        if first_part != part or is_repeated:
            raise SplitError(
                f"{table.where(row)}: {key} {name} is in {part}, in row {first_number} in"
                f" {first_part}; keep one row"
            )
    _check_whole(table, regions, key, part_of)
    keys = regions.index.to_series() if key == "region" else regions["patient"]
    return keys.map(lambda name: part_of[name][0])


def _parts(table: Table) -> list[str]:
    """Return each row's part; case does not matter."""
    parts = [row["split"].casefold() for row in table.rows]
    for row, part in zip(table.rows, parts, strict=True):
        if part not in PARTS:
            raise SplitError(
                f"{table.where(row)}: split has the part '{shown(row['split'])}', wanted"
                f" {', '.join(PARTS)}"
            )
    return parts


def _names(table: Table, regions: pd.DataFrame, key: str, advice: str) -> list[str]:
    """Return the region or patient of each row, as `key` says; a region may be named by its
    image's file.

    Raises:
        SplitError: a row fits no region, or contradicts what is known of it.
    """
    known = set(map(str, regions.index if key == "region" else regions["patient"]))
    near = {alike(name): name for name in sorted(known)}
    names = []
    for row in table.rows:
        name = row[key]
        if name not in known and key == "region":
            # A path of either system: tables travel between them.
            name = picture_name(name.replace("\\", "/").split("/")[-1])
        if name not in known:
            other = near.get(alike(name))
            hint = advice
            if other:
                hint = f"is it '{other}', changed by a spreadsheet? Keep that column as text"
            raise SplitError(
                f"{table.where(row)}: {key} '{shown(row[key])}' is not in regions.csv; {hint}"
            )
        if key == "region":
            _check_same(table, row, regions, name, advice)
        names.append(name)
    return names


def _check_same(table: Table, row: Row, regions: pd.DataFrame, name: str, advice: str) -> None:
    """Refuse a row whose patient or hospital is another than in regions.csv."""
    for column in ("patient", "site"):
        if column not in table.columns:
            continue
        own = row[column]
        known = str(regions.at[name, column])
        if own != known:
            raise SplitError(
                f"{table.where(row)}: {column} is '{shown(own)}', regions.csv says"
                f" '{shown(known)}'; {advice}"
            )


def _check_whole(table: Table, regions: pd.DataFrame, key: str, names: Iterable[str]) -> None:
    """Refuse a table that leaves a region out."""
    listed = set(names)
    keys = regions.index if key == "region" else regions["patient"]
    for region, name in zip(regions.index, keys, strict=True):
        if name not in listed:
            raise SplitError(f"{table.path}: says nothing of region {region}; add a row for it")


_SCHEMES: Mapping[str, Callable[[pd.DataFrame, SplitConfig], pd.Series]] = {
    "bcss-official": _official,
    "random": _random,
    "kfold": _kfold,
    "leave-one-out": _leave_one_out,
    "source": _source,
}
