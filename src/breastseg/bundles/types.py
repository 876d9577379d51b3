"""types.json: the head on types of a model, and what it is worth. Beside it types.onnx gives the
cells that it reads (networks/type_cells.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle
from breastseg.errors import ModelError
from breastseg.json_files import JsonObject, number_in, read_json, shown, text_of

TYPES = "types.json"
TYPES_ONNX = "types.onnx"
_MOST = 1_000_000
"""Numbers of a head: 50 types of 10,000 pooled features each are half of it."""


@dataclass(frozen=True, eq=False)
class Types:
    """A head on types.

    Attributes:
        names: of the T types.
        weights: (2 C, T) of pooled features: means over what is called tumour, then over tissue.
        bias: (T,).
        scores: by patient, beside what colours alone reach, as `decision.types` has them; empty
            where there were no patients to judge by.
        speaks: whether it does better than colours, by patients that did not train it; where it
            does not, `predict` keeps silent unless asked.
        note: the same in words, for the card.
    """

    names: tuple[str, ...]
    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    scores: Mapping[str, Any] = field(default_factory=dict)
    speaks: bool = False
    note: str = ""

    def to_dict(self) -> JsonObject:
        """Return it as JSON values; numbers are rounded to what single precision holds."""
        return {
            "types": list(self.names),
            "speaks": self.speaks,
            "note": self.note,
            "scores": dict(self.scores),
            "bias": self.bias.astype(np.float32).tolist(),
            "weights": self.weights.astype(np.float32).tolist(),
        }

    def probabilities(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return (N, T) of (N, 2 C) pooled features."""
        logits = features @ self.weights + self.bias
        # The largest logit is taken off, so that exp() cannot overflow.
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: npt.NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
        return shares


def types_of(bundle: Bundle) -> Types | None:
    """Return a bundle's head; None where it has none.

    Raises:
        ModelError: the file is no such head.
    """
    if TYPES not in bundle.card.files:
        return None
    path = bundle.file(TYPES)
    value = read_json(path, ModelError, "a head on types")
    try:
        return _read(value)
    except (KeyError, TypeError, ValueError) as cause:
        raise ModelError(
            f"{path}: not a head on types ({cause}); export the bundle again"
        ) from None


def _read(value: Any) -> Types:
    """Return a head from JSON values; ValueError says what does not fit."""
    names = tuple(text_of(name, "a type") for name in value["types"])
    rows = value["weights"]
    bias = value["bias"]
    number = len(names)
    fits = len(bias) == number and 0 < len(rows) * number <= _MOST
    if number < 2 or not fits:
        raise ValueError(f"{number} types, {len(bias)} biases, {len(rows)} rows of weights")
    if not isinstance(value["speaks"], bool) or not isinstance(value["scores"], dict):
        raise ValueError(f"speaks is {shown(value['speaks'])}")
    if any(len(row) != number for row in rows):
        raise ValueError(f"a row of weights has not {number} numbers")
    weights = []
    for row in rows:
        weights.append([number_in(value, -1e9, 1e9, "a weight") for value in row])
    biases = [number_in(value, -1e9, 1e9, "a bias") for value in bias]
    return Types(
        names=names,
        weights=np.array(weights),
        bias=np.array(biases),
        scores=value["scores"],
        speaks=value["speaks"],
        note=text_of(value["note"], "note", most=2000),
    )
