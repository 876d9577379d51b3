"""What is known of the file of a flat image before and while it is decoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError
from breastseg.images.pyramid import MAX_ASKED_PX
from breastseg.images.resolution import Clue
from breastseg.images.slide import Pixels

MAX_PIXELS = MAX_ASKED_PX
"""A flat image is decoded whole."""
WANTED_CODES = (
    "wanted 8-bit grey or palette with one label code a pixel; export the codes, not their image"
)
"""What an error says of a mask that holds no codes."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF and BigTIFF begin, in either order of bytes."""
FIRST_BYTES = 8
"""So many tell which format a file has; the head of a PNG's chunk is as long."""


@dataclass(frozen=True)
class Flat:
    """What the header of a flat image says.

    Attributes:
        size_px: (width, height), upright.
        orientation: of the tag, 1 to 8.
        clues: where microns per pixel may be written.
        bands: gives all pixels, upright, in bands of rows from top to bottom: (h, W, 3) uint8 each,
            the caller's own.
        is_cut: looks whether the file ends before its pixels do.
        notes: what a person should know of how the file is read.
    """

    size_px: tuple[int, int]
    orientation: int
    clues: list[Clue]
    bands: Callable[[], Iterator[Pixels]]
    is_cut: Callable[[], bool]
    notes: tuple[str, ...] = ()


def check_area(path: Path, size_px: tuple[int, int]) -> None:
    """Refuse an image too large to decode whole."""
    if size_px[0] * size_px[1] > MAX_PIXELS:
        raise ImageError(too_large(path, f"{size_px[0]} x {size_px[1]} px"))


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as TIFF does."""
    return first_bytes(path).startswith(_TIFF)


def joined(bands: Iterator[Pixels], size_px: tuple[int, int]) -> Pixels:
    """Put all bands of an image together, (h, W, 3) -> (H, W, 3) uint8; one that is all of it is
    taken as it is."""
    width, height = size_px
    whole = None
    top = 0
    for band in bands:
        if len(band) == height:
            whole = band
            continue
        if whole is None:
            whole = np.empty((height, width, 3), np.uint8)
        whole[top : top + len(band)] = band
        top += len(band)
    assert whole is not None
    return whole


def first_bytes(path: Path) -> bytes:
    """Return how a file begins; ImageError where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(FIRST_BYTES)
    except FileNotFoundError:
        raise ImageError(f"{path}: not found") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, wanted an image") from None
    except OSError as cause:
        raise ImageError(f"{path}: cannot be read ({cause.strerror or cause})") from None


def too_large(path: Path, size: str) -> str:
    """Return the message for an image too large to decode whole."""
    return (
        f"{path}: {size}, a flat image is decoded whole up to {MAX_PIXELS // 1_000_000} Mpx; cut it"
        " into smaller fields"
    )
