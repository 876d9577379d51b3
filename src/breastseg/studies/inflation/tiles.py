"""A data set cut into tiles as the literature has them, and who is held out: single tiles, whole
fields, whole patients."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from breastseg.data.dataset import Dataset
from breastseg.errors import DatasetError, SplitError
from breastseg.wording import counted

PROTOCOLS: Mapping[str, str] = {
    "random tiles": "tile",
    "by region": "field",
    "by patient": "patient",
}
"""What is kept together when tiles are held out, by the protocol's name; from the leakiest to the
honest one."""

HONEST = "by patient"


def cut_tiles(
    data: Dataset, *, tile_px: int, field_tiles: int, guard_um: float, folds: int
) -> pd.DataFrame:
    """Cut annotated regions into fields with a guard band between them, and fields into tiles that
    touch.

    Args:
        data: regions in which nothing but dots is known are left out.
        tile_px: side of a tile.
        field_tiles: tiles along a side of a field.
        guard_um: least distance between two fields of a region, microns.
        folds: patients with fewer fields than this are left out, for they could not be on both
            sides of every fold.

    Returns:
        one row a tile with an annotated pixel, by its name `REGION_yY_xX_SIDE`: region, patient,
        field, tile, y, x, side.

    Raises:
        DatasetError: no patient has fields enough.
    """
    dotted = set(data.dotted(list(data.regions.index)))
    guard_px = round(guard_um / data.mpp)
    rows = []
    for region in data.regions.index:
        if region not in dotted:
            rows += _tiles_of(data, str(region), tile_px, field_tiles, guard_px)
    columns = ["region", "patient", "field", "tile", "y", "x", "side"]
    table = pd.DataFrame(rows, columns=columns)  # the columns are there without a row, too
    table = table.set_index("tile", drop=False).rename_axis(None)
    enough = table.groupby("patient")["field"].transform("nunique") >= folds
    if not enough.any():
        side_um = tile_px * field_tiles * data.mpp
        raise DatasetError(
            f"{data.path}: no patient has {folds} annotated fields of {side_um:g} um, {guard_um:g}"
            " um apart; take a smaller --tile, fewer --folds, or larger regions"
        )
    return table[enough]


def _tiles_of(
    data: Dataset, region: str, tile: int, field_tiles: int, guard: int
) -> list[dict[str, str | int]]:
    """List a region's tiles that hold an annotated pixel."""
    labels = data.labels(region)
    side = tile * field_tiles
    patient = str(data.regions.loc[region, "patient"])
    tops = _starts(labels.shape[0], side, guard)
    lefts = _starts(labels.shape[1], side, guard)
    rows: list[dict[str, str | int]] = []
    for top, left in product(tops, lefts):
        field = f"{region}_y{top}_x{left}_{side}"
        for y, x in product(range(top, top + side, tile), range(left, left + side, tile)):
            # 0 is "not annotated": a tile of it alone can be neither trained on nor scored
            own_labels = labels[y : y + tile, x : x + tile]
            if not own_labels.any():
                continue
            rows.append(
                {
                    "region": region,
                    "patient": patient,
                    "field": field,
                    "tile": f"{region}_y{y}_x{x}_{tile}",
                    "y": y,
                    "x": x,
                    "side": tile,
                }
            )
    return rows


def _starts(length: int, side: int, guard: int) -> list[int]:
    """Return where fields of `side` start along a line: as many as fit with `guard` between them,
    spread evenly."""
    count = (length + guard) // (side + guard)  # n fields have n - 1 guards between them
    if count < 2:
        return [(length - side) // 2] * count
    room = length - side  # where the last one starts
    return [number * room // (count - 1) for number in range(count)]


def folds_of(tiles: pd.DataFrame, protocol: str, folds: int, seed: int) -> "pd.Series[int]":
    """Deal every tile into one fold: singly, with its field (each patient's fields over all folds),
    or with its patient.

    Raises:
        SplitError: fewer patients than folds.
    """
    rng = np.random.default_rng(seed)
    if protocol == HONEST:
        # patients have very different numbers of tiles: dealt by lot, folds would, too
        sizes: dict[str, int] = {}
        for patient, number in tiles["patient"].value_counts().items():
            sizes[str(patient)] = int(number)
        return tiles["patient"].map(_balanced(sizes, folds))
    unit = tiles[PROTOCOLS[protocol]]
    groups = [unit]
    if protocol != "random tiles":
        # dealt patient by patient, so that each patient's fields are spread over all folds
        groups = [part for _, part in unit.groupby(tiles["patient"])]
    dealt: list[str] = []
    for group in groups:
        names = sorted(set(group))
        for place in rng.permutation(len(names)):
            dealt.append(str(names[place]))
    # round the table like cards: folds differ by one unit at most
    fold_of = {name: place % folds for place, name in enumerate(dealt)}
    return unit.map(fold_of)


def _balanced(sizes: Mapping[str, int], folds: int) -> dict[str, int]:
    """Give each patient, the largest first, to the fold with the fewest tiles."""
    if len(sizes) < folds:
        raise SplitError(
            f"{counted(len(sizes), 'patient')} with areas, wanted at least {folds}, one a fold; add"
            " patients or take fewer --folds"
        )
    tiles_in = [0] * folds
    fold_of = {}
    # by name where two are equally large, so that the order of the table does not matter
    for patient in sorted(sizes, key=lambda name: (-sizes[name], name)):
        fold_of[patient] = tiles_in.index(min(tiles_in))
        tiles_in[fold_of[patient]] += sizes[patient]
    return fold_of


def training_tiles(folds: "pd.Series[int]", fold: int, number: int, seed: int) -> list[str]:
    """Draw `number` of the tiles outside a fold, so that every training of a study has the same
    number."""
    outside = folds.index[folds != fold]
    names = sorted(str(name) for name in outside)
    rng = np.random.default_rng([seed, fold])
    places = rng.choice(len(names), number, replace=False, shuffle=False)
    return [names[place] for place in sorted(places)]
