"""Filters of films in 16 bits, against SciPy and by hand; papers; density."""

import math

import numpy as np
import pytest
from scipy.signal import wiener as scipy_wiener

from breastseg.errors import ImageError, InputError
from breastseg.mammography.contrast import adaptive_watershed, clahe, in_16_bits, median, wiener
from breastseg.mammography.density import category_of, density_of
from breastseg.mammography.masks import BREAST, MUSCLE, masks_of
from breastseg.mammography.papers import STEPS, as_paper
from film_phantoms import paint


@pytest.fixture(scope="module")
def film():
    return paint(plate=True, mm_per_px=0.4)


def test_wiener_is_scipys_but_at_the_edges():
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 65536, (80, 90)).astype(np.uint16)
    pixels[:, 40:] //= 3
    ours = wiener(pixels)
    values = pixels.astype(np.float64)
    # SciPy's noise counts its edges of zeros: give it the noise of mirrored edges
    padded = np.pad(values, 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    noise = windows.var(axis=(2, 3)).mean()
    theirs = scipy_wiener(values, 5, noise=noise)
    np.testing.assert_allclose(ours[2:-2, 2:-2], theirs[2:-2, 2:-2], atol=1)


@pytest.mark.parametrize("filtered", [wiener, median, clahe])
def test_16_bits_stay_16_bits_and_8_bits_give_the_same(filtered):
    rng = np.random.default_rng(3)
    eight = rng.integers(0, 256, (128, 128)).astype(np.uint8)
    from_eight, from_sixteen = filtered(eight), filtered(in_16_bits(eight))
    assert from_eight.dtype == np.uint16
    np.testing.assert_array_equal(from_eight, from_sixteen)


@pytest.mark.parametrize("filtered", [wiener, median])
def test_constant_in_constant_out(filtered):
    pixels = np.full((70, 70), 40_001, np.uint16)
    np.testing.assert_array_equal(filtered(pixels), pixels)


def test_median_takes_a_speck_away_and_keeps_an_edge():
    pixels = np.full((70, 70), 1000, np.uint16)
    pixels[:, 35:] = 60_000
    speck = pixels.copy()
    speck[20, 20] = 65_535
    np.testing.assert_array_equal(median(speck), pixels)


def test_clahe_raises_contrast_in_a_dim_film():
    rng = np.random.default_rng(4)
    pixels = rng.integers(20_000, 22_000, (128, 128)).astype(np.uint16)
    assert clahe(pixels, clip_limit=40).std() > 2 * pixels.std()


def test_watershed_parts_two_discs_that_touch():
    rows, columns = np.mgrid[:200, :200]
    pixels = np.full((200, 200), 8_000, np.uint16)
    for middle in (80, 118):
        pixels[(rows - 100) ** 2 + (columns - middle) ** 2 < 400] = 30_000
    breast = np.ones(pixels.shape, bool)
    labels = adaptive_watershed(pixels, breast, window_px=151, core_px=15)
    assert labels.max() == 2
    assert labels[100, 70] != labels[100, 128]
    assert labels[5, 5] == 0


def test_watershed_stays_inside_the_breast(film):
    labels = adaptive_watershed(film.pixels, film.breast)
    assert labels.max() > 0
    assert not labels[~film.breast].any()
    assert not adaptive_watershed(film.pixels, np.zeros(film.pixels.shape, bool)).any()


def test_settings_that_cannot_be_are_refused(film):
    with pytest.raises(InputError, match="odd number"):
        wiener(film.pixels, window_px=4)
    with pytest.raises(InputError, match="wanted 3 or 5"):
        median(film.pixels, window_px=7)
    with pytest.raises(InputError, match="clip limit"):
        clahe(film.pixels, clip_limit=0)
    with pytest.raises(InputError, match="1 to 64"):
        clahe(film.pixels, tiles=0)
    with pytest.raises(ImageError, match="wanted one size"):
        adaptive_watershed(film.pixels, np.ones((5, 5), bool))


@pytest.mark.parametrize("section", sorted(STEPS))
def test_each_paper_keeps_the_breast_and_nothing_else(film, section):
    prepared = as_paper(section, film.pixels, film.mm_per_px)
    assert prepared.pixels.dtype == np.uint16
    assert prepared.kept.shape == prepared.pixels.shape == film.pixels.shape
    assert not prepared.pixels[~prepared.kept].any()
    assert (prepared.kept & film.breast).sum() > 0.6 * film.breast.sum()
    assert (prepared.kept & ~film.breast).sum() < 0.05 * film.breast.sum()
    assert (prepared.regions is not None) == (section == "3.8")
    assert prepared.steps == STEPS[section]


@pytest.mark.parametrize("section", ["3.5", "3.6"])
def test_papers_with_a_muscle_step_cut_into_the_muscle(film, section):
    prepared = as_paper(section, film.pixels, film.mm_per_px)
    assert (prepared.kept & film.muscle).sum() < 0.6 * film.muscle.sum()


def test_paper_35_turns_the_chest_wall_to_the_left(film):
    mirrored = np.ascontiguousarray(film.pixels[:, ::-1])
    one = as_paper("3.5", film.pixels, film.mm_per_px)
    other = as_paper("3.5", mirrored, film.mm_per_px)
    assert other.masks.chest_wall == "left"
    assert (one.kept != other.kept).mean() < 1e-3


def test_an_unknown_paper_lists_the_known(film):
    with pytest.raises(InputError, match=r"3\.4, 3\.5, 3\.6, 3\.8"):
        as_paper("3.7", film.pixels, None)


def test_area_in_mm2_is_that_of_the_half_ellipse(film):
    masks = masks_of(film.pixels, film.mm_per_px)
    density = density_of(film.pixels, masks, film.mm_per_px)
    painted_mm2 = float((film.breast & ~film.muscle).sum()) * film.mm_per_px**2
    assert density.breast_mm2 == pytest.approx(painted_mm2, rel=0.05)
    assert density_of(film.pixels, masks, None).breast_mm2 is None


def test_more_bright_tissue_is_a_larger_share(film):
    masks = masks_of(film.pixels, film.mm_per_px)
    few = density_of(film.pixels, masks, film.mm_per_px)
    pixels = film.pixels.copy()
    more_px = np.zeros(pixels.shape, bool)
    more_px[250:400, 30:130] = True
    pixels[more_px & (masks.labels == BREAST)] = 200 * 257
    many = density_of(pixels, masks, film.mm_per_px)
    assert many.fibroglandular_share > few.fibroglandular_share + 0.15
    assert not many.fibroglandular[masks.labels != BREAST].any()


def test_without_muscle_there_is_no_share(film):
    masks = masks_of(film.pixels, film.mm_per_px, muscle="none")
    assert not (masks.labels == MUSCLE).any()
    density = density_of(film.pixels, masks, film.mm_per_px)
    assert math.isnan(density.fibroglandular_share)
    assert density.category == ""
    assert "no muscle to compare" in density.notes[0]


@pytest.mark.parametrize(
    ("share", "category", "also"),
    [
        (0.0, "a", ""),
        (0.08, "a", "b"),
        (0.11, "b", "a"),
        (0.18, "b", ""),
        (0.25, "c", "b"),
        (0.4, "c", ""),
        (0.49, "c", "d"),
        (0.7, "d", ""),
        (math.nan, "", ""),
    ],
)
def test_a_category_has_a_doubt_near_its_boundary(share, category, also):
    assert category_of(share) == (category, also)


def test_masks_of_another_film_are_refused(film):
    masks = masks_of(film.pixels, film.mm_per_px)
    with pytest.raises(ImageError, match="wanted one size"):
        density_of(film.pixels[:-2], masks, film.mm_per_px)
