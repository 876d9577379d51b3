"""TrainConfig: everything that decides a run, a sentence a field; and the presets. Imports no
PyTorch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from breastseg.errors import InputError
from breastseg.geometry import tile_grid

LOGGERS = ("tensorboard", "mlflow")


def _said(default: Any, sentence: str) -> Any:
    return field(default=default, metadata={"help": sentence})


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the names that a `Literal` allows; none of another type."""
    return get_args(kind) if get_origin(kind) is Literal else ()


@dataclass(frozen=True)
class TrainConfig:
    """One training run. The defaults are the `fast` preset."""

    arch: str = _said(
        "unet", "network: unet, unet-scse (attention), unetplusplus, deeplabv3plus, segformer"
    )
    encoder: str = _said(
        "tu-tf_efficientnet_lite0", "encoder, by its segmentation-models-pytorch name"
    )
    encoder_weights: str = _said(
        "package", "pretrained encoder: package, hub, none, or a .safetensors or .pth file"
    )
    start: str = _said(
        "",
        "model to go on from, a name or a bundle's folder: the same network, classes and um/px;"
        " empty starts afresh",
    )
    decoder_channels: tuple[int, ...] = _said(
        (128, 64, 48, 32, 16), "U-Net decoder channels, deepest first; empty for the usual"
    )
    output_stride: int = _said(
        1, "pixels a side under one output pixel of a U-Net, enlarged at the end: 1, 2, 4 or 8"
    )
    dropout: float = _said(0.0, "share of bottleneck channels dropped in training")
    crop_px: int = _said(224, "side of the training crops, a multiple of 32")
    batch: int = _said(16, "crops a step, over all devices")
    epochs: int = _said(20, "longest training, in epochs")
    crops_per_epoch: int = _said(
        960, "crops an epoch; 0 for as many as cover the training regions once"
    )
    lr: float = _said(1e-3, "learning rate of AdamW, at its highest")
    encoder_lr: float = _said(
        1.0,
        "learning rate of the encoder as a share of lr: pretrained features are best changed"
        " slowly",
    )
    weight_decay: float = _said(0.01, "weight decay of AdamW")
    schedule: Literal["constant", "cosine"] = _said(
        "cosine", "learning rate over the run: constant or cosine"
    )
    loss: str = _said(
        "ce+dice",
        "ce, balanced (ce in which classes count equally, as for dots), dice, focal, tversky, or a"
        " sum as in ce+dice",
    )
    logit_adjust: float = _said(
        0.0,
        "multiple of the log-shares of classes in the crops that ce adds to the logits in training;"
        " 0 does not",
    )
    balance: float = _said(0.5, "0 draws classes as often as they occur, 1 equally often")
    augment: Literal["none", "flips", "stain", "strong"] = _said(
        "stain",
        "none, flips (and right angles), stain (flips, scale, HED stain, brightness), or strong"
        " (more of each)",
    )
    dots: float = _said(
        0.5,
        "share of crops drawn from regions in which only dots are known, where there are"
        " others too",
    )
    fields: float = _said(
        0.2,
        "share of crops drawn from fields that are known as a whole (without or with a class),"
        " where there are any",
    )
    votes: float = _said(
        0.5,
        "weight of the loss on areas that dots vote for, where the data set has them (prepare"
        " --dots-as); 0 for none",
    )
    pseudo: float = _said(
        0.0,
        "confidence from which the averaged network labels what is not annotated; 0 does not (needs"
        " ema)",
    )
    white_as: str = _said(
        "",
        "class of places that are smooth and white and not annotated, as in other; empty for none",
    )
    freeze_encoder: bool = _said(False, "leave the encoder as it is")
    unfreeze_epoch: int = _said(
        0, "with a frozen encoder: train it too from this epoch on; 0 never"
    )
    ema: float = _said(0.99, "average the weights over steps with this decay; 0 does not")
    monitor: Literal["val_loss", "val_dice", "none"] = _said(
        "val_dice", "what chooses the epoch to keep: val_loss, val_dice, or none for the last"
    )
    patience: int = _said(0, "stop after so many epochs without a better one; 0 never")
    bias: Literal["auto", "none"] = _said(
        "auto",
        "bias per class in the finished network: auto, chosen on the val part where that helps its"
        " patients, or none",
    )
    precision: Literal["auto", "32", "bf16"] = _said(
        "auto", "32, bf16, or auto (bf16 where the processor has it)"
    )
    devices: int = _said(1, "devices; above 1 trains with DDP")
    task: Literal["segmentation", "type", "both"] = _said(
        "segmentation",
        "segmentation, type (a head on types for the model of start, whose maps stay as they are),"
        " or both",
    )
    type_weight: float = _said(
        0.3, "weight of the loss on types beside that on pixels, where both are trained"
    )
    seed: int = _said(42, "of every draw")
    tile_px: int = _said(512, "tile side written into the card for prediction, a multiple of 32")
    halo_px: int = _said(64, "tile border shown and thrown away in prediction, a multiple of 32")
    allow_absent_classes: bool = _said(
        False, "train although a class never occurs in the training regions"
    )

    def __post_init__(self) -> None:
        """Check every field that has few right values."""
        for entry in fields(self):
            allowed = choices_of(entry.type)
            if allowed and getattr(self, entry.name) not in allowed:
                raise InputError(
                    f"{entry.name} '{getattr(self, entry.name)}': wanted {', '.join(allowed)}"
                )
        if self.crop_px % 32:
            raise InputError(f"crop_px {self.crop_px}: wanted a multiple of 32")
        next(tile_grid((1, 1), self.tile_px, self.halo_px))  # raises what is wrong with them
        for name in ("batch", "epochs", "crop_px", "devices", "lr", "encoder_lr"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} {getattr(self, name)}: wanted more than 0")
        if not 0 <= self.dots <= 1 or not 0 <= self.pseudo < 1 or (self.pseudo and not self.ema):
            raise InputError(
                f"dots {self.dots:g}, pseudo {self.pseudo:g}, ema {self.ema:g}: wanted 0 up to 1,"
                " and pseudo only with ema"
            )
        if not 0 <= self.logit_adjust <= 3 or (
            self.logit_adjust and "ce" not in self.loss.split("+")
        ):
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
        found = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
        if self.task == "segmentation":
            del found["task"]
        if self.task != "both":
            del found["type_weight"]
        return found


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
    known = [f.name for f in fields(TrainConfig)]
    for key in changes:
        if key not in known:
            raise InputError(f"option '{key}': not known; wanted {', '.join(known)}")
    return TrainConfig(**{**asdict(PRESETS[name]), **changes})
