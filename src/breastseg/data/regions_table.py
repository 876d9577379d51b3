"""regions.csv of a data set, read and checked: one row a region."""

import re
from pathlib import Path

import pandas as pd

from breastseg.data.fields import FIELDS, TYPE, WITH, WITHOUT, check_pixels, check_row
from breastseg.errors import DatasetError
from breastseg.labels import LabelMap
from breastseg.tables import Row, Table, read_table, shown

_WORDS = (
    "patient",
    "site",
    "annotation",
    "mpp_source",
    "source_split",
    "image_sha256",
    "labels_sha256",
)
SCANNER = "scanner"
_NOT_ALWAYS = ("box_level0_px", SCANNER, "places", "voted_px", WITHOUT, WITH, TYPE)
"""Columns that only some data sets have."""
_ANNOTATIONS = ("areas", "dots", FIELDS)
# Float64 holds whole numbers up to 2 ** 53; no region comes near this.
_MOST_PX = 2**40


def read_regions(path: Path, label_map: LabelMap) -> pd.DataFrame:
    """Read the table of regions, columns of pixels in the order of the labels.

    Raises:
        DatasetError: it is not such a table, or one that has been changed: a region twice, pixels
            that do not add up, no number.
    """
    classes = tuple(f"px_{name}" for name in label_map.names)
    needed = (
        "region",
        *_WORDS[:3],
        "width_px",
        "height_px",
        "source_mpp",
        *_WORDS[3:],
        "px_not_annotated",
        *classes,
    )
    table = read_table(path, DatasetError, needed=needed, known=_NOT_ALWAYS, others=True)
    for name in table.columns:
        if name.startswith("px_") and name not in needed:
            raise DatasetError(
                f"{path}: column {shown(name)} is of no class in dataset.json; prepare it again"
            )
    for column in ("region", "patient"):
        table.needs(column, f"no {column}; prepare it again")
    for name, row in table.by("region").items():
        _check_words(table, name, row)
        check_row(table, row, label_map.names)
    regions = _frame(table, needed, classes)
    _check_sums(table, regions, classes)
    check_pixels(table, regions)
    return regions


def _check_words(table: Table, name: str, row: Row) -> None:
    """Refuse a region whose name is no name of a file, or whose annotation is of no kind."""
    if re.search(r"[/\\]", name):
        raise DatasetError(
            f"{table.where(row)}: region '{shown(name)}' is no name of a file; prepare it again"
        )
    if row["annotation"] not in _ANNOTATIONS:
        odd_kind = shown(row["annotation"])
        raise DatasetError(
            f"{table.where(row)}: annotation '{odd_kind}', wanted {', '.join(_ANNOTATIONS)};"
            " prepare it again"
        )


def _frame(table: Table, needed: tuple[str, ...], classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the table with numbers as numbers, the needed columns first and in their order."""
    # Of the columns some hold whole numbers, one a positive number, all others words.
    whole = {"width_px", "height_px", "px_not_annotated", "places", "voted_px", *classes}
    place = {name: number for number, name in enumerate(needed)}
    columns: dict[str, object] = {}
    for column in sorted(table.columns, key=lambda name: place.get(name, len(needed))):
        if column in whole:
            columns[column] = _whole(table, column)
        elif column == "source_mpp":
            columns[column] = _positive(table, column)
        else:
            columns[column] = [row[column] for row in table.rows]
    return pd.DataFrame(columns).set_index("region")


def _check_sums(table: Table, regions: pd.DataFrame, classes: tuple[str, ...]) -> None:
    """Refuse a region whose pixels by label are not all of its pixels."""
    counted = regions[["px_not_annotated", *classes]].sum(axis=1).to_numpy()  # (R,)
    area = (regions["width_px"] * regions["height_px"]).to_numpy()
    is_odd = counted != area
    if is_odd.any():
        first = table.rows[int(is_odd.argmax())]
        raise DatasetError(
            f"{table.where(first)}: pixels do not add up to width_px x height_px; prepare it again"
        )


def _whole(table: Table, column: str) -> list[int]:
    """Return a column of whole numbers."""
    numbers = table.numbers(column)
    for row, number in zip(table.rows, numbers, strict=True):
        if number is None or not (number.is_integer() and 0 <= number <= _MOST_PX):
            raise DatasetError(
                f"{table.where(row)}: {column} '{shown(row[column])}', wanted a whole number;"
                " prepare it again"
            )
    return [int(number or 0) for number in numbers]


def _positive(table: Table, column: str) -> list[float]:
    """Return a column of numbers above 0."""
    numbers = table.numbers(column)
    for row, number in zip(table.rows, numbers, strict=True):
        if not number or number < 0:
            raise DatasetError(
                f"{table.where(row)}: {column} '{shown(row[column])}', wanted microns per pixel;"
                " prepare it again"
            )
    return [number or 0.0 for number in numbers]
