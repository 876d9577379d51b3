"""Training of one fold, and what the network answers. PyTorch is imported here alone."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from breastseg.networks.rgu_net import RGUNet
from breastseg.networks.schedule import warm_cosine
from breastseg.networks.threads import torch_threads
from breastseg.studies.rgu_net.cases import Grey
from breastseg.studies.rgu_net.crops import TURNS, Crop, turned, turned_back

_BATCH = 8
_RATE, _WARM, _DECAY = 3e-3, 0.1, 1e-2
"""Highest learning rate, the share of steps until it is reached, and the decay of weights."""
_ANSWERED_AT_ONCE = 32


def train(
    draw: Callable[[np.random.Generator], Crop],
    *,
    width: int,
    depth: int,
    steps: int,
    seed: tuple[int, ...],
    name: str = "train",
) -> RGUNet:
    """Train a network on crops that are drawn as they are needed, on one thread.

    The loss is cross-entropy plus one minus the soft Dice of each crop. Same seed, same weights.

    Args:
        draw: gives a crop by a generator of random numbers.
        width: of the network.
        depth: of the network.
        steps: of 8 crops.
        seed: of weights and crops.
        name: of the progress bar.
    """
    # One thread: sums come in one order, so the same seed gives the same weights on any machine
    # of one kind. The fork gives the caller's random state back.
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        # PyTorch takes one number; the sequence mixes all parts of the seed into it.
        state = np.random.SeedSequence(seed).generate_state(1)
        torch.manual_seed(int(state[0]))
        network = RGUNet(width, depth)
        # (N, C, H, W) with the channels next to each other in memory, as CPU convolutions want it
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
        for step in tqdm(range(steps), desc=name, unit="step", disable=None, leave=False):
            # A generator of each step's own: crops do not depend on the steps before.
            rng = np.random.default_rng([*seed, step])
            grey, mask = _batch([draw(rng) for _ in range(_BATCH)])
            for group in optimiser.param_groups:
                group["lr"] = warm_cosine(_RATE, step, steps, _WARM)
            loss = loss_of(network(grey), mask)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    network.eval()
    return network


def answer(network: RGUNet, crops: list[Crop]) -> npt.NDArray[np.float32]:
    """Return the probability of mass, (N, H, W), the mean over the 8 turns of each crop."""
    grey = np.stack([crop.grey for crop in crops])  # (N, H, W)
    total = np.zeros(grey.shape, np.float64)
    with torch_threads(1), torch.inference_mode():
        for turn in range(TURNS):
            turned_grey = np.asarray(turned(grey, turn), np.float32)
            parts = []
            for start in range(0, len(turned_grey), _ANSWERED_AT_ONCE):
                batch = turned_grey[start : start + _ANSWERED_AT_ONCE]
                parts.append(_probability(network, batch))
            probability = np.concatenate(parts)
            total += np.asarray(turned_back(probability, turn), np.float64)
    return np.asarray(total / TURNS, np.float32)


def loss_of(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy plus one minus the mean soft Dice of (N, 2, H, W) against (N, H, W)."""
    entropy = torch.nn.functional.cross_entropy(logits, mask)
    mass = torch.softmax(logits, dim=1)[:, 1]  # (N, H, W)
    truth = mask.to(mass.dtype)
    both = (mass * truth).sum(dim=(1, 2))  # (N,)
    either = mass.sum(dim=(1, 2))
    either = either + truth.sum(dim=(1, 2))
    dice = (2 * both + 1) / (either + 1)  # + 1: an empty crop must not divide by 0
    return entropy + 1 - dice.mean()


def _probability(network: RGUNet, grey: Grey) -> npt.NDArray[np.float32]:
    logits = network(_tensor(grey))  # (N, 2, H, W)
    shares = torch.softmax(logits, dim=1)
    return np.asarray(shares[:, 1].numpy())


def _batch(crops: list[Crop]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return crops as (N, 1, H, W) grey values and (N, H, W) classes."""
    grey = np.stack([crop.grey for crop in crops])
    mask = np.stack([crop.mask for crop in crops])
    return _tensor(grey), torch.from_numpy(mask).long()


def _tensor(grey: Grey) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(grey))[:, None]  # (N, 1, H, W)
    return tensor.contiguous(memory_format=torch.channels_last)
