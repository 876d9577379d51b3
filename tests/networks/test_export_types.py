"""types.onnx and types.json: the cells' graph points at the bundle's weights and agrees with
PyTorch."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from breastseg.bundles.bundle import WEIGHTS, Bundle
from breastseg.bundles.types import TYPES, TYPES_ONNX, Types
from breastseg.errors import ModelError
from breastseg.json_files import read_json
from breastseg.networks import export_types
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.export_types import write_types
from breastseg.networks.type_cells import channels_of
from breastseg.networks.weights import read_tensors

CROPS = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def head_of(channels: int) -> Types:
    weights = np.random.default_rng(1).normal(0, 0.1, (2 * channels, 2))
    return Types(("benign", "malignant"), weights, np.zeros(2))


def test_cells_beside_a_bundles_weights(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WEIGHTS).write_bytes((tiny_bundle.path / WEIGHTS).read_bytes())
    network = build(NetworkConfig.from_dict(tiny_bundle.card.network)).eval()
    network.load_state_dict(read_tensors(tmp_path / WEIGHTS, ModelError))
    types = head_of(channels_of(network))
    assert write_types(tmp_path, network, types, 0, CROPS) == (TYPES_ONNX, TYPES)
    assert read_json(tmp_path / TYPES, ModelError, "x")["types"] == ["benign", "malignant"]
    graph = onnx.load(tmp_path / TYPES_ONNX, load_external_data=False).graph
    outside = {
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert outside == {WEIGHTS}
    # Written again with another answer of OpenVINO; the graph itself need not be made twice.
    monkeypatch.setattr(export_types, "export_graph", lambda *_: None)
    single = export_types.single_precision
    monkeypatch.setattr(
        export_types, "single_precision", lambda path: lambda tiles: -single(path)(tiles)
    )
    with pytest.raises(ModelError, match=r"types\.onnx on OpenVINO.*0\.001"):
        write_types(tmp_path, network, types, 0, CROPS)
