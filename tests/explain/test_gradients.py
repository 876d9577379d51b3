"""Integrated gradients: what pixels add is what the answer gains, and random weights are told."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.explain.explanation import Gradients
from breastseg.explain.gradients import gradients_of, rank_correlation
from breastseg.inference.model import Model, load_model
from breastseg.networks import gradients as computing
from breastseg.networks.build import NetworkConfig
from breastseg.networks.gradients import Attributed, integrated_gradients, with_random_weights
from breastseg.report.explanation import heat
from conftest import CROPS, crop, without


class Smooth(nn.Module):
    """A small network without corners: its gradients can be summed to the last digit."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 8, 5, padding=2), nn.Conv2d(8, 4, 5, padding=2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(torch.tanh(self.first(pictures / 255)))
        return 3 * found


def picture(side: int = 64, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("label", [1, 4])
def test_what_all_pixels_add_is_the_difference_of_the_log_odds(label: int) -> None:
    found = integrated_gradients(Smooth().eval(), picture(), (30, 33), label)
    assert abs(found.difference) > 0.1
    assert found.pixels.sum() == pytest.approx(found.difference, rel=1e-3, abs=1e-4)
    coarse = integrated_gradients(Smooth().eval(), picture(), (30, 33), label, steps=4)
    gap = abs(coarse.pixels.sum() - coarse.difference)
    assert gap > abs(found.pixels.sum() - found.difference)


def test_pixels_that_a_network_cannot_see_from_a_place_add_nothing() -> None:
    """Two convolutions of 5 px reach 4 px."""
    found = integrated_gradients(Smooth().eval(), picture(), (30, 33), 2)
    seen = np.zeros((64, 64), bool)
    seen[29:38, 26:35] = True
    assert np.abs(found.pixels[~seen]).max() == 0
    assert np.abs(found.pixels[seen]).min() > 0


def test_a_picture_of_one_colour_has_nothing_to_tell() -> None:
    flat = np.full((64, 64, 3), 170, np.uint8)
    found = integrated_gradients(Smooth().eval(), flat, (30, 33), 1)
    assert found.difference == 0
    assert not found.pixels.any()


def test_random_weights_are_the_same_each_time_and_leave_the_draws_of_others(
    tiny_bundle: Bundle,
) -> None:
    config = NetworkConfig.from_dict(tiny_bundle.card.network)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, two = (with_random_weights(config, crop(0)[:96, :96]) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    states = zip(one.state_dict().items(), two.state_dict().values(), strict=True)
    assert all(torch.equal(value, other) for (_, value), other in states)
    assert not one.training
    with torch.inference_mode():
        shown = torch.from_numpy(crop(0)[:96, :96].copy()).permute(2, 0, 1)[None]
        assert one(shown).std() > 1e-4


def test_the_check_fires_for_a_network_that_learned_nothing(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tiny model has random weights of its own; told to compare it with itself, it is alike."""
    model = load_model(tiny_bundle.path, backend="onnx", threads=1)
    shown = np.ascontiguousarray(crop(0)[:96, :96])
    real = computing.integrated_gradients
    drawn: list[Attributed] = []

    def same_each_time(*asked: object, **more: object) -> Attributed:
        drawn.append(drawn[0] if drawn else real(*asked, **more))  # type: ignore[arg-type]
        return drawn[-1]

    monkeypatch.setattr(computing, "integrated_gradients", same_each_time)
    found = gradients_of(model, shown, (48, 48), 1)
    assert found.rank_correlation == 1
    assert found.alike
    assert "random weights draw an image like it (rank correlation 1.00)" in found.said
    assert "says little of what the model learned" in found.said


def test_pictures_that_have_nothing_in_common_are_not_alike() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((160, 160)), rng.random((160, 160))
    assert abs(rank_correlation(one, other)) < 0.03
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.zeros_like(one)) == 0
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 3, 4])) == pytest.approx(
        0.9486833
    )
    told = Gradients(64, 1.0, 1.0, 0.1, False, one, other)
    assert "random weights draw another image (rank correlation 0.10)" in told.said


def test_red_adds_blue_takes_and_the_strongest_have_the_full_colour() -> None:
    pixels = np.array([[2.0, -2.0], [1.0, 0.0]])
    seen = heat(pixels)
    assert seen[0, 0].tolist() == [214, 39, 40, 255]
    assert seen[0, 1].tolist() == [31, 111, 235, 255]
    assert 120 <= seen[1, 0, 3] <= 136
    assert seen[1, 1, 3] == 0


@pytest.fixture(scope="module")
def model(tiny_bundle: Bundle) -> Model:
    return load_model(tiny_bundle.path, backend="onnx", threads=1)


def test_the_page_has_both_pictures_and_the_verdict(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", str(CROPS[1]), "--mpp", "0.3024", "--model", str(tiny_bundle.path)]
    words += ["--at", "100,90"]
    assert main([*words, "--gradients", "--out", str(tmp_path / "with")]) == 0
    assert "integrated gradients: random weights draw" in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "without")]) == 0
    page, plain = ((tmp_path / out / "explain.html").read_text() for out in ("with", "without"))
    assert page.count("data:image/png") == 5
    assert plain.count("data:image/png") == 1
    assert "Random weights" in page
    assert "random weights" not in plain
    told, less = (
        json.loads((tmp_path / out / "explain.json").read_text()) for out in ("with", "without")
    )
    found = told.pop("gradients")
    assert told == less
    assert found["steps"] == computing.STEPS
    assert -1 <= found["rank_correlation_with_random_weights"] <= 1
    assert found["said"] in page.replace("&#39;", "'") or found["said"][1:] in page
    capsys.readouterr()
    assert main([*words, "--out", str(tmp_path / "with")]) == 2
    assert "gradients" in capsys.readouterr().err


def test_without_pytorch_it_is_one_line_and_the_rest_works(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    environment = without(tmp_path / "bare", "torch")
    command = [sys.executable, "-m", "breastseg", "explain", str(CROPS[1]), "--mpp", "0.3024"]
    command += ["--model", str(tiny_bundle.path), "--at", "100,90"]
    asked = [*command, "--gradients", "--out", str(tmp_path / "why")]
    refused = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--gradients: torch is not installed; pip install 'breastseg[train]'" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    plain = [*command, "--out", str(tmp_path / "plain")]
    subprocess.run(plain, env=environment, capture_output=True, check=True)
