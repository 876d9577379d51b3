import math

import numpy as np
import pytest

from breastseg.labels import BUILT_IN
from breastseg.maps.measures.areas import areas_of

REGION5 = BUILT_IN["region5"]


def test_areas_are_pixels_by_their_size_and_shares_are_of_what_was_analysed() -> None:
    counts = np.zeros(256, np.int64)
    counts[:3] = 500, 300, 100  # 500 were not analysed
    areas = areas_of(counts, REGION5, 2.0)
    first, second = REGION5.names[:2]
    assert areas["analysed_mm2"] == pytest.approx(400 * 4 / 1e6)
    assert areas[f"{first}_mm2"] == pytest.approx(300 * 4 / 1e6)
    assert (areas[f"{first}_percent"], areas[f"{second}_percent"]) == (75, 25)
    assert len(areas) == 1 + 2 * len(REGION5.names)


def test_nothing_analysed_has_no_shares() -> None:
    areas = areas_of(np.zeros(256, np.int64), REGION5, 1.0)
    assert areas["analysed_mm2"] == 0
    assert all(math.isnan(areas[f"{name}_percent"]) for name in REGION5.names)
