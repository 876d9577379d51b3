"""PyTorch: weights that are the card's, and threads that stay the process's own."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.errors import ModelError
from breastseg.labels import BUILT_IN
from breastseg.runners import load_runner
from conftest import copy_of


def test_weights_of_another_network_are_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    other = copy_of(
        tiny_bundle,
        tmp_path / "other",
        label_map=BUILT_IN["tumor"],
        network={**tiny_bundle.card.network, "classes": 2},
    )
    with pytest.raises(ModelError, match=r"model\.safetensors: weights are of another network"):
        load_runner(other, "torch")


def test_a_network_of_another_class_count_than_the_labels_is_refused(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """Channel 5 of such a network would become a label that no class has."""
    other = copy_of(tiny_bundle, tmp_path / "other", label_map=BUILT_IN["tumor"])
    with pytest.raises(ModelError, match="2 classes"):
        load_runner(other, "torch")


def test_threads_of_a_runner_are_not_left_to_the_process(tiny_bundle: Bundle) -> None:
    """A run trained after a prediction with one thread summed in another order, and was not the run
    that a fresh process trains."""
    import torch

    before = torch.get_num_threads()
    load_runner(tiny_bundle, "torch", threads=before + 1).labels(np.zeros((1, 64, 64, 3), np.uint8))
    assert torch.get_num_threads() == before


def test_it_is_the_network_of_the_card(tiny_bundle: Bundle) -> None:
    import torch

    from breastseg.networks.build import NetworkConfig, build
    from breastseg.networks.weights import read_tensors
    from breastseg.runners.torch import TorchRunner

    network = build(NetworkConfig.from_dict(tiny_bundle.card.network)).eval()
    network.load_state_dict(read_tensors(tiny_bundle.path / "model.safetensors", ModelError))
    tiles = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        logits = network(torch.from_numpy(tiles.transpose(0, 3, 1, 2).copy()))
    wanted = torch.softmax(logits, dim=1).numpy()
    runner = TorchRunner(tiny_bundle, "fp32", 1)
    assert np.abs(runner.probabilities(tiles) - wanted).max() < 1e-5
