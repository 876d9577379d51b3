"""regions.csv: what is read of it, and what in it cannot be."""

from pathlib import Path

import pandas as pd
import pytest

from breastseg.data.dataset import Dataset
from breastseg.data.regions_table import read_regions
from breastseg.errors import DatasetError


def changed(data: Dataset, column: str, value: object, *, row: int = 1) -> Path:
    """Write regions.csv with one cell changed; the head is row 1."""
    path = data.path / "regions.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[row, column] = str(value)
    table.to_csv(path, index=False, lineterminator="\n")
    return path


def test_a_table_is_read_as_prepare_wrote_it(painted_data: Dataset) -> None:
    found = read_regions(painted_data.path / "regions.csv", painted_data.label_map)
    assert found.index.name == "region"
    pd.testing.assert_frame_equal(found, painted_data.regions)
    pixels = [name for name in found.columns if name.startswith("px_")]
    assert pixels == ["px_not_annotated", *(f"px_{name}" for name in painted_data.label_map.names)]


@pytest.mark.parametrize(
    ("column", "value", "fact"),
    [
        ("patient", "", "no patient"),
        ("annotation", "guesses", "guesses"),
        ("region", "a/b", "a/b"),
        ("width_px", "many", "width_px"),
        ("width_px", "97", "do not add up"),
        ("px_tumor", "-1", "px_tumor"),
        ("source_mpp", "nan", "source_mpp"),
        ("px_blood", "0", "px_blood"),
        ("annotation", "fields", "nothing is known"),
    ],
)
def test_a_cell_that_cannot_be_is_named(
    painted_data: Dataset, column: str, value: str, fact: str
) -> None:
    path = changed(painted_data, column, value)
    with pytest.raises(DatasetError, match=fact):
        read_regions(path, painted_data.label_map)


def test_a_region_in_two_rows_is_refused(painted_data: Dataset) -> None:
    path = changed(painted_data, "region", painted_data.regions.index[0])
    with pytest.raises(DatasetError, match=str(painted_data.regions.index[0])):
        read_regions(path, painted_data.label_map)
