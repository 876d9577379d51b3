"""Tensors of a safetensors file, read and written without that package."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import ModelError
from breastseg.json_files import JsonObject, whole_in

HALF = "F16"
BYTE = "U8"
"""Kinds of numbers, as the format names them."""
_WIDTHS = {HALF: 2, BYTE: 1}
# More than any network's; a damaged file may claim any size.
_MOST_HEADER = 32 * 2**20
_TEXTS = "__metadata__"


@dataclass(frozen=True)
class Place:
    """A tensor: its shape, and where its bytes lie in the file."""

    shape: tuple[int, ...]
    offset: int
    length: int


def half_places(path: Path) -> dict[str, Place]:
    """Return the half-precision tensors of a safetensors file, by name.

    Raises:
        ModelError: not such a file, or a place outside it.
    """
    return tensor_places(path, HALF)[0]


def tensor_places(path: Path, *kinds: str) -> tuple[dict[str, Place], dict[str, str]]:
    """Return the tensors of some kinds (`HALF`, `BYTE`) of a safetensors file, by name, and the
    text that it holds beside them.

    Raises:
        ModelError: not such a file, or a place outside it.
    """
    try:
        with path.open("rb") as file:
            whole = file.seek(0, 2)
            file.seek(0)
            # A file is 8 bytes with the size of the header, the header (JSON), then the tensors.
            size = int.from_bytes(file.read(8), "little")
            if size > min(whole - 8, _MOST_HEADER):
                raise ValueError(f"a head of {size} bytes")
            header = json.loads(file.read(size))
        texts = dict(header.pop(_TEXTS, {}).items())
        places = {}
        for name, entry in header.items():
            kind = entry.get("dtype")
            if kind not in kinds:
                continue
            start, end = (whole_in(offset, 0, whole, "a place") for offset in entry["data_offsets"])
            shape = tuple(whole_in(side, 0, whole, "a side") for side in entry["shape"])
            length = end - start
            # Offsets count from the end of the header.
            first = 8 + size
            has_its_length = length == _WIDTHS[kind] * math.prod(shape)
            if not has_its_length or first + end > whole:
                raise ValueError(f"{name} does not lie in the file")
            places[name] = Place(shape, first + start, length)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as cause:
        raise ModelError(
            f"{path}: not a whole safetensors file ({cause}); copy or export it again",
        ) from None
    return places, texts


def write_tensors(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], texts: Mapping[str, str]
) -> None:
    """Write float16 and uint8 arrays as a safetensors file, with texts beside them."""
    header: JsonObject = {_TEXTS: dict(texts)}
    end = 0
    for name, array in arrays.items():
        kind = HALF if array.dtype == np.float16 else BYTE
        start = end
        end += array.nbytes
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (start, end)}
    head = json.dumps(header, sort_keys=True).encode()
    # Spaces after the JSON, so that the tensors begin at a multiple of 8 bytes.
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())
