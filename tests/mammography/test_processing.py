"""What is done to a film between reading and writing."""

import numpy as np
import pytest

from breastseg.mammography import contrast
from breastseg.mammography.film import Film
from breastseg.mammography.masks import BREAST, MUSCLE
from breastseg.mammography.prepare import FilmsConfig
from breastseg.mammography.processing import process
from film_phantoms import paint

PIXELS = paint(2, mm_per_px=0.5).pixels


def film(view: str = "MLO") -> Film:
    return Film(PIXELS, mm_per_px=0.5, view=view)


def test_all_but_the_breast_is_black_and_the_muscle_is_kept_beside() -> None:
    done = process(film(), FilmsConfig())
    labels = done.masks.labels
    np.testing.assert_array_equal(done.pixels, np.where(labels == BREAST, PIXELS, 0))
    assert done.cut is not None
    assert (labels == MUSCLE).any()
    np.testing.assert_array_equal(done.cut, np.where(labels == MUSCLE, PIXELS, 0))
    assert done.film.history == ("set to 0 outside the breast",)
    assert (done.mirrored, done.muscle_by, done.notes) == (False, "path", done.masks.notes)


def test_a_whole_film_stays_as_it_is() -> None:
    done = process(film(), FilmsConfig(whole=True, muscle="none"))
    np.testing.assert_array_equal(done.pixels, PIXELS)
    assert (done.cut, done.film.history, done.muscle_by) == (None, (), "none")


def test_steps_are_done_in_order_and_told() -> None:
    config = FilmsConfig(whole=True, muscle="none", denoise="median", clahe=True)
    done = process(film(), config)
    np.testing.assert_array_equal(done.pixels, contrast.clahe(contrast.median(PIXELS)))
    assert [line.split()[0] for line in done.film.history] == ["denoised:", "contrast"]


@pytest.mark.parametrize(("view", "said"), [("", "view not known"), ("LMO", "LMO view")])
def test_views_that_want_a_look_are_noted(view: str, said: str) -> None:
    notes = process(film(view), FilmsConfig(whole=True)).notes
    assert notes[0].startswith(said)
    notes = process(film(view), FilmsConfig(whole=True, muscle="none")).notes
    assert not any(note.startswith(said) for note in notes)
