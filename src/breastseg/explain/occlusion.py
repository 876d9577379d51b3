"""Occlusion: each square around a place is hidden in turn, and the change of the answer is
measured. Only the network that makes the map is asked."""

import numpy as np
import numpy.typing as npt

from breastseg.images import Pixels
from breastseg.runners import Runner

SQUARES, SQUARE_PX = 8, 20
"""A side of the grid, and of a square at the model's microns per pixel. A field of 160 px is shown
65 times; one of 256 px would take 2.6 times as long, over a second on two cores."""
FIELD_PX = SQUARES * SQUARE_PX
_BATCH = 13
"""The field and its 64 occlusions are five batches of one shape: a network is compiled once."""
_LEAST = 1e-6
"""Probabilities nearer to 0 or 1 are rounding."""


def occlude(
    picture: Pixels, place: tuple[int, int], label: int, runner: Runner
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Hide one square after the other under the field's mean colour.

    Args:
        picture: (160, 160, 3) uint8, the field.
        place: (x, y) in it.
        label: of the class that is asked about.
        runner: the network.

    Returns:
        (8, 8) how much the class's log-odds fall; (K,) probabilities at the place with nothing
        hidden.
    """
    # The field's own mean colour: black or white squares would be edges that no tissue has.
    mean = np.round(picture.mean(axis=(0, 1))).astype(np.uint8)  # (3,)
    # (65, H, W, 3): the whole field, then one with each square hidden.
    tiles = np.repeat(picture[None], 1 + SQUARES**2, axis=0)
    for number in range(SQUARES**2):
        row, column = divmod(number, SQUARES)
        top = SQUARE_PX * row
        left = SQUARE_PX * column
        tile = tiles[1 + number]
        tile[top : top + SQUARE_PX, left : left + SQUARE_PX] = mean
    x, y = place
    batches = []
    for start in range(0, len(tiles), _BATCH):
        probabilities = runner.probabilities(tiles[start : start + _BATCH])  # (13, K, H, W)
        batches.append(probabilities[:, :, y, x])
    at_place = np.concatenate(batches).astype(np.float64)  # (65, K)
    odds = log_odds(at_place[:, label - 1])
    drops = odds[0] - odds[1:]
    return drops.reshape(SQUARES, SQUARES), at_place[0]


def log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return log(p / (1 - p)); what is nearer to 0 or 1 than 1e-6 counts as that."""
    clipped = np.clip(probability, _LEAST, 1 - _LEAST)
    # log1p(-p) is exact where p is small; log(1 - p) is not.
    odds: npt.NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return odds
