import pytest

from breastseg.histology.bands import bands


@pytest.mark.parametrize("height", [1, 511, 512, 513, 2000])
def test_every_row_is_kept_once_and_its_surroundings_are_looked_at(height: int) -> None:
    kept: list[int] = []
    for rows, inner in bands(height, 8.0):
        looked_at = range(height)[rows]
        kept += looked_at[inner]
        assert looked_at[0] == 0 or looked_at[inner][0] - looked_at[0] >= 92  # 740 um at 8 um/px
    assert kept == list(range(height))
