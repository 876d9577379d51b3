"""One pass over the images: windows share an image evenly, and traits are those of its pixels."""

import numpy as np
import pytest

from breastseg.data.audit.look import MAX_WINDOWS, WINDOW_UM, _sampled, _traits, _windows, look
from breastseg.data.dataset import Dataset


@pytest.mark.parametrize("size", [(100, 100), (224, 448), (700, 1000), (223, 225), (1, 5000)])
def test_windows_cover_every_pixel_once(size: tuple[int, int]) -> None:
    seen = np.zeros(size, int)
    windows = _windows(size, 0.5)
    for window in windows:
        seen[window] += 1
    assert (seen == 1).all()
    side = WINDOW_UM / 0.5
    assert len(windows) == max(1, int(size[0] / side)) * max(1, int(size[1] / side))


def test_traits_of_glass_and_of_an_edge() -> None:
    glass = np.full((64, 64, 3), 255, np.uint8)
    assert _traits(glass) == (0, 0, 0)
    half = glass.copy()
    half[:, :32] = 60
    tissue, contrast, sharpness = _traits(half)
    assert tissue == 0.5
    assert contrast == pytest.approx(195 / 2)
    assert sharpness > 100


def test_few_windows_are_all_kept_and_many_are_drawn_alike_each_time() -> None:
    assert _sampled(50).all()
    many = _sampled(MAX_WINDOWS + 500)
    assert many.sum() == MAX_WINDOWS
    assert np.array_equal(many, _sampled(MAX_WINDOWS + 500))


def test_every_region_has_a_row_and_every_window_its_classes(painted_data: Dataset) -> None:
    looks = look(painted_data)
    assert list(looks.regions.index) == list(painted_data.regions.index)
    assert looks.hashes.shape == (6, 8, 4)
    assert looks.region.tolist() == list(range(6)), "96 px at 0.3 um/px are one window"
    assert np.array_equal(looks.pixels, painted_data.class_pixels.to_numpy())
    assert (looks.colours**2).sum(axis=1) == pytest.approx(1, abs=1e-5)
