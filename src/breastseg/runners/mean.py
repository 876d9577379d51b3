"""The mean of several networks, as one runner."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from breastseg.errors import ModelError
from breastseg.labels import Labels
from breastseg.runners.child import ChildRunner
from breastseg.runners.runner import Runner, likeliest

Tiles = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


class MeanRunner:
    """Runs several networks of the same classes one after another, and gives the mean of their
    probabilities. No more than one answer and the sum are held at a time."""

    def __init__(self, runners: Sequence[Runner], names: Sequence[str]) -> None:
        """Take runners that are loaded, and what their models are called."""
        self.runners = tuple(runners)
        self._models = tuple(names)

    @property
    def name(self) -> str:
        """Return what computes: back ends and precisions that differ are joined."""
        return " + ".join(dict.fromkeys(runner.name for runner in self.runners))

    @property
    def package(self) -> str:
        """Return the distribution that computes."""
        return self.runners[0].package

    def asks(self) -> list[Callable[[Tiles], Scores]]:
        """Return what gives one network's probabilities, for each; ModelError where one gives NaN
        names its model."""
        return [
            partial(_asked, model, runner)
            for model, runner in zip(self._models, self.runners, strict=True)
        ]

    def probabilities(self, tiles: Tiles) -> Scores:
        """Return the mean (N, K, H, W) float32 probabilities."""
        first, *others = self.asks()
        total = first(tiles)
        for ask in others:
            total = total + ask(tiles)
        return np.divide(total, len(self.runners), dtype=np.float32)

    def labels(self, tiles: Tiles) -> Labels:
        """Return (N, H, W) uint8 labels: the first of the classes that are most likely in the
        mean."""
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Give back the memory that the networks hold between tiles."""
        for runner in self.runners:
            runner.release()

    def close(self) -> None:
        """End the processes of the networks; a later question begins others."""
        for runner in self.runners:
            if isinstance(runner, ChildRunner):
                runner.close()


def _asked(model: str, runner: Runner, tiles: Tiles) -> Scores:
    found = runner.probabilities(tiles)
    if np.isnan(found.sum()):
        raise ModelError(
            f"the network of model '{model}' ({runner.name}) gives NaN, not probabilities; its"
            " weights are damaged, train or pull the model again"
        )
    return found
