"""Split conformal prediction by patient: how far a map is from the truth for 9 of 10 patients.

Errors of patients who taught nothing are put in order, and one of the largest is the margin: that a
new patient's error is no larger holds with the probability `LEVEL`, whatever the errors are, as
long as the new patient is drawn as they were (Vovk et al. 2005, Lei et al. 2018). Patients count,
never pixels: pixels of one patient share what is wrong with them.
"""

import math
from collections.abc import Sequence

import numpy as np

from breastseg.metrics.rates import Floats

LEVEL = 0.9
BORDER_SHARE = 0.9
"""Of a patient's border in the map that lies within the border margin."""
_LEAST_SHARE = 0.001
"""Shares that differ by less say nothing: it keeps a share of 0 at a finite distance."""
_ROUNDING = 1e-9


def needed(level: float = LEVEL) -> int:
    """Return the fewest patients with whom a margin is finite: 9 for 0.9."""
    # Without the small step back, 0.9 / 0.1 = 9.000000000000002 would ask for ten.
    return math.ceil(level / (1 - level) - _ROUNDING)


def margin_of(errors: Sequence[float] | Floats, level: float = LEVEL) -> float:
    """Return what a new patient's error exceeds with a probability of 1 - `level` at most.

    Args:
        errors: (N,) one a patient, 0 or more; may be infinite.
        level: of all patients that are to be within.

    Returns:
        the error in place ceil((N + 1) level), counted from the smallest; infinite where there are
        too few patients.
    """
    # N + 1: the new patient takes each place among the N with the same probability.
    place = math.ceil((len(errors) + 1) * level - _ROUNDING)
    if place > len(errors):
        return math.inf
    return float(np.sort(errors)[place - 1])


def log_odds(share: Floats | float) -> Floats:
    """Return log odds of shares of 0 to 1, in which errors of small and of large shares are alike
    in size."""
    share = np.asarray(share, np.float64)
    return np.log(share + _LEAST_SHARE) - np.log(1 - share + _LEAST_SHARE)


def share_ends(share: float, margin: float) -> tuple[float, float]:
    """Return the lowest and the highest share whose log odds are within a margin of those of
    `share`."""
    middle = float(log_odds(share))
    low = _share_at(middle - margin)
    high = _share_at(middle + margin)
    # There and back leaves a rounding error, which may not push `share` out of its own interval.
    return min(low, share), max(high, share)


def share_errors(truth: Floats, predicted: Floats) -> Floats:
    """Return the distance of shares in log odds; any shape."""
    return np.abs(log_odds(truth) - log_odds(predicted))


def _share_at(odds: float) -> float:
    """Return the share with these log odds, the inverse of `log_odds`."""
    # math.exp overflows from 709.8 on.
    part = 0.0
    if odds > -700:
        part = 1 / (1 + math.exp(-min(odds, 700.0)))
    # `log_odds` adds the least share to both sides: here it is taken off again.
    share = part * (1 + 2 * _LEAST_SHARE) - _LEAST_SHARE
    return min(1.0, max(0.0, share))
