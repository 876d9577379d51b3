"""card.json: what a person and a program must know of a model before they use it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from breastseg.bundles.bias import check_bias
from breastseg.bundles.margins import Margins
from breastseg.bundles.training import Training
from breastseg.errors import ModelError
from breastseg.geometry import check_mpp, tile_grid
from breastseg.json_files import JsonObject, number_in, shown, text_of, whole_in
from breastseg.labels import LabelMap, label_map_of
from breastseg.records import to_json

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
        network: what `networks.build` needs to build it again.
        training: data, patients, split, configuration: where the weights come from.
        scores: by name of a data set and part, as `evaluate` wrote them.
        parity: how far the back ends are from PyTorch: the largest difference in any probability,
            over all and of each, the tolerance, on how many crops; and for bf16, which has no
            tolerance, the share of equal labels too.
        quantisation: what the int8 network lost: mean Dice and Dice of each class before and after,
            on which part of which data, and how many crops it was calibrated on; empty without one.
        decision: which class wins: `bias` by class name, which the last convolution holds already
            (`bundles.bias.without_bias` takes it off), and how it was chosen, on which patients of
            which data, with scores before and after; empty where nobody chose.
        speed: how fast it is and how much memory it takes, measured by `benchmarks/predict.py`.
        licence: of the weights, and of what they were trained from.
        limits: what it has not seen and where it fails, one sentence each.
        files: SHA-256 of each file beside the card.
        margins: how far shares and borders of its maps are from the truth for most patients; absent
            where nobody measured it.
        version: of this format.
    """

    name: str
    label_map: LabelMap
    mpp: float
    tile_px: int
    halo_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    network: JsonObject
    training: Training = field(default_factory=Training)
    scores: JsonObject = field(default_factory=dict)
    parity: JsonObject = field(default_factory=dict)
    quantisation: JsonObject = field(default_factory=dict)
    decision: JsonObject = field(default_factory=dict)
    speed: JsonObject = field(default_factory=dict)
    licence: str = ""
    limits: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    margins: Margins | None = None
    version: int = CARD_VERSION

    def to_dict(self) -> JsonObject:
        """Return the card as JSON values."""
        values: JsonObject = {}
        for name in self.__dataclass_fields__:
            value = to_json(getattr(self, name))
            # A field that is absent keeps the card as older versions wrote it.
            if value is not None:
                values[name] = value
        return values

    @property
    def bias(self) -> dict[str, float]:
        """Return by class name what was added to the logits; empty where nothing was."""
        bias: dict[str, float] = self.decision.get("bias", {})
        return bias if any(bias.values()) else {}

    @staticmethod
    def from_dict(value: Any, where: str) -> "Card":
        """Read a card; ModelError names `where` and what is wrong."""
        try:
            if not isinstance(value, dict):
                raise ValueError(f"it is {shown(value)}, wanted names with values")
            version = whole_in(value.get("version"), 1, 10**9, "version")
            if version > CARD_VERSION:
                raise ModelError(
                    f"{where}: card version {version}, this breastseg reads up to {CARD_VERSION};"
                    " update breastseg"
                )
            missing = [key for key in _NEEDED if key not in value]
            if missing:
                raise ValueError(f"{missing[0]} is missing")
            unknown = [key for key in value if key not in Card.__dataclass_fields__]
            if unknown:
                raise ValueError(f"{shown(unknown[0])} is no field of a card")
            card = Card(**{**value, **_checked(value, where), "version": version})
            check_mpp(card.mpp, where)
            # The grid of one pixel says what is wrong with a tile and its halo.
            next(tile_grid((1, 1), card.tile_px, card.halo_px))
        except ModelError:
            raise
        except ValueError as cause:
            raise ModelError(
                f"{where}: not a model card ({cause}); export the bundle again"
            ) from None
        return card


def with_validators(card: Card, patients: Iterable[str]) -> Card:
    """Return a card that names more patients as those who validated the model: something of it was
    chosen by them."""
    training = card.training
    validators = tuple(sorted({*training.patients_of("val"), *patients}))
    by_part = {**(training.patients or {}), "val": validators}
    return replace(card, training=replace(training, patients=by_part))


_NEEDED = ("name", "label_map", "mpp", "tile_px", "halo_px", "mean", "std", "network")
_MAX_TILE_PX = 8192
_MAX_LIMITS = 1000
"""Sentences about limits."""
_LINE = 10_000
"""Letters of one sentence."""


def _checked(value: JsonObject, where: str) -> JsonObject:
    """Return the fields of a card, checked; ValueError names the first that does not fit."""
    fields: JsonObject = {
        "name": text_of(value["name"], "name"),
        "label_map": label_map_of(value["label_map"], where),
        "mpp": number_in(value["mpp"], -1e9, 1e9, "mpp"),
        "tile_px": whole_in(value["tile_px"], 0, _MAX_TILE_PX, "tile_px"),
        "halo_px": whole_in(value["halo_px"], 0, _MAX_TILE_PX, "halo_px"),
        "mean": _colour(value["mean"], 0.0, "mean"),
        "std": _colour(value["std"], 1e-6, "std"),
        "training": Training.from_dict(value.get("training", {}), "training"),
    }
    for key in ("network", "scores", "parity", "quantisation", "decision", "speed", "files"):
        if not isinstance(value.get(key, {}), dict):
            raise ValueError(f"{key} is {shown(value[key])}, wanted names with values")
    decision = value.get("decision")
    if decision:
        bias = check_bias(decision.get("bias", {}), fields["label_map"])
        fields["decision"] = {**decision, "bias": bias}
    for name, digest in value.get("files", {}).items():
        text_of(name, "name of a file")
        text_of(digest, f"SHA-256 of {name}")
    if value.get("margins") is not None:
        fields["margins"] = _margins(value["margins"], fields["label_map"])
    limits = value.get("limits", [])
    licence = value.get("licence", "")
    if not isinstance(limits, (list, tuple)) or len(limits) > _MAX_LIMITS:
        raise ValueError(f"limits is {shown(limits)}, wanted a list of sentences")
    sentences = []
    for sentence in limits:
        sentences.append(text_of(sentence, "a sentence of limits", most=_LINE))
    fields["limits"] = tuple(sentences)
    # An empty text is refused elsewhere; a card without licence has one.
    fields["licence"] = text_of(licence, "licence", most=_LINE) if licence != "" else ""
    return fields


def _margins(value: Any, label_map: LabelMap) -> Margins:
    """Return margins of classes that the card has."""
    margins = Margins.from_dict(value, "margins")
    unknown = set(margins.classes) - set(label_map.names)
    if unknown:
        raise ValueError(f"margins of {shown(min(unknown))}, which is no class of it")
    return margins


def _colour(value: Any, least: float, what: str) -> tuple[float, float, float]:
    """Return three numbers from `least` to 1."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise ValueError(f"{what} is {shown(value)}, wanted a list of three numbers")
    red, green, blue = (number_in(part, least, 1.0, what) for part in value)
    return red, green, blue
