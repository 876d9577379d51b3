"""Export: weights stored once, every back end held against PyTorch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

from breastseg.bundles.bundle import ONNX, WEIGHTS, Bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.errors import ModelError
from breastseg.images import Pixels


def test_the_card_says_how_far_the_back_ends_are_from_pytorch(tiny_bundle: Bundle) -> None:
    parity = tiny_bundle.card.parity
    assert (parity["crops"], parity["tolerance"]) == (2, 1e-3)
    assert parity["max_probability_difference"] == max(parity["openvino"], parity["onnx"]) <= 1e-3
    assert ("bf16" in parity) is cpu_has_bf16()
    if cpu_has_bf16():
        assert (
            parity["bf16"]["max_probability_difference"] > parity["openvino"]
        )  # rounder numbers, or it was not bf16 that ran
        assert 0 < parity["bf16"]["same_labels"] <= 1


def test_a_back_end_that_differs_is_not_exported(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from breastseg.networks import export
    from breastseg.networks.build import NetworkConfig

    torch.manual_seed(1)
    network = export.build(NetworkConfig.from_dict(tiny_bundle.card.network))
    off = export._openvino

    def wrong(path: Path, precision: str) -> Callable[[Pixels], npt.NDArray[np.float32]]:
        return lambda pictures: off(path, precision)(pictures) + np.float32(0.01)

    monkeypatch.setattr(export, "_openvino", wrong)
    with pytest.raises(
        ModelError,
        match=r"openvino .* than PyTorch \(up to 0\.01.*, allowed 0\.001\)",
    ):
        export.write_bundle(
            tmp_path / "wrong",
            network,
            tiny_bundle.card,
            np.zeros((1, 64, 64, 3), np.uint8),
            "epoch\n",
        )
    assert list(tmp_path.iterdir()) == []


def test_weights_are_stored_once(tiny_bundle: Bundle) -> None:
    """Each weight in the ONNX file is a place in the safetensors file, and the very numbers are
    there."""
    import onnx
    from onnx import TensorProto

    weights = load_file(tiny_bundle.path / WEIGHTS)
    data = (tiny_bundle.path / WEIGHTS).read_bytes()
    graph = onnx.load(tiny_bundle.path / ONNX, load_external_data=False).graph
    outside = [t for t in graph.initializer if t.data_location == TensorProto.EXTERNAL]
    for tensor in outside:
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert place["location"] == WEIGHTS
        found = np.frombuffer(
            data, np.float16, offset=int(place["offset"]), count=int(place["length"]) // 2
        )
        expected = weights[tensor.name.removeprefix("network.").removesuffix(".half")]
        assert np.array_equal(found.reshape(tensor.dims), expected)
    assert len(outside) == sum(value.dtype == np.float16 for value in weights.values())
    assert sum(len(t.raw_data) for t in graph.initializer) < 1000
    assert (tiny_bundle.path / ONNX).stat().st_size < 0.1 * (
        tiny_bundle.path / WEIGHTS
    ).stat().st_size


def test_names_of_what_flows_are_short_and_the_graph_is_the_same() -> None:
    import onnx
    from onnx import TensorProto, helper

    from breastseg.networks import export

    names = ("the/input", "the/long/name/of/a/sum", "the/output")
    places = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in names]
    nodes = [
        helper.make_node("Add", ["the/input", "the/input"], [names[1]], name="/body/Add"),
        helper.make_node("Relu", [names[1]], ["the/output"], name="/body/Relu"),
    ]
    graph = helper.make_graph(nodes, "g", [places[0]], [places[2]], value_info=[places[1]])
    export._shorten_names(graph)
    assert [list(node.input) for node in graph.node] == [["the/input"] * 2, ["v0"]]
    assert [list(node.output) for node in graph.node] == [["v0"], ["the/output"]]
    assert [node.name for node in graph.node] == ["", ""]
    assert not graph.value_info
    onnx.checker.check_graph(graph)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (1, 1)])
def test_fixed_padding_is_tensorflows_on_multiples_of_32(kernel: int, stride: int) -> None:
    import torch
    from timm.layers import Conv2dSame

    from breastseg.networks import export

    torch.manual_seed(0)
    conv = Conv2dSame(2, 3, kernel, stride=stride)
    features = torch.randn(1, 2, 32, 64)
    assert torch.equal(export._padded(conv, features), conv(features))


def test_weights_that_are_not_finite_are_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    from breastseg.networks import export
    from breastseg.networks.build import NetworkConfig

    network = export.build(NetworkConfig.from_dict(tiny_bundle.card.network))
    network.last_bias.data[0] = float("nan")
    crops = np.zeros((1, 64, 64, 3), np.uint8)
    with pytest.raises(ModelError, match=r"segmentation_head\.0\.bias, 1 tensors.*--lr"):
        export.write_bundle(tmp_path / "wrong", network, tiny_bundle.card, crops, "epoch\n")
    assert list(tmp_path.iterdir()) == []
