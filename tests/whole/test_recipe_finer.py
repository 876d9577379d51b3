"""A start with a finer output: what fits stays as it is, what is new says what the model said."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from breastseg.bundles.bundle import WEIGHTS, Bundle, load_bundle
from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.split import SplitConfig, load_split, regions_of, split
from breastseg.errors import InputError
from breastseg.networks.build import Network, NetworkConfig, build
from breastseg.networks.export import write_bundle
from breastseg.networks.weights import load_bundle_weights, read_tensors

sys.path.insert(0, str(Path(__file__).parents[2] / "recipes"))

import finer


@pytest.fixture
def coarse(tiny_bundle: Bundle, tmp_path: Path) -> Bundle:
    """The tiny network with output at an eighth of the resolution, random weights."""
    torch.manual_seed(1)
    config = replace(NetworkConfig.from_dict(tiny_bundle.card.network), output_stride=8)
    card = replace(tiny_bundle.card, network=config.to_dict())
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    return write_bundle(tmp_path / "coarse", build(config), card, crops, "epoch\n0\n")


@pytest.fixture
def data(painted_data: Dataset) -> Dataset:
    split(painted_data, SplitConfig("random", test=0.0))
    return painted_data


def network_of(bundle: Bundle) -> Network:
    found = build(NetworkConfig.from_dict(bundle.card.network))
    load_bundle_weights(found, bundle)
    return found.eval()


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["finer.py", *map(str, words)])
    finer.main()


def test_the_new_layers_say_what_the_model_says(
    coarse: Bundle, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finer, "SIDE_PX", 64)
    far = {}
    for steps in (1, 30):
        monkeypatch.setattr(finer, "STEPS", steps)
        out = tmp_path / f"steps{steps}"
        call(monkeypatch, out, data.path, coarse.path, 4)
        crops = Crops(data, regions_of(load_split(data), "train"), CropDraw(64, seed=99))
        pictures = torch.from_numpy(crops.batch(0, list(range(8))).images).permute(0, 3, 1, 2)
        with torch.no_grad():
            told = torch.softmax(network_of(coarse)(pictures), 1)
            far[steps] = float(finer.divergence(told, network_of(load_bundle(out))(pictures)))
    assert far[30] < far[1] / 2
    made = load_bundle(tmp_path / "steps30")
    assert made.card.mpp == data.mpp != coarse.card.mpp
    assert made.card.network == {**coarse.card.network, "output_stride": 4}
    old, new = (read_tensors(one.file(WEIGHTS), ValueError) for one in (coarse, made))
    trunk = [name for name in old if "segmentation_head" not in name]
    assert all(torch.equal(old[name], new[name]) for name in trunk)
    assert any("decoder.blocks.2" in name for name in new.keys() - old.keys())


def test_an_output_that_is_not_finer_is_refused(
    coarse: Bundle, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = tmp_path / "fine"
    monkeypatch.setattr(finer, "STEPS", 1)
    monkeypatch.setattr(finer, "SIDE_PX", 64)
    call(monkeypatch, fine, data.path, coarse.path, 2)
    with pytest.raises(
        InputError, match="output stride 4: wanted less than that of 'tiny-stride2', 2"
    ):
        call(monkeypatch, tmp_path / "again", data.path, fine, 4)
    with pytest.raises(SystemExit, match="OUTPUT_STRIDE"):
        call(monkeypatch, tmp_path / "again", data.path, fine, 3)
