"""What a run starts from: a network with the weights of an encoder, of another model, or of its own
last checkpoint."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from pathlib import Path

from breastseg.bundles.bundle import HISTORY, Bundle
from breastseg.bundles.card import Card
from breastseg.data.dataset import Dataset
from breastseg.errors import ModelError
from breastseg.networks.build import (
    HAS_DECODER_CHANNELS,
    Network,
    NetworkConfig,
    check_encoder,
    normalisation,
)
from breastseg.networks.weights import load_bundle_weights, load_encoder_weights
from breastseg.training.config import TrainConfig


def network_config(data: Dataset, config: TrainConfig, start: Bundle | None) -> NetworkConfig:
    """Return the network that a run trains; of types alone, it is that of the model they are for.

    Raises:
        ModelError: the model to go on from has another network, other classes or another
            resolution.
    """
    if start and config.task == "type":
        network = NetworkConfig.from_dict(start.card.network)
    else:
        network = _asked_for(data, config)
    if start:
        _check_start(start.card, data, network)
    return network


def _asked_for(data: Dataset, config: TrainConfig) -> NetworkConfig:
    """Return the network that a configuration describes."""
    # Presets set channels for a U-Net; another architecture from the same preset has none.
    channels = config.decoder_channels if config.arch in HAS_DECODER_CHANNELS else ()
    check_encoder(config.encoder)  # before timm is asked for its normalisation
    mean, std = normalisation(config.encoder)
    return NetworkConfig(
        arch=config.arch,
        encoder=config.encoder,
        classes=len(data.label_map.classes),
        decoder_channels=channels,
        dropout=config.dropout,
        mean=mean,
        std=std,
        output_stride=config.output_stride,
    )


def _check_start(card: Card, data: Dataset, network: NetworkConfig) -> None:
    """Refuse to go on from a model of another network, other classes or another resolution."""
    # Dropout has no weights, and may be another.
    start_network = NetworkConfig.from_dict({**card.network, "dropout": network.dropout})
    for what, theirs, ours in (
        ("classes", card.label_map.fingerprint(), data.label_map.fingerprint()),
        ("um/px", card.mpp, data.mpp),
        ("network", start_network, network),
    ):
        if theirs != ours:
            raise ModelError(
                f"model '{card.name}' has other {what} ({theirs}) than this run ({ours}); choose"
                " the same, or start afresh"
            )


def first_weights(network: Network, config: TrainConfig, start: Bundle | None, run: Path) -> str:
    """Give the network what it starts from, and return in words what that is."""
    # The loop reads the checkpoint itself.
    if (run / "checkpoints" / "last.ckpt").is_file():
        return "continued from the last checkpoint"
    if start:
        return load_bundle_weights(network, start)
    return load_encoder_weights(network, config.encoder, config.encoder_weights)


def history_of(start: Bundle) -> str:
    """Return the history of the training that made the network."""
    if HISTORY not in start.card.files:
        return ""
    return start.file(HISTORY).read_text(encoding="utf-8")
