"""Training of a network, or of its last block alone. PyTorch is imported here and in features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from breastseg.networks.schedule import warm_cosine
from breastseg.networks.threads import torch_threads
from breastseg.networks.trunks import Trunk
from breastseg.studies.rois.config import LOGISTIC
from breastseg.studies.rois.controls import Numbers
from breastseg.studies.rois.crops import Crops
from breastseg.studies.rois.features import Values, tensor_of
from breastseg.studies.rois.heads import fit_head, one_layer

BATCH = 16
_DECAY, _WARM = 1e-2, 0.1
_ANSWERED_AT_ONCE = 32

Places = npt.NDArray[np.int64]
Truth = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Budget:
    """How a network is trained.

    Attributes:
        steps: of 16 copies, as many of one class as of the other.
        rate: highest learning rate.
        seed: of weights and draws.
        name: of the progress bar.
    """

    steps: int
    rate: float
    seed: tuple[int, ...]
    name: str


class _Classifier(nn.Module):
    """A trunk, or its last block, and one layer behind its features."""

    def __init__(self, trunk: Trunk, *, on_maps: bool) -> None:
        super().__init__()
        self.trunk = trunk
        self.on_maps = on_maps
        self.layer = nn.Linear(2 * trunk.channels, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        features = self.trunk.features(values) if self.on_maps else self.trunk(values)
        logits: torch.Tensor = self.layer(features)  # (N, 1)
        return logits[:, 0]


def train_scratch(
    trunk: Trunk, crops: Crops, truth: Truth, train: Places, test: Places, budget: Budget
) -> Numbers:
    """Train all of a trunk and its layer; return the probability of class 1 of `test`."""
    # The fork gives the caller's random state back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_first_seed(budget))
        network = _Classifier(trunk, on_maps=False)
    network.train()
    with torch_threads(1):
        _train(network, lambda places: tensor_of(crops[places]), truth, train, budget)
        return _answers(network, lambda places: tensor_of(crops[places]), test)


def train_last_block(
    trunk: Trunk, maps: Values, truth: Truth, train: Places, test: Places, budget: Budget
) -> Numbers:
    """Train the last block and its layer; return the probability of class 1 of `test`.

    The layer starts as logistic regression on frozen features, as the paper has it. Batch
    normalisation keeps its ImageNet statistics.
    """
    network = _Classifier(trunk, on_maps=True)
    network.eval()  # also while it trains: see above on batch normalisation

    def taken(places: Places) -> torch.Tensor:
        values = torch.from_numpy(maps[places].astype(np.float32))
        return values.contiguous(memory_format=torch.channels_last)

    for parameter in trunk.below.parameters():
        parameter.requires_grad_(False)
    with torch_threads(1):
        features = _frozen(trunk, taken, train)
        head = fit_head(LOGISTIC, features, truth[train], 0)
        weights, bias = one_layer(head)
        with torch.no_grad():
            network.layer.weight.copy_(torch.from_numpy(weights)[None])  # (F,) -> (1, F)
            network.layer.bias.fill_(bias)
        _train(network, taken, truth, train, budget)
        return _answers(network, taken, test)


def _first_seed(budget: Budget) -> int:
    return int(np.random.SeedSequence(budget.seed).generate_state(1)[0])


def _frozen(trunk: Trunk, taken: Any, places: Places) -> Numbers:
    """Return the features of copies before the last block is trained, (copies, F)."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(places), _ANSWERED_AT_ONCE):
            maps = taken(places[start : start + _ANSWERED_AT_ONCE])
            parts.append(trunk.features(maps).numpy())
    return np.concatenate(parts).astype(float)


def _train(network: _Classifier, taken: Any, truth: Truth, train: Places, budget: Budget) -> None:
    """Train what is not frozen; `taken` gives the input of the network for places of copies."""
    own_truth = truth[train]
    by_class = [train[own_truth == 0], train[own_truth == 1]]
    trained = [weights for weights in network.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=budget.rate, weight_decay=_DECAY)
    bar = tqdm(range(budget.steps), desc=budget.name, unit="step", disable=None, leave=False)
    with torch.random.fork_rng(devices=[]):
        for step in bar:
            rng = np.random.default_rng([*budget.seed, step])
            # As many of either class: one that is rare would be learned last.
            halves = [rng.choice(own, BATCH // 2) for own in by_class]
            places = np.concatenate(halves)
            for group in optimiser.param_groups:
                group["lr"] = warm_cosine(budget.rate, step, budget.steps, _WARM)
            wanted = torch.from_numpy(truth[places].astype(np.float32))
            loss = nn.functional.binary_cross_entropy_with_logits(network(taken(places)), wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()


def _answers(network: _Classifier, taken: Any, places: Places) -> Numbers:
    """Return the probability of class 1 of copies, (copies,)."""
    network.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(places), _ANSWERED_AT_ONCE):
            values = taken(places[start : start + _ANSWERED_AT_ONCE])
            parts.append(torch.sigmoid(network(values)).numpy())
    return np.concatenate(parts).astype(float)
