"""Name -> network, one visible dict. Networks take uint8 images and give logits; scaling of
colours is inside."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from breastseg.bundles.bias import LAST_BIAS
from breastseg.errors import EngineError, InputError, ModelError, ShortageError, explained
from breastseg.json_files import JsonObject, number_in, shown, text_of, whole_in

ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {
    "unet": smp.Unet,
    "unet-scse": partial(smp.Unet, decoder_attention_type="scse"),
    "unetplusplus": smp.UnetPlusPlus,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "segformer": smp.Segformer,
}
"""Networks by name. `unet-scse` is a U-Net with attention (concurrent spatial and channel
squeeze-and-excitation)."""

HAS_DECODER_CHANNELS = {"unet", "unet-scse", "unetplusplus"}
"""Architectures whose decoder widths can be chosen."""

OUTPUT_STRIDES = (1, 2, 4, 8)
HAS_OUTPUT_STRIDE = {"unet", "unet-scse"}
"""Architectures whose decoder can stop early: tissue borders are drawn to several microns, the last
blocks cost most and add least."""

_MOST_CHANNELS = 2048
_FITTING = ("resnet34", "mit_b0", "tu-tf_efficientnet_lite0", "tu-convnext_tiny", "tu-pvt_v2_b0")
"""Encoders that fit, to name when another does not: vision transformers (ViT, Swin) keep one size.
"""
_MISFIT = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What segmentation-models-pytorch and timm raise for an encoder that they cannot put into an
architecture."""

_USUAL_CHANNELS = (256, 128, 64, 32, 16)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class NetworkConfig:
    """What is needed to build a network again.

    Attributes:
        arch: a name of ARCHITECTURES.
        encoder: a name of segmentation-models-pytorch, as in "resnet34"; "tu-" before a timm name.
        classes: number of output channels.
        decoder_channels: of the U-Net decoders, deepest first; empty for the architecture's own.
        dropout: share of bottleneck channels dropped in training.
        mean: of each colour channel, 0 to 1.
        std: of each colour channel, 0 to 1.
        output_stride: pixels a side under one pixel of the decoder's output, which is then enlarged
            bilinearly: 1, 2, 4 or 8.
    """

    arch: str
    encoder: str
    classes: int
    decoder_channels: tuple[int, ...] = ()
    dropout: float = 0.0
    mean: tuple[float, float, float] = _IMAGENET[0]
    std: tuple[float, float, float] = _IMAGENET[1]
    output_stride: int = 1

    def to_dict(self) -> JsonObject:
        """Return the configuration as JSON values."""
        return asdict(self)

    @staticmethod
    def from_dict(value: Mapping[str, Any], where: str = "card") -> "NetworkConfig":
        """Read what `to_dict` gave (JSON turns tuples into lists); ModelError names `where` and
        what is wrong."""
        try:
            fields: JsonObject = {}
            for key, given in value.items():
                fields[key] = tuple(given) if isinstance(given, list) else given
            for name in ("arch", "encoder"):
                text_of(fields.get(name), name)
            whole_in(fields.get("classes"), 1, 253, "classes")
            channels = fields.get("decoder_channels", ())
            if not isinstance(channels, tuple) or len(channels) > 8:
                raise ValueError(
                    f"decoder_channels is {shown(channels)}, wanted a list of up to 8 numbers"
                )
            for channel in channels:
                whole_in(channel, 1, _MOST_CHANNELS, "decoder_channels")
            number_in(fields.get("dropout", 0.0), 0.0, 1.0, "dropout")
            whole_in(fields.get("output_stride", 1), 1, max(OUTPUT_STRIDES), "output_stride")
            for name in ("mean", "std"):
                colours = fields.get(name, _IMAGENET[0])
                if not isinstance(colours, tuple) or len(colours) != 3:
                    raise ValueError(f"{name} is {shown(colours)}, wanted three numbers")
                for colour in colours:
                    number_in(colour, 0.0, 1.0, name)
            return NetworkConfig(**fields)
        except (TypeError, ValueError) as cause:
            raise ModelError(
                f"{where}: not what a network is built from ({cause}); export the bundle again"
            ) from None


