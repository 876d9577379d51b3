"""Counts of patients, and the draws of a bootstrap one by one, for tests of intervals."""

import numpy as np


def patients(seed: int, number: int, classes: int = 3) -> np.ndarray:
    """(P, K, K + 1) counts that are right about two times of three; only every other patient has
    the last class."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 1000, (number, classes, classes + 1))
    counts[:, np.arange(classes), np.arange(classes) + 1] += rng.integers(
        0, 4000 * classes, (number, classes)
    )
    counts[::2, -1] = 0
    return counts


def drawn_one_by_one(counts: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Indices of the patients of each draw, from the same weights."""
    number = len(counts)
    weights = np.random.default_rng(seed).multinomial(
        number, np.full(number, 1 / number), size=draws
    )
    return np.array([np.repeat(np.arange(number), row) for row in weights])
