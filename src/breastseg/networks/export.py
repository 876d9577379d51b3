"""A trained network -> a bundle: weights in half precision, stored once, computed in single; every
back end checked against PyTorch."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from timm.layers import Conv2dSame
from torch import nn

from breastseg.bundles.bundle import CARD, HISTORY, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.card import Card
from breastseg.bundles.engine import core, cpu_has_bf16, hints
from breastseg.bundles.onnx_engine import onnxruntime
from breastseg.bundles.tensors import half_places
from breastseg.errors import ModelError
from breastseg.files import sha256_of, write_json, written_folder
from breastseg.json_files import JsonObject
from breastseg.networks.build import Network, NetworkConfig, build

OPSET = 17
MAX_PROBABILITY_DIFFERENCE = 1e-3

_Compute: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


class _Probabilities(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network(pictures), dim=1)


def no_more(folder: Path, network: Network) -> tuple[str, ...]:
    """Write nothing beside a bundle's own files."""
    return ()


def write_bundle(
    folder: Path,
    network: Network,
    card: Card,
    crops: npt.NDArray[np.uint8],
    history: str,
    more: Callable[[Path, Network], tuple[str, ...]] = no_more,
) -> Bundle:
    """Write a bundle whole or not at all.

    Args:
        folder: must not exist yet.
        network: the trained network.
        card: its card; parity and file hashes are filled in here.
        crops: (N, H, W, 3) uint8 real crops on which OpenVINO, ONNX Runtime and PyTorch must agree.
        history: the run's metrics, CSV.
        more: writes further files beside the weights, given the folder and the network as the
            weights have it, and returns their names.

    Raises:
        ModelError: weights are not finite, or a back end differs from PyTorch by more than 0.001 in
            any probability.
    """
    state = _in_half(network)
    broken = []
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            broken.append(name)
    if broken:
        raise ModelError(
            f"weights are not finite ({broken[0]}, {len(broken)} tensors); train again with a lower"
            " --lr or --precision 32"
        )
    rounded = build(NetworkConfig.from_dict(card.network))
    rounded.load_state_dict(state)
    rounded.eval()
    _fix_padding(rounded)
    with written_folder(folder) as unfinished:
        weights = unfinished / WEIGHTS
        save_file({name: value.contiguous() for name, value in state.items()}, weights)
        # The library leaves it readable to its owner alone.
        weights.chmod(0o644)
        # The graph points at places in the file of weights, which must be there before.
        _export_onnx(rounded, unfinished / ONNX)
        parity = _parity(rounded, unfinished / ONNX, crops)
        (unfinished / HISTORY).write_text(history, encoding="utf-8")
        names = (WEIGHTS, ONNX, HISTORY, *more(unfinished, rounded))
        files = {name: sha256_of(unfinished / name) for name in names}
        write_json(unfinished / CARD, replace(card, parity=parity, files=files).to_dict())
    return load_bundle(folder)


def _in_half(network: Network) -> dict[str, torch.Tensor]:
    """Return a network's weights in half precision; counters stay whole numbers."""
    state = {}
    for name, value in network.state_dict().items():
        state[name] = value.detach().cpu().half() if value.is_floating_point() else value.cpu()
    return state


def _export_onnx(network: Network, path: Path) -> None:
    """Write uint8 (N, 3, H, W) -> probabilities (N, K, H, W), any N, any H and W that are multiples
    of 32."""
    export_graph(_Probabilities(network), path, "probabilities")


def export_graph(module: nn.Module, path: Path, output: str) -> None:
    """Write a module that holds a network as `network` and takes uint8 images; the weights stay
    in the safetensors file beside it."""
    sides = {0: "n", 2: "h", 3: "w"}
    if output != "probabilities":
        sides = {0: "n", 2: "rows", 3: "columns"}
    axes = {"pictures": {0: "n", 2: "h", 3: "w"}, output: sides}
    with warnings.catch_warnings():
        # It does not work out the order of a padding's sides: that is left to the back end.
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1")
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, 64, 64, dtype=torch.uint8),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["pictures"],
            output_names=[output],
            dynamic_axes=axes,
            # The network is in eval mode; EVAL and folding would merge batch norms into weights,
            # which then are in no other file.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    model = onnx.load(path)
    _point_at_weights(model, path.with_name(WEIGHTS))
    _shorten_names(model.graph)
    onnx.save(model, path)
    onnx.checker.check_model(path)


