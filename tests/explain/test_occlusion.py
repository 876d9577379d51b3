"""Occlusion against a runner whose answer is known by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.explain.occlusion import FIELD_PX, SQUARE_PX, SQUARES, log_odds, occlude
from breastseg.labels import Labels


class Brightness:
    """A runner: the first class is as likely as the top left square is bright."""

    package = "none"
    name = "brightness"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        share = tiles[:, :SQUARE_PX, :SQUARE_PX].mean(axis=(1, 2, 3)) / 255  # (N,)
        both = np.stack([share, 1 - share], axis=1).astype(np.float32)
        return np.broadcast_to(both[:, :, None, None], (*both.shape, FIELD_PX, FIELD_PX))

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        return (self.probabilities(tiles).argmax(axis=1) + 1).astype(np.uint8)

    def release(self) -> None:
        """Hold nothing."""


def test_only_the_square_that_the_answer_rests_on_counts() -> None:
    picture = np.full((FIELD_PX, FIELD_PX, 3), 51, np.uint8)
    picture[:SQUARE_PX, :SQUARE_PX] = 204
    fall, at_place = occlude(picture, (80, 80), 1, Brightness())
    assert fall.shape == (SQUARES, SQUARES)
    np.testing.assert_allclose(at_place, [0.8, 0.2], atol=1e-6)
    # the mean colour is 51 + 153 / 64 = 53.4, rounded 53: log-odds fall from 0.8 to 53 / 255
    shown = log_odds(np.array([0.8, 53 / 255]))
    assert fall[0, 0] == pytest.approx(shown[0] - shown[1], abs=1e-5)
    assert np.abs(fall.ravel()[1:]).max() == 0


def test_log_odds_are_finite_and_odd() -> None:
    odds = log_odds(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    np.testing.assert_allclose(odds, -odds[::-1], atol=1e-9)
    assert odds[3] == pytest.approx(np.log(3))
    assert np.isfinite(odds).all()
