"""A model bundle: a folder with its card and the files the card lists. Loading never unpickles.

card.json           what must be known before use, and the SHA-256 of every other file
model.safetensors   the weights, in half precision
model.onnx          the network, whose weights are those in model.safetensors
model.int8.xml      the network in 8-bit whole numbers, where it was exported; its weights are in
model.int8.bin
metrics.csv         the training's history
reference.safetensors  fields of the training data with the network's features, where they were
exported
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.bundles.card import Card
from breastseg.errors import ModelError
from breastseg.files import sha256_of, write_json
from breastseg.json_files import read_json

CARD = "card.json"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
HISTORY = "metrics.csv"
INT8 = "model.int8.xml"
INT8_WEIGHTS = "model.int8.bin"
REFERENCE = "reference.safetensors"
# Scores of single regions stay in scores.json: a card is to be read.
_SCORES_ON_CARD = ("data", "split", "mpp", "patients", "overall", "pooled", "dots", "protocol")
BUNDLED = Path(__file__).parent.parent / "bundled"
DEFAULT_MODEL = "breast2"


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: its folder and its card."""

    path: Path
    card: Card

    def file(self, name: str) -> Path:
        """Return the path of one of its files; ModelError when the bundle has none."""
        if name not in self.card.files:
            raise ModelError(
                f"{self.path}: bundle has no {name} (it has {', '.join(self.card.files)}); train or"
                " export it again"
            )
        return self.path / name


def bundled_models() -> dict[str, Path]:
    """Return the models that come with the package, by name; the one that is used when none is
    named comes first."""
    models = {}
    for card in sorted(BUNDLED.glob(f"*/{CARD}")):
        models[card.parent.name] = card.parent
    first = {name: path for name, path in models.items() if name == DEFAULT_MODEL}
    return {**first, **models}


def record_scores(bundle: Bundle, scores: Mapping[str, object]) -> None:
    """Write an evaluation's scores, as JSON, into the bundle's card, under its part and data; the
    other scores there stay."""
    on_card = {key: scores[key] for key in _SCORES_ON_CARD if key in scores}
    name = f"{scores['split']} of {scores['data']}"
    card = replace(bundle.card, scores={**bundle.card.scores, name: on_card})
    write_json(bundle.path / CARD, card.to_dict())


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Open a bundle by the name of a shipped model or by its folder, and check every file against
    the card.

    Raises:
        ModelError: no such model, a file missing or altered, a card that cannot be read.
    """
    path = bundled_models().get(str(name_or_path), Path(name_or_path))
    if not (path / CARD).is_file():
        raise ModelError(
            f"model '{name_or_path}': no bundle there (no {CARD}); shipped models are"
            f" {', '.join(bundled_models()) or 'none'}, or give the folder of a bundle, as in"
            " RUN/bundle"
        )
    card = Card.from_dict(read_json(path / CARD, ModelError, "a model card"), str(path / CARD))
    for name, digest in card.files.items():
        # A card comes from anywhere: "../../x" would be read, and sent by push.
        if Path(name).name != name:
            raise ModelError(f"{path / CARD}: names a file outside the bundle ({name})")
        if not (path / name).is_file():
            raise ModelError(f"{path / name}: missing, the card lists it; copy the whole bundle")
        if sha256_of(path / name) != digest:
            raise ModelError(
                f"{path / name}: altered, its SHA-256 is not the card's; copy the whole bundle"
                " again"
            )
    return Bundle(path, card)
