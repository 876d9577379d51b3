"""Laws of the masks, on painted films; what is no film is refused."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from breastseg.errors import ImageError, InputError
from breastseg.mammography.breast import chest_wall_of
from breastseg.mammography.masks import (
    ARTEFACT,
    BACKGROUND,
    BREAST,
    MUSCLE,
    OUTSIDE,
    masks_of,
)
from breastseg.mammography.overlay import overlay
from breastseg.mammography.pectoral import METHODS
from film_phantoms import dice, paint


def breast_in(labels):
    return (labels == BREAST) | (labels == MUSCLE)


@pytest.fixture(scope="module")
def film():
    return paint(plate=True)


@pytest.fixture(scope="module")
def masks(film):
    return masks_of(film.pixels, film.mm_per_px)


def test_breast_and_muscle_are_where_they_were_painted(film, masks):
    assert dice(breast_in(masks.labels), film.breast) > 0.97
    assert dice(masks.labels == MUSCLE, film.muscle) > 0.95
    assert masks.chest_wall == "left"
    assert masks.chest_wall_sure
    assert masks.muscle_score > 0.8
    assert masks.notes == ()


def test_the_plate_is_an_artefact(film, masks):
    plate = masks.labels[round(22 / 0.2) : round(34 / 0.2), round(99 / 0.2) : round(100.5 / 0.2)]
    assert (plate == ARTEFACT).all()
    assert (masks.labels[-50:, -50:] == BACKGROUND).all()


def test_a_plate_whose_glow_touches_the_breast_is_cut_off():
    film = paint()
    pixels = film.pixels.copy()
    top, bottom, left, right = (round(value / 0.2) for value in (20, 40, 72, 90))
    glow = np.zeros(pixels.shape, np.float32)
    glow[top:bottom, left:right] = 250
    glow = np.maximum(glow, cv2.GaussianBlur(glow, (0, 0), 30))
    pixels = np.maximum(pixels, (glow * 257).astype(np.uint16))
    labels = masks_of(pixels, 0.2).labels
    inside = labels[top + 10 : bottom - 10, left + 30 : right - 10]
    assert (inside == ARTEFACT).mean() > 0.95
    assert dice(breast_in(labels), film.breast) > 0.95


@pytest.mark.parametrize("fault", ["tape", "stripe"])
def test_tape_and_stripes_are_not_breast(fault):
    film = paint(tape=fault == "tape", stripe=fault == "stripe")
    labels = masks_of(film.pixels, film.mm_per_px).labels
    where = np.s_[:, round(115 / 0.2) :] if fault == "tape" else np.s_[: round(6.5 / 0.2), :]
    assert (labels[where] == ARTEFACT).mean() > 0.95
    assert not breast_in(labels[where]).any()
    clear = np.s_[round(12 / 0.2) :, : round(110 / 0.2)]
    assert dice(breast_in(labels[clear]), film.breast[clear]) > 0.97


def test_a_bright_chest_wall_is_no_tape():
    # a first version cut bright columns at the chest wall off as tape
    film = paint(seed=3)
    pixels = film.pixels.copy()
    pixels[:, : round(6 / 0.2)][film.breast[:, : round(6 / 0.2)]] = 240 * 257
    labels = masks_of(pixels, film.mm_per_px).labels
    assert dice(breast_in(labels), film.breast) > 0.97


@pytest.mark.parametrize("method", sorted(METHODS))
def test_mirror_the_film_and_the_masks_mirror(film, method):
    one = masks_of(film.pixels, film.mm_per_px, muscle=method)
    other = masks_of(np.ascontiguousarray(film.pixels[:, ::-1]), film.mm_per_px, muscle=method)
    assert other.chest_wall == "right"
    assert (one.labels != other.labels[:, ::-1]).mean() < 1e-3
    np.testing.assert_allclose(one.muscle_score, other.muscle_score, atol=1e-4)


def test_8_and_16_bits_have_the_same_masks(film, masks):
    eight = masks_of((film.pixels // 257).astype(np.uint8), film.mm_per_px)
    assert (eight.labels != masks.labels).mean() < 1e-4
    assert eight.chest_wall == masks.chest_wall


def test_a_dim_film_has_the_same_masks(film, masks):
    dim = masks_of((film.pixels // 4).astype(np.uint16), film.mm_per_px)
    assert dice(breast_in(dim.labels), breast_in(masks.labels)) > 0.99
    assert dice(dim.labels == MUSCLE, masks.labels == MUSCLE) > 0.98


@pytest.mark.parametrize("mm_per_px", [0.1, 0.4])
def test_pixel_size_changes_the_grid_and_not_the_masks(mm_per_px, masks):
    film = paint(plate=True, mm_per_px=mm_per_px)
    labels = masks_of(film.pixels, mm_per_px).labels
    height, width = masks.labels.shape
    same_size = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    assert dice(breast_in(same_size), breast_in(masks.labels)) > 0.99
    assert dice(same_size == MUSCLE, masks.labels == MUSCLE) > 0.97


def test_shift_the_breast_and_the_mask_shifts():
    here, there = paint(), paint(shift_mm=6)
    labels = masks_of(here.pixels, 0.2).labels, masks_of(there.pixels, 0.2).labels
    for film, found in zip((here, there), labels, strict=True):
        assert dice(breast_in(found), film.breast) > 0.97


def test_padding_is_outside(film, masks):
    padded = np.pad(film.pixels, ((0, 0), (100, 60)))
    labels = masks_of(padded, film.mm_per_px).labels
    assert (labels[:, :100] == OUTSIDE).all()
    assert (labels[:, -60:] == OUTSIDE).all()
    assert (labels[:, 100:-60] != masks.labels).mean() < 1e-3


def test_no_muscle_is_found_where_none_was_painted():
    film = paint(muscle=False)
    masks = masks_of(film.pixels, film.mm_per_px)
    assert not (masks.labels == MUSCLE).any()
    assert any("no muscle found" in note for note in masks.notes)


def test_a_cc_view_loses_no_muscle_unless_asked(film):
    masks = masks_of(film.pixels, film.mm_per_px, view="CC")
    assert not (masks.labels == MUSCLE).any()
    assert any("view is CC" in note for note in masks.notes)
    asked = masks_of(film.pixels, film.mm_per_px, view="CC", muscle_in_cc=True)
    assert (asked.labels == MUSCLE).any()


def test_an_unknown_pixel_size_is_told(film):
    assert "pixel size not known" in masks_of(film.pixels, None).notes[0]


def test_a_breast_that_fills_the_film_is_told():
    film = paint()
    window = np.ascontiguousarray(film.pixels[200:700, :250])
    masks = masks_of(window, 0.2)
    assert any("fills the film" in note for note in masks.notes)
    assert not masks.chest_wall_sure


def test_chest_wall_by_the_ratio_of_pixels():
    mask = np.zeros((10, 20), bool)
    mask[:, 12:] = True
    assert chest_wall_of(mask) == ("right", True)
    assert chest_wall_of(mask[:, ::-1]) == ("left", True)
    assert chest_wall_of(np.ones((10, 20), bool))[1] is False


def test_an_inverted_film_is_refused(film):
    with pytest.raises(ImageError, match="MONOCHROME1"):
        masks_of(65535 - film.pixels, film.mm_per_px)


@pytest.mark.parametrize(("height", "width"), [(1000, 600), (1000, 420)])
def test_a_breast_that_nearly_fills_the_film_is_refused_inverted_and_taken_as_it_is(height, width):
    """A rule by the commonest grey value let such films pass inverted."""
    film = paint()
    window = np.ascontiguousarray(film.pixels[:height, :width])
    assert masks_of(window, film.mm_per_px).chest_wall == "left"
    with pytest.raises(ImageError, match=r"evenest places have (9\d|100) % of the brightest"):
        masks_of(65535 - window, film.mm_per_px)


def test_tape_says_nothing_of_polarity():
    """It is the evenest place of a film, bright on a right one and dark on an inverted one."""
    film = paint(tape=True)
    assert masks_of(film.pixels, film.mm_per_px).chest_wall == "left"
    with pytest.raises(ImageError, match="MONOCHROME1"):
        masks_of(65535 - film.pixels, film.mm_per_px)


@pytest.mark.parametrize(
    ("pixels", "match"),
    [
        (np.zeros((300, 200), np.uint8), "empty: every pixel is 0"),
        (np.full((300, 200), 77, np.uint16), "empty: every pixel is 77"),
        (np.zeros((20, 200), np.uint8), "200 x 20 px, wanted 64"),
        (np.zeros((0, 0), np.uint8), "0 x 0 px"),
        (np.zeros((300, 200, 3), np.uint8), "one grey channel"),
        (np.zeros((300, 200), np.float32), "float32"),
    ],
)
def test_what_is_no_film_is_refused(pixels, match):
    with pytest.raises(ImageError, match=match):
        masks_of(pixels, 0.2)


def test_a_film_that_is_nearly_all_border_is_refused():
    pixels = np.zeros((500, 400), np.uint8)
    pixels[100:120, 50:90] = 90
    with pytest.raises(ImageError, match="nearly all border"):
        masks_of(pixels, 0.2)


def test_a_film_without_a_breast_is_refused():
    rng = np.random.default_rng(1)
    pixels = rng.integers(3, 8, (500, 400)).astype(np.uint8)
    pixels[40:80, 40:90] = 255
    with pytest.raises(ImageError, match="shows no breast"):
        masks_of(pixels, 0.2)


def test_noise_that_is_not_scaled_is_refused():
    pixels = np.random.default_rng(1).integers(3, 8, (500, 400)).astype(np.uint8)
    with pytest.raises(ImageError, match=r"2\.7 % of the range, wanted 3 %"):
        masks_of(pixels, 0.2)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_and_shapes_give_masks_or_a_sentence(seed, dtype):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(60, 260, 2))
    top = int(np.iinfo(dtype).max)
    pixels = np.zeros((height, width), dtype)
    for _ in range(int(rng.integers(0, 6))):
        first_row, first_column = int(rng.integers(height)), int(rng.integers(width))
        rows = np.s_[first_row : first_row + int(rng.integers(1, height))]
        columns = np.s_[first_column : first_column + int(rng.integers(1, width))]
        pixels[rows, columns] = int(rng.integers(0, top + 1))
    if seed % 2:
        pixels ^= rng.integers(0, top // 8, pixels.shape).astype(dtype)
    for method in METHODS:
        try:
            labels = masks_of(pixels, float(rng.uniform(0.05, 2)), muscle=method).labels
        except ImageError:
            continue
        assert labels.shape == pixels.shape
        assert labels.max() <= ARTEFACT


@pytest.mark.parametrize("mm_per_px", [0.0, -1.0, 50.0, float("nan")])
def test_a_pixel_size_that_cannot_be_is_refused(film, mm_per_px):
    with pytest.raises(InputError, match=r"0\.01 to 2 mm"):
        masks_of(film.pixels, mm_per_px)


def test_an_unknown_method_lists_the_known(film):
    with pytest.raises(InputError, match="path, srg, rows, none"):
        masks_of(film.pixels, 0.2, muscle="magic")


def test_the_overlay_has_the_outlines_and_the_size(film, masks):
    picture = overlay(film.pixels, masks, longest_px=500)
    assert picture.shape == (500, 300, 3)
    assert picture.dtype == np.uint8
    is_coloured = picture[..., 0] != picture[..., 1]
    assert 0.005 < is_coloured.mean() < 0.05


MIAS = os.environ.get("BREASTSEG_MIAS")


@pytest.mark.skipif(not MIAS, reason="BREASTSEG_MIAS names no folder of mini-MIAS")
@pytest.mark.parametrize("number", [2, 9, 64, 98, 115, 152, 208, 274])
def test_mini_mias(number):
    pixels = cv2.imread(str(Path(str(MIAS)) / f"mdb{number:03d}.pgm"), cv2.IMREAD_UNCHANGED)
    masks = masks_of(pixels, 0.2)
    assert masks.chest_wall == ("right" if number % 2 else "left")
    assert (masks.labels == MUSCLE).any() == (number != 98)
    assert 0.1 < breast_in(masks.labels).mean() < 0.95
    with pytest.raises(ImageError, match="MONOCHROME1"):
        masks_of(255 - pixels, 0.2)
