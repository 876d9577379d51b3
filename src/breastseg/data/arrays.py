"""Arrays of a data set: files that `prepare` writes and that are mapped, never loaded whole.

What is mapped was checked before: a file from outside may claim any shape.
"""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import DatasetError
from breastseg.files import written

ARRAYS = "arrays"
"""Folder of a data set that holds them."""
_HEADER = re.compile(
    rb"\{'descr': '([^']{1,8})', 'fortran_order': False, 'shape': \(([\d, ]{1,60})\), \} *\n"
)
"""What `prepare` writes at the start of an array; anything else is not of a data set."""
_MAGIC = b"\x93NUMPY\x01\0"
_LENGTH_AT = len(_MAGIC)
_HEADER_AT = _LENGTH_AT + 2
# A header of up to 3 axes is shorter than 128 bytes.
_HEADER_BYTES = 1024


def array_path(root: Path, region: str, kind: str) -> Path:
    """Return where a data set has an array of a region: image, labels, points, dots ..."""
    return root / ARRAYS / f"{region}.{kind}.npy"


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array whole or not at all."""
    # np.save() lets C write and does not hear of a failure in the last 4 KB: a full disk left
    # arrays cut short.
    array = np.ascontiguousarray(array)
    with written(path) as unfinished, unfinished.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.tobytes())


def map_array(path: Path, kind: str, dtype: "np.dtype[Any]", shape: Sequence[int | None]) -> Any:
    """Map an array when its header and its size are those of `shape`, in which None is any length.

    Args:
        path: the file.
        kind: what it holds, for errors.
        dtype: of its numbers, as regions.csv wants them.
        shape: likewise.

    Raises:
        DatasetError: it is missing, cannot be read, or is another array.
    """
    head, size = _head_of(path)
    # The two bytes between the magic and the header say how long the header is.
    start = _HEADER_AT + int.from_bytes(head[_LENGTH_AT:_HEADER_AT], "little")
    header = _HEADER.fullmatch(head[_HEADER_AT:start]) if head.startswith(_MAGIC) else None
    if header is None:
        raise DatasetError(
            f"{path}: damaged (not an array as prepare writes it); prepare the data set again"
        )
    # One axis is written "(5,)": what follows the last comma is empty.
    lengths = tuple(int(length) for length in header[2].split(b",") if length.strip())
    wanted = []
    for length, own in zip(shape, lengths, strict=False):
        # Where any length is right, that of the file is the wanted one.
        wanted.append(own if length is None else length)
    is_of_shape = len(lengths) == len(shape) and lengths == tuple(wanted)
    if header[1] != dtype.str.encode() or not is_of_shape:
        raise DatasetError(
            f"{path}: {kind} of {lengths} {header[1].decode('latin-1')}, regions.csv tells"
            f" {tuple(wanted)} {dtype.str}; prepare it again"
        )
    if size != start + math.prod(lengths) * dtype.itemsize:
        raise DatasetError(
            f"{path}: damaged ({size:,} bytes, its head tells another size); prepare the data"
            " set again"
        )
    return np.memmap(path, dtype, mode="r", offset=start, shape=lengths)


def _head_of(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file, and how many it has."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
            return head, file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: missing though the data set was whole; prepare it again"
        ) from None
    except OSError as cause:
        raise DatasetError(
            f"{path}: cannot be read ({cause.strerror or cause}); prepare the data set again"
        ) from None
