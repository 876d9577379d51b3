"""What a head on types reads: the deepest features of a network, cell by cell, and how much of each
cell is tumour and tissue."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import math

import torch
from torch import nn

from breastseg.geometry import STRIDE_PX
from breastseg.histology.stain_check import TISSUE_DENSITY
from breastseg.networks.build import Network

POOLS = 2
"""Means that a head sees: over what is called tumour, and over all tissue."""


class TypeCells(nn.Module):
    """uint8 (N, 3, H, W) -> (N, C + 2, H / 32, W / 32): features, then the cell's shares of tumour
    and of tissue.

    The share of tumour is the mean probability of the class; tissue is what has a mean optical
    density over `TISSUE_DENSITY`.
    """

    def __init__(self, network: Network, tumour: int) -> None:
        """Take a network, and the channel of its class of tumour."""
        super().__init__()
        self.network = network
        self.tumour = tumour

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Encode, decode, average over cells."""
        logits, features = self.network.logits_and_features(pictures)
        return torch.cat([features.float(), *self.shares(pictures, logits)], dim=1)

    def shares(
        self, pictures: torch.Tensor, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each cell's shares of tumour and of tissue, (N, 1, h, w) both."""
        tumour = torch.softmax(logits.float(), dim=1)[:, self.tumour : self.tumour + 1]
        # A value of 0 would have an infinite density.
        light = pictures.to(torch.float32).clamp_min(1.0)
        density = (math.log(255.0) - torch.log(light)).mean(dim=1, keepdim=True)
        tissue = (density > TISSUE_DENSITY).to(torch.float32)
        pool = nn.functional.avg_pool2d
        return pool(tumour, STRIDE_PX), pool(tissue, STRIDE_PX)


class TypeHead(nn.Module):
    """(N, C + 2, h, w) cells -> (N, T) logits: the head while the network trains. The one that is
    kept is fitted to finished features afterwards."""

    def __init__(self, channels: int, types: int) -> None:
        """Take the number of features and of types."""
        super().__init__()
        self.norm = nn.LayerNorm(POOLS * channels, elementwise_affine=False)
        self.linear = nn.Linear(POOLS * channels, types)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Average over what is called tumour and over tissue, and tell types apart."""
        logits: torch.Tensor = self.linear(self.norm(pooled(cells)))
        return logits


def pooled(cells: torch.Tensor) -> torch.Tensor:
    """Return (N, 2 C): means of features over tumour and over tissue."""
    features = cells[:, :-POOLS]
    shares = cells[:, -POOLS:]
    sums = torch.einsum("nchw,nphw->npc", features, shares)
    weights = shares.sum(dim=(2, 3))[..., None]  # (N, 2, 1)
    return (sums / (weights + EMPTY)).flatten(1)


EMPTY = 1e-3
"""Cells that are added to the divisor of a mean: where nothing is tumour, its features are 0."""


def channels_of(network: Network) -> int:
    """Return how many features a cell has."""
    return int(network.encoder.out_channels[-1])  # type: ignore[index]
