"""Deepest features of a bundle's network: those of PyTorch's encoder, pooled."""

import numpy as np
import pytest
import torch

from breastseg.bundles.bundle import WEIGHTS, Bundle
from breastseg.bundles.engine import openvino, opset
from breastseg.errors import ModelError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.weights import read_tensors
from breastseg.runners import features
from breastseg.runners.features import FeatureNetwork
from conftest import crop


def test_they_are_the_means_of_the_encoders_last_map(tiny_bundle: Bundle) -> None:
    network = build(NetworkConfig.from_dict(tiny_bundle.card.network)).eval()
    network.load_state_dict(read_tensors(tiny_bundle.path / WEIGHTS, ModelError))
    tiles = np.stack([crop(0)[:64, :96], crop(1)[:64, :96]])
    pictures = torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2)))
    with torch.inference_mode():
        wanted = network.logits_and_features(pictures)[1].mean(dim=(2, 3)).numpy()
    reader = FeatureNetwork(tiny_bundle, 1)
    found = reader(tiles)
    assert found.shape == wanted.shape
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-3
    assert reader(tiles[:1]) == pytest.approx(found[:1], abs=1e-5)


def convolved(strides: list[int]) -> "openvino.Model":
    """A network of one convolution after another."""
    picture = opset.parameter([1, 3, 256, 256], np.float32, name="pictures")
    value = picture
    for stride in strides:
        kernel = opset.constant(np.zeros((3, 3, 1, 1), np.float32))
        value = opset.convolution(value, kernel, [stride, stride], [0, 0], [0, 0], [1, 1])
    return openvino.Model([opset.result(value)], [picture], "painted")


@pytest.mark.parametrize(("strides", "side"), [([2, 2], 64), ([2, 2, 1], 64), ([2, 4, 32], 32)])
def test_the_deepest_is_the_last_of_the_lowest_resolution(strides: list[int], side: int) -> None:
    """1 x 1, as what is pooled over everything is, does not count."""
    found = features._deepest(convolved(strides))
    assert found is not None
    assert found.get_partial_shape()[2].get_length() == side


def test_a_network_of_one_resolution_has_none() -> None:
    assert features._deepest(convolved([1, 1])) is None
