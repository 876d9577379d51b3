"""Integrated gradients (Sundararajan et al. 2017): which pixels of a field carry a network's answer
at a place; and the same of a network of the same kind with random weights (Adebayo et al. 2018)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from breastseg.bundles.bundle import Bundle
from breastseg.networks.build import Network, NetworkConfig, build
from breastseg.networks.threads import torch_threads
from breastseg.networks.weights import network_of

STEPS = 64
"""Points of the straight way from the baseline to the image. They lie closer where the image is
still pale, by the third power: there a network's answer turns from that of a flat field to its own.
"""
_POWER = 3
SEED = 0
"""Of the random weights: the same image each time."""
_BATCH = 8


@dataclass(frozen=True, eq=False)
class Attributed:
    """What pixels add to an answer.

    Attributes:
        pixels: (H, W) float64, by how much each raises the log-odds of the class at the place, over
            the baseline: a field of one colour, the image's mean.
        difference: log-odds of the image, less those of the baseline. The sum of `pixels` is that
            but for the steps of the way.
    """

    pixels: npt.NDArray[np.float64]
    difference: float


def attribute(
    bundle: Bundle,
    picture: npt.NDArray[np.uint8],
    place: tuple[int, int],
    label: int,
    threads: int,
) -> tuple[Attributed, Attributed]:
    """Return the attributions of a model, and those of its network with random weights.

    Args:
        bundle: of the model.
        picture: (H, W, 3) uint8, sides multiples of 32.
        place: (x, y) in it.
        label: 1 to K, of the class that is asked about.
        threads: CPU threads; 0 is PyTorch's own number.

    Raises:
        ModelError: the weights are not those of the card's network.
    """
    config = NetworkConfig.from_dict(bundle.card.network, str(bundle.path))
    network = network_of(bundle)
    with torch_threads(threads or torch.get_num_threads()):
        own = integrated_gradients(network.eval(), picture, place, label)
        random = integrated_gradients(with_random_weights(config, picture), picture, place, label)
    return own, random


def integrated_gradients(
    network: nn.Module,
    picture: npt.NDArray[np.uint8],
    place: tuple[int, int],
    label: int,
    *,
    steps: int = STEPS,
) -> Attributed:
    """Return what each pixel adds to the log-odds of a class at a place.

    Args:
        network: in its evaluation mode; (N, 3, H, W) -> logits (N, K, H, W).
        picture: (H, W, 3) uint8.
        place: (x, y) in it.
        label: 1 to K.
        steps: points on the way.
    """
    shown = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)  # (3, H, W)
    baseline = shown.mean(dim=(1, 2), keepdim=True).round().expand_as(shown)
    way = shown - baseline
    total = torch.zeros(shown.shape, dtype=torch.float64)
    for start in range(0, steps, _BATCH):
        parts = torch.arange(start, min(start + _BATCH, steps), dtype=torch.float32)
        middles = (parts + 0.5) / steps  # (B,), evenly from 0 to 1
        # The way is walked by the third power: its derivative is how long each step is.
        weights = _POWER * middles ** (_POWER - 1) / steps
        along = (middles**_POWER).view(-1, 1, 1, 1)
        pictures = (baseline + along * way).requires_grad_()  # (B, 3, H, W)
        odds = _log_odds(network(pictures), place, label)  # (B,)
        # One sum: the gradient of each image does not depend on the others.
        (slope,) = torch.autograd.grad((weights * odds).sum(), pictures)
        total += slope.sum(dim=0).double()
    # What a pixel adds is the sum over its three colours.
    pixels = (total * way.double()).sum(dim=0)  # (H, W)
    with torch.inference_mode():
        ends = _log_odds(network(torch.stack([shown, baseline])), place, label)
    return Attributed(pixels.numpy(), float(ends[0] - ends[1]))


def with_random_weights(config: NetworkConfig, picture: npt.NDArray[np.uint8]) -> Network:
    """Return a network of the same kind with random weights, its normalisation set on the image
    and its mirror images: it computes with numbers of the usual size, and has learned nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = build(config)
    shown = torch.from_numpy(picture.copy()).permute(2, 0, 1)
    mirrored = [shown, shown.flip(1), shown.flip(2), shown.flip(1, 2)]
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the mean over all that is shown
            module.train()
    with torch.no_grad():
        network.dropout.eval()
        network(torch.stack(mirrored))
    return network.eval()


def _log_odds(logits: torch.Tensor, place: tuple[int, int], label: int) -> torch.Tensor:
    """Return (N,) log-odds of a class at a place against all others."""
    x, y = place
    at_place = logits[:, :, y, x]  # (N, K)
    own = label - 1
    others = [k for k in range(at_place.shape[1]) if k != own]
    # log p - log(1 - p): the softmax's divisor is in both, and falls away.
    return at_place[:, own] - torch.logsumexp(at_place[:, others], dim=1)
