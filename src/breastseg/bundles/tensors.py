"""Where tensors lie in a safetensors file, read without that package."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import ModelError
from breastseg.json_files import whole_in

HALF = "F16"
_MOST_HEADER = 32 * 2**20


@dataclass(frozen=True)
class Place:
    """A tensor in half precision: its shape, and where its bytes lie in the file."""

    shape: tuple[int, ...]
    offset: int
    length: int


def half_places(path: Path) -> dict[str, Place]:
    """Return the half-precision tensors of a safetensors file, by name.

    Raises:
        ModelError: not such a file, or a place outside it.
    """
    try:
        with path.open("rb") as file:
            whole = file.seek(0, 2)
            file.seek(0)
            size = int.from_bytes(file.read(8), "little")
            if size > min(whole - 8, _MOST_HEADER):
                raise ValueError(f"a head of {size} bytes")
            header = json.loads(file.read(size))
        found = {}
        for name, entry in header.items():
            if entry.get("dtype") == HALF:
                start, end = (whole_in(one, 0, whole, "a place") for one in entry["data_offsets"])
                shape = tuple(whole_in(side, 0, whole, "a side") for side in entry["shape"])
                if end - start != 2 * math.prod(shape) or 8 + size + end > whole:
                    raise ValueError(f"{name} does not lie in the file")
                found[name] = Place(shape, 8 + size + start, end - start)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as cause:
        raise ModelError(
            f"{path}: not a whole safetensors file ({cause}); copy or export it again",
        ) from None
    return found
