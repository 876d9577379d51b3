"""Losses by name, and sums of them ("ce+dice"). All leave label 0 out: what lies under it changes nothing."""

import breastseg.models.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from collections.abc import Callable, Mapping

import segmentation_models_pytorch.losses as smp_losses
import torch
from torch import nn

from breastseg.errors import InputError

IGNORE = -1
"""Target of a pixel that is not annotated (label 0 minus one)."""

LOSSES: Mapping[str, Callable[[], nn.Module]] = {
    "ce": lambda: nn.CrossEntropyLoss(ignore_index=IGNORE),
    "dice": lambda: smp_losses.DiceLoss("multiclass", ignore_index=IGNORE),
    "focal": lambda: smp_losses.FocalLoss("multiclass", ignore_index=IGNORE),
    "tversky": lambda: smp_losses.TverskyLoss("multiclass", ignore_index=IGNORE, alpha=0.3, beta=0.7),
}
"""Tversky weighs a missed pixel 0.7 and a false one 0.3 (Salehi et al. 2017), for classes that are easily missed."""


def balanced_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy averaged within each class first, then over the classes that occur: for dots, whose scores count classes equally.

    Args:
        logits: (N, K, H, W).
        labels: (N, H, W), 0 where not annotated.

    Returns:
        the loss; exactly 0, with a gradient of 0, when no pixel is annotated.
    """
    target = labels.long() - 1
    each = nn.functional.cross_entropy(logits.float(), target, ignore_index=IGNORE, reduction="none")
    means = [each[target == label].mean() for label in range(logits.shape[1]) if (target == label).any()]
    return torch.stack(means).mean() if means else logits.sum() * 0.0


class SumLoss(nn.Module):
    """The sum of named losses on logits (N, K, H, W) and labels (N, H, W), 0 where not annotated."""

    def __init__(self, names: str) -> None:
        """Take names joined by "+"; InputError lists the known ones."""
        super().__init__()
        parts = names.split("+")
        for name in parts:
            if name not in LOSSES:
                raise InputError(f"loss '{name}': not known; wanted {', '.join(LOSSES)}, or a sum as in ce+dice")
        self.parts = nn.ModuleList(LOSSES[name]() for name in parts)

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the summed loss; exactly 0, with a gradient of 0, when no pixel is annotated."""
        if not labels.any():
            return logits.sum() * 0.0
        target = labels.long() - 1
        total = torch.zeros((), device=logits.device)
        for part in self.parts:
            total = total + part(logits.float(), target)
        return total