def _fix_padding(network: Network) -> None:
    """Give convolutions that pad like TensorFlow the padding of sizes that are multiples of 32, the
    only ones: no shapes to compute."""
    for module in network.modules():
        if isinstance(module, Conv2dSame):
            module.forward = partial(_padded, module)


def _padded(conv: nn.Conv2d, features: torch.Tensor) -> torch.Tensor:
    sides = []
    for kernel, stride, dilation in zip(conv.kernel_size, conv.stride, conv.dilation, strict=True):
        # What TensorFlow pads in all where the size is a multiple of the stride; the odd pixel goes
        # to the end.
        total = max(0, dilation * (kernel - 1) + 1 - stride)
        sides.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = sides
    padded = nn.functional.pad(features, (left, right, top, bottom))
    return nn.functional.conv2d(
        padded, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups
    )


def _point_at_weights(model: onnx.ModelProto, weights: Path) -> None:
    """Replace the weights in the graph by their places in the safetensors file, half precision,
    cast to single when loaded."""
    places = half_places(weights)
    casts = []
    for tensor in model.graph.initializer:
        name = tensor.name
        place = places.get(name.removeprefix("network."))
        is_single = tensor.data_type == TensorProto.FLOAT
        if not is_single or place is None or place.shape != tuple(tensor.dims):
            # Constants of the graph itself stay where they are.
            continue
        tensor.Clear()
        tensor.name = f"{name}.half"
        tensor.data_type = TensorProto.FLOAT16
        tensor.data_location = TensorProto.EXTERNAL
        tensor.dims.extend(place.shape)
        tensor.external_data.add(key="location", value=weights.name)
        tensor.external_data.add(key="offset", value=str(place.offset))
        tensor.external_data.add(key="length", value=str(place.length))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    # A graph's nodes stand in the order of computation: casts come before what reads them.
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _shorten_names(graph: onnx.GraphProto) -> None:
    """Number what flows between the nodes: the exporter's names are half of the file, and of the
    int8 network's description too."""
    # Names that others know: inputs, outputs, and weights by their places in the file.
    fixed = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    short: dict[str, str] = {}
    number = 0
    for node in graph.node:
        for name in node.output:
            if name not in fixed:
                short[name] = f"v{number}"
                number += 1
    for node in graph.node:
        node.name = ""
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]
    # Shapes by the old names: a back end works them out itself.
    del graph.value_info[:]


def _parity(network: Network, path: Path, crops: npt.NDArray[np.uint8]) -> JsonObject:
    """Return how far each back end is from PyTorch; bfloat16 is measured, but has no tolerance."""
    pictures = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))  # (N, 3, H, W)
    with torch.inference_mode():
        expected = torch.softmax(network(torch.from_numpy(pictures)), dim=1).numpy()  # (N, K, H, W)
    differences = {}
    for name, compute in _back_ends(path).items():
        differences[name] = float(np.abs(compute(pictures) - expected).max())
    for name, difference in differences.items():
        # Written so that NaN is refused.
        if not difference <= MAX_PROBABILITY_DIFFERENCE:
            raise ModelError(
                f"the ONNX file on {name} gives other probabilities than PyTorch (up to"
                f" {difference:g}, allowed {MAX_PROBABILITY_DIFFERENCE:g}); report it with the"
                " architecture's name"
            )
    parity: JsonObject = {
        "max_probability_difference": max(differences.values()),
        "tolerance": MAX_PROBABILITY_DIFFERENCE,
        "crops": len(crops),
        **differences,
    }
    if cpu_has_bf16():
        rounded = _openvino(path, "bf16")(pictures)
        is_same = rounded.argmax(axis=1) == expected.argmax(axis=1)  # (N, H, W)
        parity["bf16"] = {
            "max_probability_difference": float(np.abs(rounded - expected).max()),
            "same_labels": float(is_same.mean()),
        }
    return parity


def _back_ends(path: Path) -> dict[str, _Compute]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return {
        "openvino": single_precision(path),
        "onnx": lambda pictures: np.asarray(session.run(None, {"pictures": pictures})[0]),
    }


def single_precision(path: Path) -> _Compute:
    """Return what OpenVINO computes from a graph in single precision, (N, 3, H, W) uint8 in."""
    return _openvino(path, "fp32")


def _openvino(path: Path, precision: str) -> _Compute:
    compiled = core().compile_model(path, "CPU", hints(precision))
    return lambda pictures: np.asarray(compiled(pictures)[0])
