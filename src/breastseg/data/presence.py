"""What is known of whole regions: classes that are in them, and classes that are not. Columns `with` and `without` of regions.csv."""

from collections.abc import Mapping

import pandas as pd

from breastseg.data.fields import JOINED, WITH, WITHOUT
from breastseg.errors import DatasetError
from breastseg.tables import Table


def check_pixels(table: Table, regions: pd.DataFrame) -> None:
    """Refuse a region that has pixels of a class which it is said not to have.

    Raises:
        DatasetError: naming the row.
    """
    if WITHOUT not in regions.columns:
        return
    for row, names, (_, counted) in zip(table.rows, regions[WITHOUT], regions.iterrows(), strict=True):
        for name in filter(None, names.split(JOINED)):
            if pixels := int(counted[f"px_{name}"]):
                raise DatasetError(
                    f"{table.where(row)}: column 'without' names '{name}', of which the region has {pixels:,} annotated pixels; "
                    "take it out of the column, or out of the annotation"
                )


def presence_of(regions: pd.DataFrame, region: str, names: tuple[str, ...]) -> Mapping[int, bool]:
    """Return, by label, the classes of which is known that the region has them (True) or not (False)."""
    found: dict[int, bool] = {}
    for column, has in ((WITHOUT, False), (WITH, True)):
        if column in regions.columns:
            found |= {names.index(name) + 1: has for name in filter(None, str(regions.at[region, column]).split(JOINED))}
    return found
