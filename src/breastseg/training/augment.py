"""Augmentation in batches, on the device: geometry on pixels and labels alike, colours on pixels alone."""

import kornia.augmentation as K
import torch
from torch import nn

# Optical density of one unit of haematoxylin, eosin and DAB in red, green, blue: Ruifrok & Johnston 2001.
_HED_TO_RGB = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105), (0.268, 0.570, 0.776))


class HedJitter(nn.Module):
    """Scale and shift each stain's density, crop by crop: other laboratories stain darker, paler, bluer.

    Tellez et al. 2018, IEEE Trans. Med. Imaging 37:2126.
    """

    to_rgb: torch.Tensor
    to_hed: torch.Tensor

    def __init__(self, scale: float = 0.25, shift: float = 0.05) -> None:
        """Take the largest relative change and the largest shift of a stain's density."""
        super().__init__()
        self.scale, self.shift = scale, shift
        matrix = torch.tensor(_HED_TO_RGB, dtype=torch.float64)
        self.register_buffer("to_rgb", matrix.float(), persistent=False)
        self.register_buffer("to_hed", torch.linalg.inv(matrix).float(), persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Change (N, 3, H, W) float pictures in 0 to 1."""
        count = pictures.shape[0]
        scale = 1 + (torch.rand(count, 3, 1, 1, device=pictures.device) * 2 - 1) * self.scale
        shift = (torch.rand(count, 3, 1, 1, device=pictures.device) * 2 - 1) * self.shift
        density = -torch.log(pictures.clamp_min(1 / 255))
        stains = torch.einsum("nchw,cs->nshw", density, self.to_hed)
        changed = torch.einsum("nshw,sc->nchw", stains * scale + shift, self.to_rgb)
        return torch.exp(-changed).clamp(0, 1)


class Augment(nn.Module):
    """uint8 pictures (N, 3, H, W) and labels (N, H, W) -> pictures as float 0 to 255, and labels."""

    def __init__(self, level: str) -> None:
        """Take one of none, flips, stain."""
        super().__init__()
        geometry: list[nn.Module] = []
        self.colors = nn.Sequential()
        if level in {"flips", "stain"}:
            geometry += [K.RandomHorizontalFlip(), K.RandomVerticalFlip(), K.RandomRotation90((0, 3), p=1.0)]
        if level == "stain":
            geometry.append(K.RandomAffine(0.0, scale=(0.75, 1.33), padding_mode="reflection", p=0.7))
            self.colors = nn.Sequential(HedJitter(), K.ColorJiggle(0.15, 0.15, 0.15, 0.02, p=0.8))
        self.geometry = K.AugmentationSequential(*geometry, data_keys=["input", "mask"]) if geometry else None

    @torch.no_grad()
    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Augment a batch; labels stay whole numbers and move with their pixels."""
        if self.geometry is None:
            return pictures.float(), labels
        moved, moved_labels = self.geometry(pictures.float() / 255, labels[:, None].float())
        return self.colors(moved) * 255, moved_labels[:, 0].round().to(torch.uint8)
