"""The card of a run's model: who trained it, of what, and its limits."""

from dataclasses import replace

import pandas as pd

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.card import Card
from breastseg.bundles.training import Training
from breastseg.data.dataset import Dataset
from breastseg.data.split import is_leaky
from breastseg.networks.build import NetworkConfig
from breastseg.networks.weights import encoder_origin
from breastseg.training.config import TrainConfig
from breastseg.training.environment import environment

LITTLE = 0.05
"""A class with a smaller share of the training pixels is named among the card's limits."""


def card_of(
    data: Dataset,
    split: pd.DataFrame,
    network: NetworkConfig,
    config: TrainConfig,
    settings: Training,
    start: Bundle | None,
) -> Card:
    """Return the card of a model before anything is known of its worth.

    Args:
        data: the data set.
        split: its table.
        network: what is trained.
        config: how.
        settings: of the run.
        start: the model that it went on from.
    """
    patients = _patients(split, start)
    trained = data.class_pixels.loc[split["split"] == "train"].sum()  # (K,) by class
    pixels = {str(name): int(px) for name, px in trained.items()}
    source_mpp = sorted(set(map(float, data.regions["source_mpp"])))
    run = replace(
        settings,
        data_parts=tuple(data.parts),
        encoder_weights=encoder_origin(config.encoder, config.encoder_weights),
        patients=patients,
        class_px=pixels,
        source_mpp=tuple(source_mpp),
        environment=environment(),
    )
    return Card(
        name=settings.name or "",
        label_map=data.label_map,
        mpp=data.mpp,
        tile_px=config.tile_px,
        halo_px=config.halo_px,
        mean=network.mean,
        std=network.std,
        network=network.to_dict(),
        licence=_licence(data, start),
        limits=_limits(len(patients["train"]), pixels, is_leaky=is_leaky(split)),
        training=run,
    )


def _patients(split: pd.DataFrame, start: Bundle | None) -> dict[str, tuple[str, ...]]:
    """Return the patients of each part; whoever trained the first model trained this one too."""
    patients: dict[str, tuple[str, ...]] = {}
    for part in ("train", "val", "test"):
        of_part = split.loc[split["split"] == part, "patient"]
        patients[part] = tuple(sorted(set(of_part)))
    if start:
        before = start.card.training.patients_of("train")
        patients["train"] = tuple(sorted({*patients["train"], *before}))
    return patients


def _limits(patients: int, pixels: dict[str, int], *, is_leaky: bool) -> tuple[str, ...]:
    """Return in words what a person should not expect of a model.

    Args:
        patients: how many trained it.
        pixels: annotated in training, by class.
        is_leaky: whether patients are in more than one part of the split.
    """
    limits = ["Research use only, not for diagnosis."]
    if is_leaky:
        limits.append(
            "LEAKY: its split has patients in more than one part; its validation says nothing of"
            " other patients."
        )
    limits.append(
        f"Trained on {patients} patients; tissue it has not seen is named as something it has."
    )
    total = sum(pixels.values())
    rare = []
    for name, px in pixels.items():
        if px < LITTLE * total:
            rare.append(f"{name} ({px:,} px)")
    if rare:
        limits.append(f"Saw little of {', '.join(rare)} of {total:,} px.")
    return tuple(limits)


def kept_card(card: Card, start: Bundle) -> Card:
    """Return the card of a model whose network is that of another: its tiles, decision and scores
    are the same, its limits too."""
    # What the network saw little of stands on its own card.
    own = [
        limit
        for limit in card.limits
        if limit not in start.card.limits and not limit.startswith("Saw")
    ]
    return replace(
        start.card,
        name=card.name,
        training=replace(
            card.training,
            encoder_weights=start.card.training.encoder_weights,
            class_px=start.card.training.class_px,
        ),
        licence=card.licence,
        limits=(*start.card.limits, *own),
        quantisation={},
        speed={},
    )


def _licence(data: Dataset, start: Bundle | None) -> str:
    before = start.card.licence.split("; ") if start else []
    sources = [f"trained from {part}" for part in data.parts]
    # A licence that both models have stands there once.
    return "; ".join(dict.fromkeys(["weights Apache-2.0", *before, *sources]))
