"""A bias per class: in a card, in the bias of the network's last convolution, and out of it again.

All networks end in a convolution, at most enlarged bilinearly after it. Both leave a number that is
added to all pixels of a class as it is, so a bias there is the same as one on the logits, and every
back end has it: the ONNX file takes its weights from the safetensors file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.bundles.tensors import half_places
from breastseg.errors import InputError, ModelError
from breastseg.json_files import number_in, shown
from breastseg.labels import LabelMap

LAST_BIAS = "body.segmentation_head.0.bias"
"""The bias of the last convolution, as it is called in `model.safetensors`."""
LARGEST = 20.0
"""Size of the largest bias: it decides whatever the network says."""

Vector = npt.NDArray[np.float64]


def bias_vector(bias: Mapping[str, float], label_map: LabelMap) -> Vector:
    """Return a bias by class name as (K,) in the order of the label map; 0 for other classes."""
    return np.array([float(bias.get(name, 0.0)) for name in label_map.names])


def check_bias(value: Any, label_map: LabelMap) -> dict[str, float]:
    """Return a bias that was read from a file; ValueError says what is wrong with it."""
    if not isinstance(value, dict):
        raise ValueError(f"bias is {shown(value)}, wanted numbers by class name")
    unknown = [name for name in value if name not in label_map.names]
    if unknown:
        raise ValueError(f"bias of {shown(unknown[0])}, which is no class of it")
    bias = {}
    for name, number in value.items():
        bias[name] = number_in(number, -LARGEST, LARGEST, f"bias of {name}")
    return bias


def parse_bias(text: str, label_map: LabelMap) -> dict[str, float]:
    """Read a bias that a person wrote, as in "tumor=-0.8,inflammatory=0.4"; "none" is {}.

    Raises:
        InputError: a name that is no class or stands twice, or what is no number from -20 to 20.
    """
    if text == "none":
        return {}
    bias: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.partition("=")
        name = name.strip()
        number = number.strip()
        if not equals or name not in label_map.names:
            names = ", ".join(label_map.names)
            raise InputError(
                f"--bias {text}: '{part.strip()}' is no class with a number; wanted auto, none, or"
                f" NAME=NUMBER with names of {names}"
            )
        if name in bias:
            raise InputError(f"--bias {text}: '{name}' stands twice; give one number a class")
        try:
            # float() takes "nan" and "inf", which number_in() refuses.
            bias[name] = number_in(float(number), -LARGEST, LARGEST, name)
        except ValueError:
            raise InputError(
                f"--bias {text}: '{number}' of {name}, wanted a number from -20 to 20"
            ) from None
    return bias


def without_bias(probabilities: npt.NDArray[np.float32], bias: Vector) -> npt.NDArray[np.float32]:
    """Return (..., K, H, W) probabilities as they were before a (K,) bias was added."""
    # A number on a logit is a factor on its probability, before these are made to add up to 1.
    factors = np.exp(-bias).astype(np.float32)[:, None, None]  # (K, 1, 1)
    scores = probabilities * factors
    before: npt.NDArray[np.float32] = scores / scores.sum(axis=-3, keepdims=True)
    return before


def rounded(base: Vector, bias: Vector) -> tuple[npt.NDArray[np.float16], Vector]:
    """Add a bias to that of a convolution.

    Args:
        base: (K,) as it is without any.
        bias: (K,) to add.

    Returns:
        the sum in half precision, in which weights are stored; and what it really adds to the base
        in half precision, which is what a card holds.
    """
    stored = (base + bias).astype(np.float16)
    stored_base = base.astype(np.float16)
    # Subtracted in double precision, in which both halves and their difference are exact.
    added = stored.astype(np.float64) - stored_base.astype(np.float64)
    return stored, added


def read_last_bias(weights: Path) -> Vector:
    """Return the (K,) bias of the last convolution of `model.safetensors`.

    Raises:
        ModelError: it has none.
    """
    offset, length = _place(weights)
    with weights.open("rb") as file:
        file.seek(offset)
        data = file.read(length)
    # safetensors is little-endian on every machine.
    return np.frombuffer(data, np.dtype("<f2")).astype(np.float64)


def write_last_bias(weights: Path, values: npt.NDArray[np.float16]) -> None:
    """Replace the bias of the last convolution in `model.safetensors`; not another byte changes."""
    offset, length = _place(weights)
    data = values.astype(np.dtype("<f2")).tobytes()
    if len(data) != length:
        raise ModelError(f"{weights}: network of {length // 2} classes, a bias of {len(values)}")
    with weights.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def _place(weights: Path) -> tuple[int, int]:
    """Return where the last bias lies in a file: offset and length in bytes."""
    place = half_places(weights).get(LAST_BIAS)
    if place is None or len(place.shape) != 1:
        raise ModelError(
            f"{weights}: no {LAST_BIAS} in half precision, which a bias is added to; train the"
            " model again"
        )
    return place.offset, place.length
