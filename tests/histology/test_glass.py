import numpy as np
import pytest

from breastseg.histology.glass import find_glass


def test_the_colour_of_glass_is_found_beside_tissue() -> None:
    picture = np.full((200, 200, 3), (240, 235, 238), np.uint8)
    picture += np.random.default_rng(0).integers(0, 3, picture.shape, np.uint8)
    picture[:, :80] = (180, 100, 160)
    density = find_glass(picture, 8.0).density
    assert density == pytest.approx([-np.log(value / 255) for value in (241, 236, 239)], abs=0.005)


def test_a_field_full_of_tissue_has_white_glass() -> None:
    picture = np.random.default_rng(0).integers(90, 200, (200, 200, 3), np.uint8)
    assert find_glass(picture, 8.0).density == (0.0, 0.0, 0.0)
