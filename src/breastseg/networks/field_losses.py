"""Losses of what is known of a whole field: classes nowhere in a crop, or maybe somewhere in it."""

import math

import torch

TOP_SHARE = 0.1
"""Share of a crop's pixels, the likeliest, that a class which is somewhere in it should have."""


def field_loss(logits: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
    """Return the sum of both losses.

    Args:
        logits: (N, K, H, W).
        facts: (N, K) of each crop: -1 for a class that is nowhere in it, the chance (up to 1) of
            one that may be somewhere in it, 0 where nothing is known.

    Returns:
        the loss; exactly 0, with a gradient of 0, where nothing is known.
    """
    return absent_loss(logits, facts < 0) + somewhere_loss(logits, facts.clamp_min(0))


def absent_loss(logits: torch.Tensor, absent: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(1 - p), p the summed probabilities of a crop's absent classes.

    The mean is over pixels of the crops that lack classes; 0 where none does.

    Args:
        logits: (N, K, H, W).
        absent: (N, K) bool; no crop lacks all classes.
    """
    lacks = absent.any(1)
    if not lacks.any():
        return logits.sum() * 0.0
    scores = logits[lacks].float()
    present = scores.masked_fill(absent[lacks, :, None, None], -math.inf)
    # From logits: a p of 1 - 1e-9 is 1 in single precision, its loss infinite without gradient.
    # (M, H, W), M crops that lack classes: 1 - p is the softmax's sum over the classes left.
    return (torch.logsumexp(scores, 1) - torch.logsumexp(present, 1)).mean()


def somewhere_loss(logits: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(1 - c + c m) over the crops and classes with a chance c above 0.

    m is the class's mean probability over the likeliest `TOP_SHARE` of the crop's pixels. With
    c = 1 this is -log m: they must be found. With less, a crop in which the network finds nothing
    of the class is hardly changed: it may be right.

    Args:
        logits: (N, K, H, W).
        chance: (N, K), 0 to 1.
    """
    crops, classes = torch.nonzero(chance > 0, as_tuple=True)
    if not len(crops):
        return logits.sum() * 0.0
    # (M, H x W), M pairs of a crop and a class that may be in it
    logs = torch.log_softmax(logits.float(), 1)[crops, classes].flatten(1)
    top = logs.topk(max(1, round(TOP_SHARE * logs.shape[1])), dim=1).values
    log_mean = torch.logsumexp(top, 1) - math.log(top.shape[1])
    # log(1 - c + c m) from logarithms: m may be too small for single precision.
    c = chance[crops, classes].float()
    return -torch.logaddexp(torch.log1p(-c), torch.log(c) + log_mean).mean()


def without_absent(logits: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
    """Return logits with those of absent classes at minus infinity.

    Args:
        logits: (N, K, H, W).
        facts: (N, K), as in `field_loss`.
    """
    return logits.masked_fill((facts < 0)[:, :, None, None], -math.inf)
