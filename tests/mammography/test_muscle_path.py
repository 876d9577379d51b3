"""The border of the muscle: curves, their scores, and the path between."""

from itertools import product

import numpy as np
import pytest

from breastseg.mammography import muscle_path
from breastseg.mammography.working import working_of
from film_phantoms import paint

MM_PER_PX = 1.0


def test_contrast_of_films_of_other_brightness_is_the_same() -> None:
    rng = np.random.default_rng(0)
    grey = rng.uniform(50, 150, (80, 60)).astype(np.float32)
    breast = np.ones((80, 60), bool)
    breast[:, 40:] = False
    first = muscle_path.contrast_of(grey, breast)
    second = muscle_path.contrast_of(0.5 * grey + 20, breast)
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert np.all(first[~breast] == 0)
    assert first.min() >= np.float32(-0.2)
    assert first.max() <= np.float32(1.2)


def test_a_step_has_four_tenths_of_its_height_at_every_pixel_size() -> None:
    for mm_per_px in (0.25, 0.5):
        step = np.zeros((round(40 / mm_per_px),) * 2, np.float32)
        step[step.shape[0] // 2 :] = 1
        along_rows, along_columns = muscle_path.gradients(step, mm_per_px)
        assert along_rows.max() == pytest.approx(0.4, abs=0.03)
        assert np.abs(along_columns).max() < 1e-6


def test_the_distance_to_the_skin_does_not_count_the_edges_of_the_film() -> None:
    breast = np.zeros((20, 20), bool)
    breast[:, :10] = True
    distance = muscle_path.from_skin_mm(breast, 0.5)
    np.testing.assert_allclose(distance[:, 0], 5.0, atol=1e-3)
    np.testing.assert_allclose(distance[:, 9], 0.5, atol=1e-3)
    assert np.all(distance[:, 10:] == 0)


def test_curves_run_from_the_top_edge_to_the_chest_wall() -> None:
    breast = np.ones((150, 100), bool)
    rows, columns, length_mm = muscle_path.candidates(breast, MM_PER_PX)
    assert rows.shape == columns.shape == (len(length_mm), rows.shape[1])
    np.testing.assert_allclose(rows[:, 0], 0, atol=1e-3)
    np.testing.assert_allclose(columns[:, -1], 0, atol=1e-3)
    straight = np.hypot(rows[:, -1], columns[:, 0])
    np.testing.assert_allclose(length_mm, straight, rtol=1e-4)
    assert np.all(rows[:, -1] > 0.6 * columns[:, 0])


def test_the_cheapest_path_is_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(3)
    cost = rng.uniform(0, 0.1, (5, 4))

    def price(path: tuple[int, ...]) -> float:
        steps = np.abs(np.diff(path))
        if steps.max() > 1:
            return np.inf
        return float(cost[range(5), path].sum() + muscle_path._TURN_COST * steps.sum())

    wanted = min(product(range(4), repeat=5), key=price)
    assert tuple(muscle_path._least_path(cost)) == wanted


def test_normals_point_away_from_the_corner() -> None:
    rows = np.linspace(0, 40, 20, dtype=np.float32)[None]
    columns = np.linspace(30, 0, 20, dtype=np.float32)[None]
    outward_rows, outward_columns = muscle_path._outward(rows, columns)
    np.testing.assert_allclose(outward_rows, 0.6, atol=1e-4)
    np.testing.assert_allclose(outward_columns, 0.8, atol=1e-4)


def test_the_border_of_a_painted_muscle() -> None:
    """The straight border of a painted muscle is found to 3 mm; without one the score is low."""
    film = paint(1)
    working = working_of(film.pixels, film.mm_per_px)
    height, width = working.grey.shape
    breast = film.breast[:: film.breast.shape[0] // height, :: film.breast.shape[1] // width]
    border = muscle_path.find_border(
        working.grey, breast[:height, :width].copy(), working.mm_per_px
    )
    assert border.score > muscle_path.LEAST_SCORE
    rows_mm = border.rows * working.mm_per_px
    columns_mm = border.columns * working.mm_per_px
    on_film = (rows_mm > 10) & (columns_mm > 5)
    # the painted border: row / 95 mm + column / 45 mm = 1
    away_mm = (rows_mm / 95 + columns_mm / 45 - 1) / np.hypot(1 / 95, 1 / 45)
    assert np.abs(away_mm[on_film]).mean() < 3
