"""types.onnx and types.json into a bundle that is being written."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from breastseg.bundles.types import TYPES, TYPES_ONNX, Types
from breastseg.errors import ModelError
from breastseg.files import write_json
from breastseg.networks.build import Network
from breastseg.networks.export import MAX_PROBABILITY_DIFFERENCE, export_graph, single_precision
from breastseg.networks.type_cells import TypeCells, pooled


def write_types(
    folder: Path, network: Network, types: Types, tumour: int, crops: npt.NDArray[np.uint8]
) -> tuple[str, ...]:
    """Write the cells' graph, whose weights are those of the bundle, and the head.

    Args:
        folder: where the bundle is being written; holds the weights already.
        network: as the bundle's weights have it.
        types: the head.
        tumour: channel of the class of tumour.
        crops: (N, H, W, 3) uint8 on which OpenVINO must agree with PyTorch.

    Returns:
        the names of the files.

    Raises:
        ModelError: probabilities differ by more than 0.001.
    """
    module = TypeCells(network, tumour).eval()
    export_graph(module, folder / TYPES_ONNX, "cells")
    write_json(folder / TYPES, types.to_dict())
    pictures = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))  # (N, 3, H, W)
    with torch.inference_mode():
        expected = pooled(module(torch.from_numpy(pictures))).numpy()  # (N, 2 C), as `features`
    cells = single_precision(folder / TYPES_ONNX)(pictures)
    features = pooled(torch.from_numpy(np.ascontiguousarray(cells))).numpy()
    # Of probabilities, not of features: those are what a person sees.
    difference = np.abs(types.probabilities(features) - types.probabilities(expected)).max()
    # Written so that NaN is refused.
    if not difference <= MAX_PROBABILITY_DIFFERENCE:
        raise ModelError(
            f"{TYPES_ONNX} on OpenVINO gives other types than PyTorch (up to {difference:g},"
            f" allowed {MAX_PROBABILITY_DIFFERENCE:g}); report it with the architecture's name"
        )
    return TYPES_ONNX, TYPES
