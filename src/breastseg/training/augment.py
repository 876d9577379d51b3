"""Augmentation in batches, on the device: geometry on pixels and labels alike, colours on pixels
alone."""

import kornia.augmentation as K
import torch
from torch import nn

# Optical density of one unit of haematoxylin, eosin and DAB in red, green, blue: Ruifrok & Johnston
# 2001.
_HED_TO_RGB = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105), (0.268, 0.570, 0.776))
_TISSUE = 0.15
"""Mean optical density above which a pixel counts as tissue."""


def optical_density(pictures: torch.Tensor) -> torch.Tensor:
    """Return -log of (N, 3, H, W) float images in 0 to 1."""
    # The darkest that 8 bits tell apart from nothing: black would be infinitely dense.
    return -torch.log(pictures.clamp_min(1 / 255))


class BorrowStain(nn.Module):
    """Give a crop part of the stain of another in the batch: its mean optical density over tissue,
    channel by channel.

    What one hospital annotated is so seen in the colours of the others (the idea of Reinhard et al.
    2001, in optical density, in which white stays white).
    """

    def __init__(self, share: float = 0.6, limits: tuple[float, float] = (0.4, 2.5)) -> None:
        """Take the share of crops that borrow, and the smallest and largest factor of a channel's
        density."""
        super().__init__()
        self.share = share
        self.limits = limits

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Change (N, 3, H, W) float images in 0 to 1."""
        density = optical_density(pictures)  # (N, 3, H, W)
        tissue = (density.mean(1, keepdim=True) > _TISSUE).float()  # (N, 1, H, W)
        # A crop without tissue has a mean of 0, and neither lends nor borrows.
        tissue_px = tissue.sum((2, 3)).clamp_min(1)  # (N, 1)
        mean = (density * tissue).sum((2, 3)) / tissue_px  # (N, 3)
        count = len(pictures)
        device = pictures.device
        lender = mean[torch.randperm(count, device=device)]
        # (N, 1) each: how much of the way to the lender's stain, 0 for those that do not borrow.
        part = torch.rand(count, 1, device=device)
        part = part * (torch.rand(count, 1, device=device) < self.share)
        both = (mean > 0.01).all(1, keepdim=True) & (lender > 0.01).all(1, keepdim=True)
        ratio = (lender / mean.clamp_min(0.01)).clamp(*self.limits)
        # A power, for densities multiplied: half of a factor of 4 is 2.
        factor = ratio ** (part * both)
        return torch.exp(-density * factor[:, :, None, None])


class HedJitter(nn.Module):
    """Scale and shift each stain's density, crop by crop: other laboratories stain darker, paler,
    bluer.

    Tellez et al. 2018, IEEE Trans. Med. Imaging 37:2126.
    """

    to_rgb: torch.Tensor
    to_hed: torch.Tensor

    def __init__(self, scale: float = 0.25, shift: float = 0.05) -> None:
        """Take the largest relative change and the largest shift of a stain's density."""
        super().__init__()
        self.scale = scale
        self.shift = shift
        matrix = torch.tensor(_HED_TO_RGB, dtype=torch.float64)
        self.register_buffer("to_rgb", matrix.float(), persistent=False)
        self.register_buffer("to_hed", torch.linalg.inv(matrix).float(), persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Change (N, 3, H, W) float images in 0 to 1."""
        count = pictures.shape[0]
        device = pictures.device
        # (N, 3, 1, 1) each, one number a crop and stain, evenly up to the limit on both sides.
        scale = torch.rand(count, 3, 1, 1, device=device) * 2 - 1
        scale = 1 + scale * self.scale
        shift = torch.rand(count, 3, 1, 1, device=device) * 2 - 1
        shift = shift * self.shift
        density = optical_density(pictures)
        # Colour channels c to stains s and back: stains add up in density, not in colour.
        stains = torch.einsum("nchw,cs->nshw", density, self.to_hed)
        changed = torch.einsum("nshw,sc->nchw", stains * scale + shift, self.to_rgb)
        return torch.exp(-changed).clamp(0, 1)


class Augment(nn.Module):
    """Move images and labels, then change the images' colours; in two steps, because a teacher
    is shown the colours as they were."""

    def __init__(self, level: str) -> None:
        """Take one of none, flips, stain, strong."""
        super().__init__()
        geometry: list[nn.Module] = []
        self.colors = nn.Sequential()
        if level != "none":
            # Tissue has no up and down.
            geometry += [
                K.RandomHorizontalFlip(),
                K.RandomVerticalFlip(),
                K.RandomRotation90((0, 3), p=1.0),
            ]
        if level == "stain":
            scaled = K.RandomAffine(0.0, scale=(0.75, 1.33), padding_mode="reflection", p=0.7)
            geometry.append(scaled)
            self.colors = nn.Sequential(HedJitter(), K.ColorJiggle(0.15, 0.15, 0.15, 0.02, p=0.8))
        if level == "strong":
            scaled = K.RandomAffine(0.0, scale=(0.6, 1.6), padding_mode="reflection", p=0.8)
            geometry.append(scaled)
            self.colors = nn.Sequential(
                BorrowStain(),
                HedJitter(0.35, 0.08),
                K.ColorJiggle(0.2, 0.2, 0.2, 0.03, p=0.8),
                K.RandomGaussianBlur((5, 5), (0.3, 1.5), p=0.3),
                K.RandomSharpness(2.0, p=0.2),
            )
        self.geometry = None
        if geometry:
            # "mask" is resampled by nearest neighbour: a mean of two labels is a third.
            self.geometry = K.AugmentationSequential(*geometry, data_keys=["input", "mask"])

    @torch.no_grad()
    def move(
        self, pictures: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Move uint8 images (N, 3, H, W) and labels (N, H, W) or (N, K, H, W); return images as
        float 0 to 255, and whole labels."""
        if self.geometry is None:
            return pictures.float(), labels
        planes = labels if labels.ndim == 4 else labels[:, None]  # (N, K, H, W)
        moved, moved_planes = self.geometry(pictures.float() / 255, planes.float())
        moved_labels = moved_planes.reshape(labels.shape).round().to(torch.uint8)
        return moved * 255, moved_labels

    @torch.no_grad()
    def recolor(self, pictures: torch.Tensor) -> torch.Tensor:
        """Change the colours of float images, 0 to 255."""
        if not len(self.colors):
            return pictures
        changed: torch.Tensor = self.colors(pictures / 255) * 255  # Kornia wants 0 to 1
        return changed
