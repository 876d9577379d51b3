"""How a learning rate rises and falls over a training."""

import math


def warm_cosine(rate: float, step: int, steps: int, warm: float) -> float:
    """Return the learning rate of a step: up in a line, then down by a cosine.

    Args:
        rate: the highest.
        step: from 0.
        steps: of the whole training.
        warm: share of the steps until the highest is reached.
    """
    rising = max(1, round(warm * steps))
    if step < rising:
        # Counted from 1: a first step with a rate of 0 would teach nothing.
        return rate * (step + 1) / rising
    falling = max(1, steps - rising)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / falling))
