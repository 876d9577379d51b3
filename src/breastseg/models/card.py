"""card.json: what a person and a program must know of a model before they use it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from breastseg.errors import ModelError
from breastseg.geometry import check_mpp, tile_grid
from breastseg.labels import LabelMap

CARD_VERSION = 1


@dataclass(frozen=True)
class Card:
    """A model's card.

    Attributes:
        name: how the model is called.
        label_map: its classes; channel k is label k + 1.
        mpp: microns per pixel it was trained at and must be shown.
        tile_px: side of the tiles it is run on; a multiple of 32.
        halo_px: border of a tile that is shown and thrown away; a multiple of 32.
        mean: of each colour channel, 0 to 1, taken off inside the network.
        std: of each colour channel, 0 to 1, divided by inside the network.
        network: what `models.build` needs to build it again.
        training: data, patients, split, configuration: where the weights come from.
        scores: by name of a data set and part, as `evaluate` wrote them.
        parity: how far the back ends are from PyTorch: the largest difference in any probability, over all and of each, the
            tolerance, on how many crops; and for bf16, which has no tolerance, the share of equal labels too.
        quantisation: what the int8 network lost: mean Dice and Dice of each class before and after, on which part of which data,
            and how many crops it was calibrated on; empty without one.
        speed: how fast it is and how much memory it takes, measured by `benchmarks/predict.py`.
        licence: of the weights, and of what they were trained from.
        limits: what it has not seen and where it fails, one sentence each.
        files: SHA-256 of each file beside the card.
        version: of this format.
    """

    name: str
    label_map: LabelMap
    mpp: float
    tile_px: int
    halo_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    network: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    quantisation: dict[str, Any] = field(default_factory=dict)
    speed: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    limits: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    version: int = CARD_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values."""
        return {**asdict(self), "label_map": self.label_map.to_dict()}

    @staticmethod
    def from_dict(value: Any, where: str) -> "Card":
        """Read a card; ModelError names `where` and what is wrong."""
        try:
            if value["version"] > CARD_VERSION:
                raise ModelError(f"{where}: card version {value['version']}, this breastseg reads up to {CARD_VERSION}; update breastseg")
            fields = {**value, "label_map": LabelMap.from_dict(value["label_map"], where)}
            for key in ("mean", "std"):
                fields[key] = tuple(float(v) for v in value[key])
            fields["limits"] = tuple(value.get("limits", ()))
            card = Card(**fields)
            check_mpp(card.mpp, where)
            next(tile_grid((1, 1), card.tile_px, card.halo_px))
            for key in ("network", "training", "files"):
                if not isinstance(fields.get(key, {}), dict):
                    raise TypeError(f"{key} is {fields[key]!r}")
        except ModelError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            raise ModelError(f"{where}: not a model card ({cause}); export the bundle again") from None
        return card
