"""A bias per class: read, added in half precision, and taken off probabilities again."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bias import (
    LAST_BIAS,
    bias_vector,
    check_bias,
    parse_bias,
    read_last_bias,
    rounded,
    without_bias,
    write_last_bias,
)
from breastseg.bundles.tensors import write_tensors
from breastseg.errors import InputError, ModelError
from breastseg.labels import BUILT_IN

REGION5 = BUILT_IN["region5"]


def weights_with(folder: Path, values: np.ndarray, name: str = LAST_BIAS) -> Path:
    path = folder / "model.safetensors"
    write_tensors(path, {"before": np.arange(6, dtype=np.float16), name: values}, {})
    return path


def test_a_bias_is_in_the_order_of_the_classes() -> None:
    vector = bias_vector({"stroma": 0.4, "tumor": -0.8}, REGION5)
    assert vector.tolist() == [-0.8, 0.4, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "bias"),
    [
        ("none", {}),
        ("tumor=-0.8", {"tumor": -0.8}),
        (" tumor = -0.8 , inflammatory=0.4", {"tumor": -0.8, "inflammatory": 0.4}),
    ],
)
def test_what_a_person_writes(text: str, bias: dict[str, float]) -> None:
    assert parse_bias(text, REGION5) == bias


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("blood=1", "'blood=1' is no class"),
        ("tumor", "'tumor' is no class with a number"),
        ("tumor=1,tumor=2", "'tumor' stands twice"),
        ("tumor=21", "'21' of tumor"),
        ("tumor=nan", "'nan' of tumor"),
        ("tumor=much", "'much' of tumor"),
    ],
)
def test_what_is_no_bias_is_named(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        parse_bias(text, REGION5)
    assert str(caught.value).startswith(f"--bias {text}: ")


@pytest.mark.parametrize(
    ("value", "fact"),
    [([], "wanted numbers by class name"), ({"blood": 1}, "blood"), ({"tumor": 30}, "of tumor")],
)
def test_a_bias_of_a_file_is_checked(value: object, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        check_bias(value, REGION5)
    assert check_bias({"tumor": 1}, REGION5) == {"tumor": 1.0}


def test_probabilities_without_a_bias_are_those_before_it() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    bias = np.array([0.7, -1.2, 0.0])

    def softmax(values: np.ndarray) -> np.ndarray:
        return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)

    moved = softmax(logits + bias[:, None, None]).astype(np.float32)
    assert without_bias(moved, bias) == pytest.approx(softmax(logits), abs=1e-6)


def test_what_half_precision_adds_is_what_is_told() -> None:
    base = np.array([1.0001, -3.333, 250.0])
    bias = np.array([0.1, 0.1, 0.01])
    stored, added = rounded(base, bias)
    assert stored.dtype == np.float16
    assert np.array_equal(stored.astype(float), base.astype(np.float16).astype(float) + added)
    assert added[:2] == pytest.approx(bias[:2], abs=2e-3)
    assert added[2] == 0  # half precision has steps of 1/8 there


def test_the_last_bias_is_replaced_and_not_another_byte(tmp_path: Path) -> None:
    path = weights_with(tmp_path, np.array([1, 2, 3], np.float16))
    assert read_last_bias(path).tolist() == [1, 2, 3]
    before = path.read_bytes()
    write_last_bias(path, np.array([1, -2, 3], np.float16))
    after = path.read_bytes()
    assert read_last_bias(path).tolist() == [1, -2, 3]
    assert len(after) == len(before)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_bias_of_another_length_is_refused(tmp_path: Path) -> None:
    path = weights_with(tmp_path, np.zeros(3, np.float16))
    with pytest.raises(ModelError, match="3 classes, a bias of 2"):
        write_last_bias(path, np.zeros(2, np.float16))
    assert read_last_bias(path).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("values", "name"),
    [(np.zeros(3, np.float16), "other.bias"), (np.zeros((3, 1), np.float16), LAST_BIAS)],
)
def test_weights_without_a_last_bias_are_refused(
    tmp_path: Path, values: np.ndarray, name: str
) -> None:
    with pytest.raises(ModelError, match=LAST_BIAS):
        read_last_bias(weights_with(tmp_path, values, name))
