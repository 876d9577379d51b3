"""Regions that tell their class without any learning of mammograms."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from breastseg.studies.rois.audit.guesses import guesses


def test_a_bright_middle_gives_its_class_away() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(12) % 2
    crops = rng.integers(20000, 30000, (12, 64, 64)).astype(np.uint16)
    crops[truth == 1, 24:40, 24:40] += 20000
    found = guesses(crops, truth, [f"p{number}" for number in range(12)], 3)
    assert set(found) == {"centre against ring", "random weights"}
    middle = found["centre against ring"]
    assert middle.shape == (12,)
    assert middle[truth == 1].min() > middle[truth == 0].max()
