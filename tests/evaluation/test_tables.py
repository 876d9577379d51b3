"""Counts as a table."""

import numpy as np

from breastseg.evaluation.tables import counts_table


def test_each_cell_that_holds_something_is_a_row() -> None:
    rng = np.random.default_rng(0)
    counts = {region: rng.integers(0, 3, (2, 3)) for region in ("a", "b")}
    table = counts_table(counts, ["tumor", "other"], "px", ["tumor", "other"])
    assert list(table.columns) == ["region", "truth", "prediction", "px"]
    names = ["not analysed", "tumor", "other"]
    wanted = []
    for region, matrix in counts.items():
        for i in range(2):
            for j in range(3):
                if matrix[i, j]:
                    wanted.append([region, names[1 + i], names[j], matrix[i, j]])
    assert table.to_numpy().tolist() == wanted


def test_nothing_counted_is_a_table_without_rows() -> None:
    empty = counts_table({"a": np.zeros((1, 2), np.int64)}, ["tumor"], "dots", ["tumor"])
    assert empty.empty
    assert list(empty.columns) == ["region", "truth", "prediction", "dots"]
