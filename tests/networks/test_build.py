import pytest
import torch

from breastseg.errors import InputError
from breastseg.networks.build import (
    ARCHITECTURES,
    OUTPUT_STRIDES,
    Network,
    NetworkConfig,
    build,
    normalisation,
)
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
    """What tiling rests on. The deepest features see the whole image, so the decoder is cut off
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
        match=rf"^encoder '{encoder}' does not fit {arch} \([^\n]*{reason}[^\n]*\).* mit_b0,",
    ):
        build(NetworkConfig(arch, encoder, 5))
