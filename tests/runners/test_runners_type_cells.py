"""The runner of cells that a head on types reads: OpenVINO against PyTorch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from breastseg.bundles.bundle import WEIGHTS, Bundle
from breastseg.bundles.types import TYPES_ONNX
from breastseg.errors import InputError, ModelError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.export import export_graph
from breastseg.networks.type_cells import TypeCells
from breastseg.networks.weights import read_tensors
from breastseg.runners import type_cells
from breastseg.runners.type_cells import TypeCellsRunner
from conftest import crop


def test_cells_are_pytorchs_and_few_shapes_are_kept(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WEIGHTS).write_bytes((tiny_bundle.path / WEIGHTS).read_bytes())
    network = build(NetworkConfig.from_dict(tiny_bundle.card.network)).eval()
    network.load_state_dict(read_tensors(tmp_path / WEIGHTS, ModelError))
    cells = TypeCells(network, 0).eval()
    export_graph(cells, tmp_path / TYPES_ONNX, "cells")
    bundle = Bundle(tmp_path, replace(tiny_bundle.card, files={TYPES_ONNX: "0" * 64}))
    runner = TypeCellsRunner(bundle, "auto", 1)
    tiles = crop(0)[None, :64, :96]
    with torch.inference_mode():
        wanted = cells(torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))))
    found = runner.probabilities(tiles)
    assert found.shape == (1, wanted.shape[1], 2, 3)
    assert np.abs(found - wanted.numpy()).max() < 1e-3
    with pytest.raises(InputError, match="names no tissue"):
        runner.labels(tiles)
    monkeypatch.setattr(type_cells, "_KEPT", 1)
    runner.probabilities(crop(0)[None, :32, :32])
    assert list(runner._compiled) == [(1, 32, 32, 3)]
    runner.release()
    assert not runner._compiled
