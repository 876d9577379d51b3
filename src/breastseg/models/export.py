"""A trained network -> a bundle: weights in half precision, computed in single, the ONNX file checked against PyTorch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from breastseg.errors import ModelError
from breastseg.files import sha256_of, write_json, written_folder
from breastseg.models.build import Network, NetworkConfig, build
from breastseg.models.bundle import CARD, HISTORY, ONNX, WEIGHTS, Bundle, load_bundle
from breastseg.models.card import Card

OPSET = 17
MAX_PROBABILITY_DIFFERENCE = 1e-3
_SMALL = 64  # tensors of fewer values stay in single precision: shapes and scalars


class _Probabilities(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network(pictures), dim=1)


def write_bundle(folder: Path, network: Network, card: Card, crops: npt.NDArray[np.uint8], history: str) -> Bundle:
    """Write a bundle whole or not at all.

    Args:
        folder: must not exist yet.
        network: the trained network.
        card: its card; parity and file hashes are filled in here.
        crops: (N, H, W, 3) uint8 real crops on which ONNX and PyTorch must agree.
        history: the run's metrics, CSV.

    Raises:
        ModelError: weights are not finite, or the two disagree by more than 0.001 in any probability.
    """
    state = {
        name: value.detach().cpu().half() if value.is_floating_point() else value.cpu() for name, value in network.state_dict().items()
    }
    broken = [name for name, value in state.items() if value.is_floating_point() and not bool(torch.isfinite(value).all())]
    if broken:
        raise ModelError(f"weights are not finite ({broken[0]}, {len(broken)} tensors); train again with a lower --lr or --precision 32")
    rounded = build(NetworkConfig.from_dict(card.network))
    rounded.load_state_dict(state)
    rounded.eval()
    with written_folder(folder) as beside:
        save_file({name: value.contiguous() for name, value in state.items()}, beside / WEIGHTS)
        (beside / WEIGHTS).chmod(0o644)  # the library leaves it readable to its owner alone
        _export_onnx(rounded, beside / ONNX)
        parity = _parity(rounded, beside / ONNX, crops)
        (beside / HISTORY).write_text(history, encoding="utf-8")
        files = {name: sha256_of(beside / name) for name in (WEIGHTS, ONNX, HISTORY)}
        write_json(beside / CARD, replace(card, parity=parity, files=files).to_dict())
    return load_bundle(folder)


def _export_onnx(network: Network, path: Path) -> None:
    """Write uint8 (N, 3, H, W) -> probabilities (N, K, H, W), any N, any H and W that are multiples of 32."""
    axes = {"pictures": {0: "n", 2: "h", 3: "w"}, "probabilities": {0: "n", 2: "h", 3: "w"}}
    torch.onnx.export(
        _Probabilities(network), (torch.zeros(1, 3, 64, 64, dtype=torch.uint8),), path, dynamo=False, opset_version=OPSET,
        input_names=["pictures"], output_names=["probabilities"], dynamic_axes=axes,
        # The network is in eval mode; EVAL and folding would merge batch norms into weights before these are halved.
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
    )  # fmt: skip
    model = onnx.load(path)
    _halve_weights(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _halve_weights(model: onnx.ModelProto) -> None:
    """Store weights in half precision and cast them at loading: half the file, arithmetic in single as before."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _parity(network: Network, path: Path, crops: npt.NDArray[np.uint8]) -> dict[str, float | int]:
    pictures = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = torch.softmax(network(torch.from_numpy(pictures)), dim=1).numpy()
    difference = float(np.abs(session.run(None, {"pictures": pictures})[0] - expected).max())
    if not difference <= MAX_PROBABILITY_DIFFERENCE:
        raise ModelError(
            f"the ONNX file gives other probabilities than PyTorch (up to {difference:g}, allowed {MAX_PROBABILITY_DIFFERENCE:g}); "
            "report it with the architecture's name"
        )
    return {"max_probability_difference": difference, "crops": len(crops)}
