"""Safetensors files, read and written without the package: against the package, and damaged."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from breastseg.bundles.tensors import BYTE, HALF, half_places, tensor_places, write_tensors
from breastseg.errors import ModelError

ARRAYS = {
    "a": np.arange(6, dtype=np.float16).reshape(2, 3),
    "b": np.array([7, 8, 9], np.uint8),
    "empty": np.empty((0, 4), np.float16),
}


def values_at(path: Path, offset: int, length: int, dtype: str) -> np.ndarray:
    return np.frombuffer(path.read_bytes()[offset : offset + length], dtype)


def test_the_package_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, ARRAYS, {"fields": "[]"})
    found = load_file(path)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    assert tensor_places(path, HALF)[1] == {"fields": "[]"}


def test_what_the_package_writes_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({**ARRAYS, "single": np.ones(3, np.float32)}, path)
    half = half_places(path)
    assert set(half) == {"a", "empty"}
    assert half["a"].shape == (2, 3)
    assert half["empty"].length == 0
    values = values_at(path, half["a"].offset, half["a"].length, "<f2")
    assert values.tolist() == [0, 1, 2, 3, 4, 5]
    byte = tensor_places(path, BYTE)[0]
    assert values_at(path, byte["b"].offset, byte["b"].length, "u1").tolist() == [7, 8, 9]


def test_tensors_begin_at_multiples_of_eight(tmp_path: Path) -> None:
    """Readers that map a file want it so."""
    for length in range(1, 10):
        path = tmp_path / f"{length}.safetensors"
        write_tensors(path, {"n" * length: np.zeros(2, np.float16)}, {})
        (place,) = half_places(path).values()
        assert place.offset % 8 == 0


def head(entry: object, more: bytes = b"") -> bytes:
    text = json.dumps({"t": entry}).encode()
    return len(text).to_bytes(8, "little") + text + more


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (10**6).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"x}",
        head({"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}),
        head({"dtype": "F16", "shape": [3], "data_offsets": [0, 4]}, bytes(4)),
        head({"dtype": "F16", "shape": [-2], "data_offsets": [0, 4]}, bytes(4)),
        head({"dtype": "F16", "shape": [2], "data_offsets": [-4, 0]}, bytes(4)),
        head({"dtype": "F16", "shape": [2]}, bytes(4)),
        head("F16", bytes(4)),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"x\.safetensors: not a whole safetensors file"):
        half_places(path)
