"""TrainConfig: everything that decides a run, a sentence a field; and the presets. Imports no
PyTorch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from breastseg.errors import InputError
from breastseg.geometry import tile_grid

LOGGERS = ("tensorboard", "mlflow")


def _option(default: Any, sentence: str) -> Any:
    """Return a field with the sentence that the command line and a model's page show."""
    return field(default=default, metadata={"help": sentence})


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the names that a `Literal` allows; none of another type."""
    return get_args(kind) if get_origin(kind) is Literal else ()


@dataclass(frozen=True)
class TrainConfig:
    """One training run. The defaults are the `fast` preset.

    Flat on purpose (docs/decisions/train_config.md): each field is an option of the command line
    and a key of breastseg-work.json and of a model's card, in this order.
    """

    # The network, and what it starts from. `arch` is no Literal: networks.build has the list.
    arch: str = _option(
        "unet", "network: unet, unet-scse (attention), unetplusplus, deeplabv3plus, segformer"
    )
    encoder: str = _option(
        "tu-tf_efficientnet_lite0", "encoder, by its segmentation-models-pytorch name"
    )
    encoder_weights: str = _option(
        "package", "pretrained encoder: package, hub, none, or a .safetensors or .pth file"
    )
    start: str = _option(
        "",
        "model to go on from, a name or a bundle's folder: the same network, classes and um/px;"
        " empty starts afresh",
    )
    decoder_channels: tuple[int, ...] = _option(
        (128, 64, 48, 32, 16), "U-Net decoder channels, deepest first; empty for the usual"
    )
    output_stride: int = _option(
        1, "pixels a side under one output pixel of a U-Net, enlarged at the end: 1, 2, 4 or 8"
    )
    dropout: float = _option(0.0, "share of bottleneck channels dropped in training")
    # What a step and an epoch are.
    crop_px: int = _option(224, "side of the training crops, a multiple of 32")
    batch: int = _option(16, "crops a step, over all devices")
    epochs: int = _option(20, "longest training, in epochs")
    crops_per_epoch: int = _option(
        960, "crops an epoch; 0 for as many as cover the training regions once"
    )
    # The optimiser.
    lr: float = _option(1e-3, "learning rate of AdamW, at its highest")
    encoder_lr: float = _option(
        1.0,
        "learning rate of the encoder as a share of lr: pretrained features are best changed"
        " slowly",
    )
    weight_decay: float = _option(0.01, "weight decay of AdamW")
    schedule: Literal["constant", "cosine"] = _option(
        "cosine", "learning rate over the run: constant or cosine"
    )
    # The loss on annotated pixels.
    loss: str = _option(
        "ce+dice",
        "ce, balanced (ce in which classes count equally, as for dots), dice, focal, tversky, or a"
        " sum as in ce+dice",
    )
    logit_adjust: float = _option(
        0.0,
        "multiple of the log-shares of classes in the crops that ce adds to the logits in training;"
        " 0 does not",
    )
    # Where crops are drawn, and how they are changed.
    balance: float = _option(0.5, "0 draws classes as often as they occur, 1 equally often")
    augment: Literal["none", "flips", "stain", "strong"] = _option(
        "stain",
        "none, flips (and right angles), stain (flips, scale, HED stain, brightness), or strong"
        " (more of each)",
    )
    dots: float = _option(
        0.5,
        "share of crops drawn from regions in which only dots are known, where there are"
        " others too",
    )
    fields: float = _option(
        0.2,
        "share of crops drawn from fields that are known as a whole (without or with a class),"
        " where there are any",
    )
    # What teaches where nobody drew an area.
    votes: float = _option(
        0.5,
        "weight of the loss on areas that dots vote for, where the data set has them (prepare"
        " --dots-as); 0 for none",
    )
    pseudo: float = _option(
        0.0,
        "confidence from which the averaged network labels what is not annotated; 0 does not (needs"
        " ema)",
    )
    white_as: str = _option(
        "",
        "class of places that are smooth and white and not annotated, as in other; empty for none",
    )
    # Which weights change, and which of them are kept in the end.
    freeze_encoder: bool = _option(False, "leave the encoder as it is")
    unfreeze_epoch: int = _option(
        0, "with a frozen encoder: train it too from this epoch on; 0 never"
    )
    ema: float = _option(0.99, "average the weights over steps with this decay; 0 does not")
    monitor: Literal["val_loss", "val_dice", "none"] = _option(
        "val_dice", "what chooses the epoch to keep: val_loss, val_dice, or none for the last"
    )
    patience: int = _option(0, "stop after so many epochs without a better one; 0 never")
    bias: Literal["auto", "none"] = _option(
        "auto",
        "bias per class in the finished network: auto, chosen on the val part where that helps its"
        " patients, or none",
    )
    # What it runs on.
    precision: Literal["auto", "32", "bf16"] = _option(
        "auto", "32, bf16, or auto (bf16 where the processor has it)"
    )
    devices: int = _option(1, "devices; above 1 trains with DDP")
    # The task.
    task: Literal["segmentation", "type", "both"] = _option(
        "segmentation",
        "segmentation, type (a head on types for the model of start, whose maps stay as they are),"
        " or both",
    )
    type_weight: float = _option(
        0.3, "weight of the loss on types beside that on pixels, where both are trained"
    )
    # The run itself, and how its model is used afterwards.
    seed: int = _option(42, "of every draw")
    tile_px: int = _option(512, "tile side written into the card for prediction, a multiple of 32")
    halo_px: int = _option(64, "tile border shown and thrown away in prediction, a multiple of 32")
    allow_absent_classes: bool = _option(
        False, "train although a class never occurs in the training regions"
    )

    def __post_init__(self) -> None:
        """Check every field that has few right values.

        Raises:
            InputError: a value that is none of them; the message names the field.
        """
        self._check_choices()
        self._check_sizes()
        self._check_weights()

    def _check_choices(self) -> None:
        for entry in fields(self):
            allowed = choices_of(entry.type)
            value = getattr(self, entry.name)
            if allowed and value not in allowed:
                raise InputError(f"{entry.name} '{value}': wanted {', '.join(allowed)}")

    def _check_sizes(self) -> None:
        # Networks halve their input five times.
        if self.crop_px % 32:
            raise InputError(f"crop_px {self.crop_px}: wanted a multiple of 32")
        next(tile_grid((1, 1), self.tile_px, self.halo_px))  # raises what is wrong with them
        for name in ("batch", "epochs", "crop_px", "devices", "lr", "encoder_lr"):
            value = getattr(self, name)
            if value <= 0:
                raise InputError(f"{name} {value}: wanted more than 0")

    def _check_weights(self) -> None:
        """Check shares and weights of losses."""
        # The averaged network is the teacher: without one nobody labels.
        has_teacher = bool(self.ema) or not self.pseudo
        if not 0 <= self.dots <= 1 or not 0 <= self.pseudo < 1 or not has_teacher:
            raise InputError(
                f"dots {self.dots:g}, pseudo {self.pseudo:g}, ema {self.ema:g}: wanted 0 up to 1,"
                " and pseudo only with ema"
            )
        # Only cross entropy has logits to add to.
        has_ce = "ce" in self.loss.split("+") or not self.logit_adjust
        if not 0 <= self.logit_adjust <= 3 or not has_ce:
            raise InputError(
                f"logit_adjust {self.logit_adjust:g} with loss {self.loss}: wanted 0 up to 3, and"
                " more than 0 only with ce"
            )
        if not 0 <= self.fields < 1:
            raise InputError(f"fields {self.fields:g}: wanted 0 up to 1, less than all crops")
        if not 0 < self.type_weight <= 10:
            raise InputError(
                f"type_weight {self.type_weight:g}: wanted more than 0 and up to 10, pixels"
                " having 1"
            )
        if not 0 <= self.votes <= 10:
            raise InputError(
                f"votes {self.votes:g}: wanted 0 up to 10, the areas' own loss having 1"
            )
        if not 0 <= self.ema < 1 or not 0 <= self.balance <= 1:
            raise InputError(f"ema {self.ema:g}, balance {self.balance:g}: wanted 0 up to 1")

    def to_dict(self) -> dict[str, object]:
        """Return the configuration as JSON values; what is of types alone only where they are."""
        values = asdict(self)
        values["decoder_channels"] = list(self.decoder_channels)
        # Runs and cards from before there were types stay the same, byte for byte.
        if self.task == "segmentation":
            del values["task"]
        if self.task != "both":
            del values["type_weight"]
        return values


PRESETS: Mapping[str, TrainConfig] = {
    "fast": TrainConfig(),
    "standard": TrainConfig(
        output_stride=8,
        epochs=14,
        crops_per_epoch=1280,
        lr=6e-4,
        encoder_lr=0.4,
        weight_decay=0.05,
        augment="strong",
        ema=0.995,
        pseudo=0.9,
        white_as="other",
        monitor="none",
        tile_px=2048,
        halo_px=128,
    ),
    "report": TrainConfig(
        encoder="resnet34",
        encoder_weights="hub",
        decoder_channels=(),
        crop_px=224,
        batch=64,
        epochs=10,
        crops_per_epoch=0,
        lr=1e-3,
        weight_decay=0.0,
        schedule="constant",
        loss="ce",
        balance=0.0,
        augment="none",
        freeze_encoder=True,
        ema=0.0,
        monitor="val_loss",
        patience=3,
        bias="none",
        tile_px=512,
        halo_px=64,
    ),
}
"""`standard` made the shipped model, from areas and dots together; its label map has a class called
other. `report` is the student report's network and numbers (24,439,269 parameters with 21 classes,
3,154,597 of them trained): use it on a data set with the label map bcss21. Its learning rate and
patience are ours, the report names none."""


def preset(name: str, **changes: Any) -> TrainConfig:
    """Return a preset with some fields changed.

    Raises:
        InputError: unknown preset or field; the message lists the names.
    """
    if name not in PRESETS:
        raise InputError(f"preset '{name}': not known; wanted {', '.join(PRESETS)}")
    known = [entry.name for entry in fields(TrainConfig)]
    for key in changes:
        if key not in known:
            raise InputError(f"option '{key}': not known; wanted {', '.join(known)}")
    return TrainConfig(**{**asdict(PRESETS[name]), **changes})
