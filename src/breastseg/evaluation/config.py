"""Int8Config: how a network is quantised. Imports nothing that computes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Int8Config:
    """How to quantise.

    Attributes:
        split: part of the data set on which the loss is measured.
        crops: how many crops of the training part the network is calibrated on.
        allow_loss: points of mean Dice that may be lost; a point is 0.01.
        seed: of the draw of crops.
        limits: sentences for the card: what a person knows the model has not seen, and where it
            fails.
    """

    split: str = "val"
    crops: int = 128
    allow_loss: float = 1.0
    seed: int = 42
    limits: tuple[str, ...] = ()