class Network(nn.Module):
    """uint8 (N, 3, H, W) -> logits (N, K, H, W); H and W multiples of 32."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, body: nn.Module, config: NetworkConfig) -> None:
        """Wrap a segmentation network with its scaling of colours and its dropout."""
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout2d(config.dropout)
        # The card has both, so the weights need not: they stay those of a plain network.
        mean = torch.tensor(config.mean).view(1, 3, 1, 1) * 255
        std = torch.tensor(config.std).view(1, 3, 1, 1) * 255
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    @property
    def encoder(self) -> nn.Module:
        """The part that may hold pretrained weights."""
        return self.body.encoder  # type: ignore[return-value]

    @property
    def last_bias(self) -> nn.Parameter:
        """The (K,) bias of the last convolution (`bundles.bias.LAST_BIAS`): a number added there is
        added to all logits of a class."""
        return self.get_parameter(LAST_BIAS)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Scale, encode, drop bottleneck channels, decode."""
        return self.logits_and_features(pictures)[0]

    def logits_and_features(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what `forward` does, and the deepest features before any is dropped, (N, C, H /
        32, W / 32)."""
        scaled = pictures.to(torch.float32, copy=True).sub_(self.mean).div_(self.std)
        features = list(self.body.encoder(scaled))  # type: ignore[operator]
        deepest: torch.Tensor = features[-1]
        features[-1] = self.dropout(deepest)
        decoded = self.body.decoder(features)  # type: ignore[operator]
        logits: torch.Tensor = self.body.segmentation_head(decoded)  # type: ignore[operator]
        return logits, deepest


def build(config: NetworkConfig) -> Network:
    """Build a network with random weights.

    Raises:
        InputError: unknown architecture or encoder, or one that does not fit the other; the message
            names what does.
    """
    if config.arch not in ARCHITECTURES:
        raise InputError(
            f"architecture '{config.arch}': not known; wanted {', '.join(ARCHITECTURES)}"
        )
    if not 0 <= config.dropout < 1:
        raise InputError(f"dropout {config.dropout:g}: wanted 0 up to 1")
    check_encoder(config.encoder)
    options: JsonObject = {}
    if config.decoder_channels:
        if config.arch not in HAS_DECODER_CHANNELS:
            raise InputError(
                f"decoder channels are not an option of {config.arch}; only of"
                f" {', '.join(sorted(HAS_DECODER_CHANNELS))}"
            )
        options["decoder_channels"] = config.decoder_channels
    strides = OUTPUT_STRIDES if config.arch in HAS_OUTPUT_STRIDE else (1,)
    if config.output_stride not in strides:
        wanted = ", ".join(str(stride) for stride in strides)
        raise InputError(f"output stride {config.output_stride} of {config.arch}: wanted {wanted}")
    try:
        body = ARCHITECTURES[config.arch](
            config.encoder, encoder_weights=None, in_channels=3, classes=config.classes, **options
        )
        if config.output_stride > 1:
            _stop_early(body, config)
        network = Network(body, config)
        if config.encoder.startswith("tu-"):
            _try_size(network)
    except _MISFIT as cause:
        if isinstance(explained(cause), (ShortageError, EngineError)):
            raise
        reason = " ".join(str(cause).split())[:120]
        raise InputError(
            f"encoder '{config.encoder}' does not fit {config.arch} ({reason}); wanted one that"
            f" takes images of any size and halves them five times: {', '.join(_FITTING)}"
        ) from None
    return network


def _try_size(network: Network) -> None:
    """Run the network on a small image that is no square: many of timm's networks take one size
    only, which shows only when they run."""
    network.eval()
    with torch.inference_mode():
        network(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    network.train()


def _stop_early(body: nn.Module, config: NetworkConfig) -> None:
    """Leave out the decoder's last blocks and enlarge the logits instead."""
    # Each block doubles the resolution: a stride of 8 leaves out 3.
    left_out = config.output_stride.bit_length() - 1
    channels = (config.decoder_channels or _USUAL_CHANNELS)[-1 - left_out]
    body.decoder.blocks = body.decoder.blocks[:-left_out]  # type: ignore[union-attr, index]
    body.segmentation_head = nn.Sequential(
        nn.Conv2d(channels, config.classes, kernel_size=3, padding=1),
        nn.Upsample(scale_factor=float(config.output_stride), mode="bilinear"),
    )


def check_encoder(name: str) -> None:
    """Raise InputError with the known names when there is no encoder of this name."""
    own = smp.encoders.get_encoder_names()
    if name in own or (name.startswith("tu-") and timm.is_model(name[3:])):
        return
    raise InputError(
        f"encoder '{name}': not known; wanted one of {', '.join(own)}, or tu-NAME for one of timm's"
    )


def normalisation(encoder: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return (mean, std) that the encoder's ImageNet weights were trained with, 0 to 1."""
    if not encoder.startswith("tu-"):
        return _IMAGENET
    info = timm.get_pretrained_cfg(encoder[3:])
    if info is None:
        return _IMAGENET
    return tuple(info.mean), tuple(info.std)
