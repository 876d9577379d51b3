"""Trunks of classification networks: crops in, the last map's features out.

A trunk is a published network without its classifying layers, cut before its last block: `below`
may stay frozen while `last` is trained. Architectures are torchvision's and timm's own.
"""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models import AlexNet, DenseNet, resnet50, vgg

from breastseg.errors import InputError
from breastseg.networks.build import NetworkConfig, build

LITE0 = "tu-tf_efficientnet_lite0"
_SMALL_WIDTHS = (16, 32, 64, 64)
_DENSENET169 = {"growth_rate": 32, "block_config": (6, 12, 32, 32), "num_init_features": 64}
_ALEXNET_LAST = 6
"""Layer at which the last block begins: AlexNet's third convolution."""
_VGG16_LAST = 24
"""The same of VGG-16: its block 5."""


@dataclass(frozen=True)
class Scaling:
    """How grey values from 0 to 1 become three channels.

    Attributes:
        mean: taken off each channel.
        std: by which each channel is divided then.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Scaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CAFFE = Scaling((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255))
"""Blue, green, red, from 0 to 255 and without a deviation, as Keras' VGG-16 has it."""


class Trunk(nn.Module):
    """(N, H, W) grey values from 0 to 1 -> (N, F) features: mean and maximum of the last map.

    Attributes:
        below: what may stay as it is.
        last: the last block.
        channels: of the last map; F is twice as many.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, below: nn.Module, last: nn.Module, channels: int, scaling: Scaling) -> None:
        """Hold the two halves."""
        super().__init__()
        self.below = below
        self.last = last
        self.channels = channels
        self.register_buffer("mean", torch.empty(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.empty(1, 3, 1, 1), persistent=False)
        self.scale_by(scaling)

    def scale_by(self, scaling: Scaling) -> None:
        """Scale colours as the weights were trained with."""
        self.mean.copy_(torch.tensor(scaling.mean).view(1, 3, 1, 1))
        self.std.copy_(torch.tensor(scaling.std).view(1, 3, 1, 1))

    def maps(self, grey: torch.Tensor) -> torch.Tensor:
        """Return what `below` makes of (N, H, W): (N, C, h, w)."""
        colours = (grey[:, None] - self.mean) / self.std
        # The layout of memory that `build_trunk` gives the weights.
        maps: torch.Tensor = self.below(colours.contiguous(memory_format=torch.channels_last))
        return maps

    def features(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the features of what `below` made."""
        last = self.last(maps)
        return torch.cat([last.mean(dim=(2, 3)), last.amax(dim=(2, 3))], dim=1)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Return features, (N, F)."""
        return self.features(self.maps(grey))


def _vgg16() -> Trunk:
    layers = vgg.make_layers(vgg.cfgs["D"], False)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            # As torchvision begins: with PyTorch's own weights the signal fades over 13 layers.
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return Trunk(layers[:_VGG16_LAST], layers[_VGG16_LAST:], 512, IMAGENET)


def _alexnet() -> Trunk:
    layers = AlexNet(num_classes=1).features
    return Trunk(layers[:_ALEXNET_LAST], layers[_ALEXNET_LAST:], 256, IMAGENET)


def _densenet169() -> Trunk:
    layers = list(DenseNet(num_classes=1, **_DENSENET169).features.children())
    # The last two are dense block 4 and its normalisation; torchvision adds a ReLU behind it.
    last = nn.Sequential(*layers[-2:], nn.ReLU())
    return Trunk(nn.Sequential(*layers[:-2]), last, 1664, IMAGENET)


def _resnet50() -> Trunk:
    network = resnet50(weights=None)
    # The last two are pooling and the classifying layer.
    layers = list(network.children())[:-2]
    return Trunk(nn.Sequential(*layers[:-1]), layers[-1], 2048, IMAGENET)


def _lite0() -> Trunk:
    encoder = build(NetworkConfig(arch="unet", encoder=LITE0, classes=1)).encoder.model
    blocks = list(encoder.blocks)  # type: ignore[arg-type, union-attr]
    stem = [encoder.conv_stem, encoder.bn1]  # type: ignore[union-attr]
    below = nn.Sequential(*stem, *blocks[:-1])  # type: ignore[arg-type]
    return Trunk(below, blocks[-1], 320, HALF)


def _cnn() -> Trunk:
    """A small network of our own: four times convolution, normalisation, ReLU, halving."""
    layers: list[nn.Module] = []
    before = 3
    for width in _SMALL_WIDTHS:
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        before = width
    return Trunk(nn.Identity(), nn.Sequential(*layers), before, HALF)


NETS: Mapping[str, Callable[[], Trunk]] = {
    "vgg16": _vgg16,
    "alexnet": _alexnet,
    "cnn": _cnn,
    "densenet169": _densenet169,
    "resnet50": _resnet50,
    "lite0": _lite0,
}


def build_trunk(name: str, seed: int) -> Trunk:
    """Return a trunk with random weights, the same for the same seed.

    Raises:
        InputError: no such network.
    """
    if name not in NETS:
        raise InputError(f"--net '{name}': wanted {', '.join(NETS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk = NETS[name]()
    trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trunk.eval()
    return trunk
