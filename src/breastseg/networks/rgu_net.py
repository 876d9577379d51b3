"""RGU-Net: a small U-Net of residual blocks with 7x7 group convolutions, for masses in mammograms.

A block is two convolutions of 3x3 with a group convolution of 7x7 between them, and its input is
added at the end: far sight at a small price. Two outputs and a softmax, as its paper has them. The
paper ("A deep neural CNN model with CRF for breast mass segmentation in mammograms") is known to us
from a description only; widths, depth and norms are ours.
"""

import torch
from torch import nn

from breastseg.errors import InputError

GROUPS = 8
"""Groups of the 7x7 convolution, and of the group norms."""


class ResidualGroupBlock(nn.Module):
    """3x3, 7x7 in groups, 3x3, then the input added; (N, C, H, W) -> (N, D, H, W).

    Args:
        channels_in: C.
        channels_out: D, a multiple of `groups`; where C is another, the input goes through 1x1.
        groups: of the 7x7 convolution.
    """

    def __init__(self, channels_in: int, channels_out: int, groups: int = GROUPS) -> None:
        """Build the layers."""
        super().__init__()
        self.before = _convolution(channels_in, channels_out, 3)
        self.wide = _convolution(channels_out, channels_out, 7, groups)
        self.after = _convolution(channels_out, channels_out, 3)
        self.norms = nn.ModuleList([nn.GroupNorm(GROUPS, channels_out) for _ in range(3)])
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the block makes of (N, C, H, W)."""
        features = torch.relu(self.norms[0](self.before(x)))  # (N, D, H, W), as all that follow
        features = torch.relu(self.norms[1](self.wide(features)))
        features = self.norms[2](self.after(features))
        return torch.relu(features + self.shortcut(x))


class RGUNet(nn.Module):
    """(N, 1, H, W) standardised grey values -> (N, 2, H, W) logits of rest and mass.

    Height and width are multiples of 2 ** depth. Group norms: an answer does not depend on
    what else is in the batch.

    Args:
        width: channels of the first level, a multiple of `groups`; each level below has twice as
            many.
        depth: how often the image is halved; 16 and 3 make 0.67 million parameters.
        groups: of the 7x7 convolutions.

    Raises:
        InputError: a width that is no multiple of the groups, or a depth that is none.
    """

    def __init__(self, width: int = 16, depth: int = 3, groups: int = GROUPS) -> None:
        """Build the levels."""
        super().__init__()
        if groups < 1 or width < 1 or width % groups or width % GROUPS:
            raise InputError(f"a width of {width}: wanted a multiple of {max(groups, GROUPS)}")
        if not 1 <= depth <= 6:
            raise InputError(f"a depth of {depth}: wanted 1 to 6")
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList()
        before = 1
        for channels in widths:
            self.down.append(ResidualGroupBlock(before, channels, groups))
            before = channels
        self.enlarge = nn.ModuleList()
        self.up = nn.ModuleList()
        for channels in reversed(widths[:-1]):
            self.enlarge.append(nn.ConvTranspose2d(2 * channels, channels, 2, stride=2))
            self.up.append(ResidualGroupBlock(2 * channels, channels, groups))
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 2, H, W) of (N, 1, H, W)."""
        levels: list[torch.Tensor] = []
        for level, block in enumerate(self.down):
            if level:
                x = nn.functional.max_pool2d(x, 2)
            x = block(x)
            levels.append(x)
        # The deepest is what goes up; each of the others is joined on its way.
        levels.pop()
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat([enlarge(x), levels.pop()], dim=1))
        logits: torch.Tensor = self.head(x)
        return logits


def _convolution(channels_in: int, channels_out: int, side: int, groups: int = 1) -> nn.Conv2d:
    # No bias: a group norm follows, which takes the mean off.
    return nn.Conv2d(channels_in, channels_out, side, padding=side // 2, groups=groups, bias=False)
