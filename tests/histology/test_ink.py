import numpy as np
import pytest

from breastseg.histology.ink import is_ink

COLOURS = {
    "black": ((0.9, 0.9, 0.9), True),
    "blue pen": ((0.8, 0.5, 0.2), True),
    "red pen": ((0.1, 0.9, 0.8), True),
    "haematoxylin": ((0.65, 0.75, 0.35), False),
    "eosin": ((0.1, 0.5, 0.2), False),
    "glass": ((0.02, 0.02, 0.02), False),
}


@pytest.mark.parametrize(("density", "wanted"), COLOURS.values(), ids=COLOURS)
def test_ink_has_colours_that_stains_have_not(
    density: tuple[float, float, float], wanted: bool
) -> None:
    planes = [np.full((5, 5), value, np.float32) for value in density]
    assert is_ink(*planes).all() == wanted
    assert is_ink(*planes).any() == wanted
