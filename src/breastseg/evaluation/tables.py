"""The tables of an evaluation: counts, and what follows from them by region, hospital and group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.evaluation.compare import NOT_ANALYSED
from breastseg.evaluation.groups import group_rows
from breastseg.evaluation.scores import (
    COUNTS,
    DOTS_COUNTS,
    GROUP_TABLE,
    HOSPITAL_TABLE,
    REGION_TABLE,
    Scores,
)
from breastseg.evaluation.summary import RegionCounts, hospital_rows, region_rows
from breastseg.files import write_table, write_text
from breastseg.metrics import kinds_of
from breastseg.metrics.confusion import Counts


def write_tables(
    scores: Scores, counts: Mapping[str, RegionCounts], regions: pd.DataFrame, out: Path
) -> None:
    """Write the tables; one without a row is left out.

    Args:
        scores: that follow from the counts.
        counts: by region.
        regions: the data set's table.
        out: folder of the evaluation.
    """
    names = list(scores.pooled)
    pixels = {region: counted.pixels for region, counted in counts.items()}
    dots = {region: counted.dots for region, counted in counts.items()}
    _write_counts(out / COUNTS, counts_table(pixels, names, "px", names))
    _write_counts(out / DOTS_COUNTS, counts_table(dots, names, "dots", kinds_of(names)))
    if scores.overall.support_px:
        write_table(out / REGION_TABLE, region_rows(scores.regions, regions))
        write_table(out / HOSPITAL_TABLE, hospital_rows(scores.hospitals))
    groups = group_rows(scores.groups or ())
    if groups:
        write_table(out / GROUP_TABLE, groups)


def _write_counts(path: Path, table: pd.DataFrame) -> None:
    """Write a table of counts that has rows."""
    if not table.empty:
        # The same line ends on every system: two runs are compared by their bytes.
        write_text(path, table.to_csv(index=False, lineterminator="\n"))


def counts_table(
    counts: Mapping[str, Counts], names: Sequence[str], unit: str, truths: Sequence[str]
) -> pd.DataFrame:
    """Return counts as rows of region, truth, prediction and number; empty cells are left out.

    Args:
        counts: (T, 1 + K) by region: rows are kinds of truth, column 0 is "not analysed".
        names: the K classes.
        unit: what is counted, px or dots; the last column is called so.
        truths: the T kinds of truth.
    """
    columns = [NOT_ANALYSED, *names]
    rows = []
    for region, matrix in counts.items():
        for truth, prediction in np.argwhere(matrix):  # (N, 2) cells that hold something
            rows.append(
                {
                    "region": region,
                    "truth": truths[truth],
                    "prediction": columns[prediction],
                    unit: int(matrix[truth, prediction]),
                }
            )
    return pd.DataFrame(rows, columns=["region", "truth", "prediction", unit])
