"""Losses by name, and sums of them ("ce+dice"). All leave label 0 out: what lies under it changes
nothing."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import segmentation_models_pytorch.losses as smp_losses
import torch
from torch import nn

from breastseg.errors import InputError

IGNORE = -1
"""Target of a pixel that is not annotated (label 0 minus one)."""


def balanced_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy averaged within each class first, then over the classes that occur: for dots,
    whose scores count classes equally.

    Args:
        logits: (N, K, H, W).
        labels: (N, H, W), 0 where not annotated.

    Returns:
        the loss; exactly 0, with a gradient of 0, when no pixel is annotated.
    """
    target = labels.long() - 1
    # (N, H, W): the loss of each pixel
    each = nn.functional.cross_entropy(
        logits.float(), target, ignore_index=IGNORE, reduction="none"
    )
    means = []
    for k in range(logits.shape[1]):
        own = target == k
        if own.any():
            means.append(each[own].mean())
    if not means:
        # Not a plain 0: the step needs a gradient to go through.
        return logits.sum() * 0.0
    return torch.stack(means).mean()


class Balanced(nn.Module):
    """`balanced_cross_entropy` as one of LOSSES, which take classes from 0 and IGNORE."""

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (N, K, H, W) and target (N, H, W)."""
        return balanced_cross_entropy(logits, target + 1)


class AdjustedCrossEntropy(nn.Module):
    """Cross-entropy of logits to which a multiple of each class's log-prior is added (Menon et al.
    2021, arXiv:2007.07314).

    The network has to overcome the prior of what it is shown, and answers without it: as if all
    classes were equally frequent.
    """

    shift: torch.Tensor

    def __init__(self, shift: torch.Tensor) -> None:
        """Take what is added to the logits of each class, (K,)."""
        super().__init__()
        self.register_buffer("shift", shift.view(1, -1, 1, 1), persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (N, K, H, W) and target (N, H, W)."""
        return nn.functional.cross_entropy(logits + self.shift, target, ignore_index=IGNORE)


LOSSES: Mapping[str, Callable[[], nn.Module]] = {
    "ce": lambda: nn.CrossEntropyLoss(ignore_index=IGNORE),
    "balanced": Balanced,
    "dice": lambda: smp_losses.DiceLoss("multiclass", ignore_index=IGNORE),
    "focal": lambda: smp_losses.FocalLoss("multiclass", ignore_index=IGNORE),
    "tversky": lambda: smp_losses.TverskyLoss(
        "multiclass", ignore_index=IGNORE, alpha=0.3, beta=0.7
    ),
}
"""Tversky weighs a missed pixel 0.7 and a false one 0.3 (Salehi et al. 2017), for classes that are
easily missed. Balanced is cross-entropy in which the classes of a batch count equally, as it always
is for dots."""


def log_prior(pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of each class's share of some pixels, (K,); 0 for a class that never
    occurs, whose logits so stay as they are."""
    total = pixels.sum()
    prior = np.zeros(len(pixels))
    for k, px in enumerate(pixels):
        if px:
            prior[k] = np.log(px / total)
    return prior


class SumLoss(nn.Module):
    """The sum of named losses on logits (N, K, H, W) and labels (N, H, W), 0 where not
    annotated."""

    def __init__(self, names: str, shift: torch.Tensor | None = None) -> None:
        """Take names joined by "+", and what `ce` adds to the logits, (K,).

        Raises:
            InputError: an unknown name, with the known ones; or a shift without `ce`.
        """
        super().__init__()
        parts = names.split("+")
        for name in parts:
            if name not in LOSSES:
                raise InputError(
                    f"loss '{name}': not known; wanted {', '.join(LOSSES)}, or a sum as in ce+dice"
                )
        if shift is not None and "ce" not in parts:
            raise InputError(
                f"logit adjustment with loss '{names}': it is part of ce; wanted a loss with ce, as"
                " in ce+dice"
            )
        self.parts = nn.ModuleList()
        for name in parts:
            if shift is not None and name == "ce":
                self.parts.append(AdjustedCrossEntropy(shift))
            else:
                self.parts.append(LOSSES[name]())

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the summed loss; exactly 0, with a gradient of 0, when no pixel is annotated."""
        if not labels.any():
            return logits.sum() * 0.0
        target = labels.long() - 1
        total = torch.zeros((), device=logits.device)
        for part in self.parts:
            total = total + part(logits.float(), target)
        return total
