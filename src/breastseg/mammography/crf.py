"""A conditional random field over an image, by mean field in a window: neighbours that look alike
should have the same answer.

As in Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
potentials" (NIPS 2011), with two classes, Potts compatibility and two kernels, one of place and
grey value, one of place alone. Theirs connects all pixels by an approximation in a lattice; ours
connects each pixel with its window, exactly. Weights of a window are divided by their sum, so that
pixels at an edge are like all others: a constant answer stays constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError

Floats: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[slice, slice]

_SURE = 1e-6  # a probability of 0 or 1 has no finite logit


@dataclass(frozen=True)
class CrfConfig:
    """What decides the field. The values are ours; a paper's were not at hand.

    Attributes:
        window_px: pixels to each side that are neighbours.
        rounds: of the mean field.
        alike_weight: of neighbours that are near and of like grey value.
        alike_px: how near, a deviation.
        alike_grey: how alike, a deviation in units of the image.
        near_weight: of neighbours that are near, whatever they look like.
        near_px: how near, a deviation.
    """

    window_px: int = 10
    rounds: int = 5
    alike_weight: float = 2.0
    alike_px: float = 5.0
    alike_grey: float = 0.5
    near_weight: float = 1.0
    near_px: float = 1.5

    def __post_init__(self) -> None:
        """Refuse what is no field."""
        if self.window_px < 1 or self.rounds < 0:
            raise InputError(
                f"a window of {self.window_px} px and {self.rounds} rounds: wanted 1 and 0 or more"
            )
        if min(self.alike_px, self.alike_grey, self.near_px) <= 0:
            raise InputError("alike_px, alike_grey and near_px of a CRF: wanted more than 0")
        if min(self.alike_weight, self.near_weight) < 0:
            raise InputError("alike_weight and near_weight of a CRF: wanted 0 or more")


def refine(
    probability: npt.NDArray[np.floating],
    grey: npt.NDArray[np.floating],
    config: CrfConfig = CrfConfig(),
) -> npt.NDArray[np.float32]:
    """Return probabilities after the field, (H, W).

    Args:
        probability: (H, W) of the class, 0 to 1.
        grey: (H, W) of the image, best with deviation 1.
        config: of the field.

    Raises:
        InputError: two sizes, no image, or a value that is no probability.
    """
    if probability.ndim != 2 or probability.shape != grey.shape or 0 in grey.shape:
        raise InputError(
            f"a CRF of answers {probability.shape} and grey values {grey.shape}: wanted one (H, W)"
        )
    is_probability = np.all((probability >= 0) & (probability <= 1))
    if not (np.all(np.isfinite(grey)) and is_probability):
        raise InputError("a CRF of values that are not finite or no probabilities, 0 to 1")
    answer = np.clip(probability.astype(np.float64), _SURE, 1 - _SURE)  # (H, W)
    picture = grey.astype(np.float64)
    unary = np.log(answer / (1 - answer))
    for _ in range(config.rounds):
        logits = unary + _messages(answer, picture, config)
        answer = 1 / (1 + np.exp(-logits))
    return np.asarray(answer, np.float32)


def _messages(answer: Floats, grey: Floats, config: CrfConfig) -> Floats:
    """Return what neighbours say to each pixel, (H, W): their mean answer, -1 to 1, times weights.

    With two classes and Potts compatibility that is what is added to the logit.
    """
    alike_sum = np.zeros_like(answer)
    near_sum = np.zeros_like(answer)
    alike_weights = np.zeros_like(answer)
    near_weights = np.zeros_like(answer)
    height, width = answer.shape
    # All pairs of one offset at once: `first` and `second` are parts of the image of one shape.
    for first, second, square_px in _pairs(height, width, config.window_px):
        near = np.exp(-square_px / (2 * config.near_px**2))
        by_place = -square_px / (2 * config.alike_px**2)
        difference = grey[first] - grey[second]
        by_grey = difference**2 / (2 * config.alike_grey**2)
        alike = np.exp(by_place - by_grey)
        for here, neighbour in ((first, second), (second, first)):  # the same both ways
            alike_sum[here] += alike * answer[neighbour]
            alike_weights[here] += alike
            near_sum[here] += near * answer[neighbour]
            near_weights[here] += near
    alike_mean = _mean(alike_sum, alike_weights)
    near_mean = _mean(near_sum, near_weights)
    return config.alike_weight * alike_mean + config.near_weight * near_mean


def _mean(total: Floats, weights: Floats) -> Floats:
    """Return a weighted mean of answers as -1 to 1; 0 where nobody is alike."""
    known = weights > 1e-12
    mean = np.full(total.shape, 0.5)
    np.divide(total, weights, out=mean, where=known)
    return 2 * mean - 1


def _pairs(height: int, width: int, reach: int) -> Iterator[tuple[Place, Place, float]]:
    """Yield half of the offsets of a window: two places whose pixels are neighbours, and their
    squared distance."""
    down_most = min(reach, height - 1)
    right_most = min(reach, width - 1)
    for down in range(down_most + 1):
        for right in range(-right_most, right_most + 1):
            if down == 0 and right <= 0:
                continue  # the pixel itself, and pairs that were had from the other side
            first_rows = slice(0, height - down)
            second_rows = slice(down, height)
            first_columns = slice(max(0, -right), width - max(0, right))
            second_columns = slice(max(0, right), width - max(0, -right))
            square_px = float(down**2 + right**2)
            yield (first_rows, first_columns), (second_rows, second_columns), square_px
