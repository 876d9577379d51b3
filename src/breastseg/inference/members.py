"""The mean of several models, or of a tile's mirror images; and how far these members are apart.

That is the Jensen-Shannon divergence of their probabilities: the entropy of the mean, less the mean
of the entropies. It is 0 where all say the same, however unsure they are, and largest where each is
sure of another class.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from breastseg.runners import Runner
from breastseg.runners.mean import MeanRunner

Tiles = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]
Ask = Callable[[Tiles], Scores]
"""(N, H, W, 3) uint8 tiles -> (N, K, H, W) probabilities."""

_FLIPS = 4
_FORWARD, _BACKWARD = slice(None), slice(None, None, -1)
_LEAST = 1e-12
"""A probability below this adds nothing to an entropy."""


def count_members(runner: Runner, *, flips: bool) -> int:
    """Return how many members a mean has: models, or of one model its mirror images."""
    if isinstance(runner, MeanRunner):
        return len(runner.runners)
    return _FLIPS if flips else 1


def mean_probabilities(tiles: Tiles, runner: Runner, *, flips: bool) -> Scores:
    """Return (N, K, H, W) probabilities of (N, H, W, 3) uint8 tiles.

    Args:
        tiles: what is shown.
        runner: of one model or of several, whose mean it is.
        flips: take the mean over each tile and its mirror images too.
    """
    if not flips:
        return runner.probabilities(tiles)
    if not isinstance(runner, MeanRunner):
        return _flipped_mean(tiles, runner.probabilities)
    total, _ = _summed(_of_models(tiles, runner, flips=True), entropies=False)
    return np.divide(total, len(runner.runners), dtype=np.float32)


def mean_and_disagreement(tiles: Tiles, runner: Runner, *, flips: bool) -> tuple[Scores, Scores]:
    """Return the mean probabilities, to the bit those without asking how far the members are apart,
    and that.

    Args:
        tiles: (N, H, W, 3) uint8.
        runner: of one model, whose mirror images are the members, or of several models.
        flips: take the mean over mirror images; needed where there is one model.

    Returns:
        (N, K, H, W) mean; (N, H, W) disagreement, a share of the most that so many members and
        classes can have, 0 to 1.
    """
    if isinstance(runner, MeanRunner):
        total, entropies = _summed(_of_models(tiles, runner, flips=flips))
    else:
        total, entropies = _of_flips(tiles, runner.probabilities)
    count = count_members(runner, flips=flips)
    mean = np.divide(total, count, dtype=np.float32)
    divergence = _entropy(mean) - entropies / count  # (N, H, W)
    # So many members can be sure of so many classes at most; of one class there is no divergence.
    most = np.log(max(2, min(count, mean.shape[1])))
    return mean, np.asarray(np.clip(divergence / most, 0, 1), np.float32)


def _of_models(tiles: Tiles, runner: MeanRunner, *, flips: bool) -> Iterator[Scores]:
    for ask in runner.asks():
        yield _flipped_mean(tiles, ask) if flips else ask(tiles)


def _of_flips(tiles: Tiles, ask: Ask) -> tuple[Scores, Scores]:
    """Return the sums over mirror images, in the pairs of `_flipped_mean`."""
    upright, upright_entropies = _summed(
        _mirrored(tiles, ask, _FORWARD, columns) for columns in (_FORWARD, _BACKWARD)
    )
    turned, turned_entropies = _summed(
        _mirrored(tiles, ask, _BACKWARD, columns) for columns in (_FORWARD, _BACKWARD)
    )
    return upright + turned, upright_entropies + turned_entropies


def _flipped_mean(tiles: Tiles, ask: Ask) -> Scores:
    """Return the mean probabilities over both mirrorings; summed in pairs, so that a mirrored field
    has the very same sums."""
    upright = _mirrored(tiles, ask, _FORWARD, _FORWARD) + _mirrored(tiles, ask, _FORWARD, _BACKWARD)
    turned = _mirrored(tiles, ask, _BACKWARD, _FORWARD) + _mirrored(
        tiles, ask, _BACKWARD, _BACKWARD
    )
    return np.divide(upright + turned, _FLIPS, dtype=np.float32)


def _mirrored(tiles: Tiles, ask: Ask, rows: slice, columns: slice) -> Scores:
    """Return the answer to mirrored tiles, mirrored back."""
    scores = ask(np.ascontiguousarray(tiles[:, rows, columns]))
    return scores[:, :, rows, columns]


def _summed(members: Iterable[Scores], *, entropies: bool = True) -> tuple[Scores, Scores]:
    """Return the sums of probabilities and of entropies; one member is held at a time."""
    total: Scores | None = None
    entropy = np.zeros((), np.float32)
    for scores in members:
        total = scores if total is None else total + scores
        if entropies:
            entropy = entropy + _entropy(scores)
    assert total is not None  # there is a member at least
    return total, entropy


def _entropy(scores: Scores) -> Scores:
    """Return the (N, H, W) entropies of (N, K, H, W) probabilities, in nats; class by class, so
    that little is held."""
    entropy = np.zeros((scores.shape[0], *scores.shape[2:]), np.float32)
    for k in range(scores.shape[1]):
        share = scores[:, k]
        entropy -= share * np.log(np.maximum(share, _LEAST))
    return entropy
