"""What all readers share: a slide is one or more levels, and a field is read from the coarsest
level that is fine enough."""

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError, InputError
from breastseg.geometry import Box, scaled_size
from breastseg.images.resample import resample_pixels
from breastseg.images.slide import Corners, Pixels

MAX_SIDE_PX = 2**31
MAX_STORED_PX = 64_000_000
"""A tile, strip or chunk is decoded whole: at 3 bytes a pixel this is 192 MB."""
MAX_ASKED_PX = 250_000_000
"""Pixels given back at once, 750 MB; a larger field is read in boxes."""

DAMAGE = (
    ArithmeticError,
    AssertionError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
    struct.error,
)
"""What Pillow, tifffile and their decoders raise at damaged files."""

_BLOCK_PX = 4096
_SLACK = 1.002
"""A level may be coarser than asked by this much: asked sizes are rounded to whole pixels."""


class Pyramid(ABC):
    """A Slide of levels; a reader adds how stored pixels are read.

    Level pixels are found in the level-0 frame by the level's downsample: the power of two from
    which its size was rounded up or down, else the ratio of the sizes.

    Attributes:
        path: the file or folder.
        size_px: (width, height) at level 0.
        mpp: microns per pixel at level 0.
        mpp_source: where `mpp` came from, in words.
    """

    notes: tuple[str, ...] = ()
    """What a person should know of how the file was read."""
    scanner: str = ""
    """What scanned it, as the file says."""
    is_flat = False
    """A reader that holds all its pixels anyway reads no large field block by block."""
    piece_px = 2**20
    """Pixels of a tile, strip or chunk, which is decoded whole; a reader whose file says it knows
    better."""

    def __init__(
        self, path: Path, levels: Sequence[tuple[int, int]], resolution: tuple[float, str]
    ) -> None:
        """Take the (width, height) of each level, the finest first, and what `find_mpp` found.

        Raises:
            ImageError: a size that no slide has.
        """
        for width, height in levels:
            if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
                raise ImageError(
                    f"{path}: {width} x {height} px, wanted 1 to {MAX_SIDE_PX} a side; copy or"
                    " export it again"
                )
        self.path = path
        self.size_px = levels[0]
        self.mpp, self.mpp_source = resolution
        self._levels = tuple(levels)
        self._downsamples = tuple(_downsample(levels[0], size) for size in levels)

    @abstractmethod
    def _stored(self, level: int, box: Box) -> Pixels:
        """Return a box in pixels of a level, inside it: (H, W, 3) uint8. Any thread may call it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def hold(self) -> None:  # noqa: B027  # no reader has to: what has levels holds nothing
        """Keep nothing: levels are read by boxes."""

    def read(self, box: Box | None = None, *, mpp: float) -> Pixels:
        """Return a box in level-0 pixels (None: the whole) at `mpp`, from the nearest finer level
        with area weights: (H, W, 3) uint8.

        Raises:
            ImageError: the file is broken there.
            InputError: the box is not inside the slide, or too many pixels are asked for.
        """
        box = box or Box(0, 0, *self.size_px)
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        return self.resampled(corners, scaled_size((box.width, box.height), self.mpp, mpp))

    def resampled(self, corners: Corners, size_px: tuple[int, int]) -> Pixels:
        """Return the field between the corners at exactly (width, height) px: (H, W, 3) uint8.

        Edges are rounded to whole pixels of the level that is read, and so are those of the blocks
        that a field of more than 4096 px a side is read in. A level is never coarser than asked.

        Raises:
            ImageError: the file is broken there.
            InputError: the field is not inside the slide, or too many pixels are asked for.
        """
        self._check(corners, size_px)
        level = self._level(corners, size_px)
        whole = self._covered(level, corners)
        if self.is_flat or max(whole.width, whole.height) <= _BLOCK_PX:
            return resample_pixels(self._stored(level, whole), size_px)
        width, height = size_px
        if whole.width > _BLOCK_PX * width or whole.height > _BLOCK_PX * height:
            # One new pixel is more than a block: go there in two steps, the first 16 times finer.
            finer = self.resampled(corners, (16 * width, 16 * height))
            return resample_pixels(finer, size_px)
        image = np.empty((height, width, 3), np.uint8)
        blocks = -(-whole.width // _BLOCK_PX), -(-whole.height // _BLOCK_PX)
        for part, its_corners in _parts(corners, size_px, blocks):
            pixels = self._stored(level, self._covered(level, its_corners))
            rows = slice(part.y, part.y + part.height)
            columns = slice(part.x, part.x + part.width)
            image[rows, columns] = resample_pixels(pixels, (part.width, part.height))
        return image

    def reading_px(self, corners: Corners, size_px: tuple[int, int]) -> int:
        """Return how many pixels `resampled` holds at once, at most: a block of the level that it
        reads, as stored and put together, a piece of the file, and what it returns.
        """
        whole = self._covered(self._level(corners, size_px), corners)
        width, height = whole.width, whole.height
        if not self.is_flat:
            width = min(width, _BLOCK_PX)
            height = min(height, _BLOCK_PX)
        return 2 * width * height + self.piece_px + size_px[0] * size_px[1]

    def _check(self, corners: Corners, size_px: tuple[int, int]) -> None:
        left, top, right, bottom = corners
        width, height = self.size_px
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise InputError(
                f"{self.path}: field from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) px, "
                f"wanted one inside the slide of {width} x {height} px"
            )
        if min(size_px) < 1 or size_px[0] * size_px[1] > MAX_ASKED_PX:
            raise InputError(
                f"{self.path}: {size_px[0]} x {size_px[1]} px at once, wanted 1 to"
                f" {MAX_ASKED_PX // 10**6} Mpx; read it in boxes"
            )

    def _level(self, corners: Corners, size_px: tuple[int, int]) -> int:
        """Return the last level that is not coarser than what is asked; 0 where all are."""
        left, top, right, bottom = corners
        asked_x = (right - left) / size_px[0] * _SLACK
        asked_y = (bottom - top) / size_px[1] * _SLACK
        found = 0
        for level, (x, y) in enumerate(self._downsamples):
            if x <= asked_x and y <= asked_y:
                found = level
        return found

    def _covered(self, level: int, corners: Corners) -> Box:
        """Return the field in whole pixels of a level, at least one each way."""
        (width, height), (x, y) = self._levels[level], self._downsamples[level]
        left, right = _whole(corners[0] / x, corners[2] / x, width)
        top, bottom = _whole(corners[1] / y, corners[3] / y, height)
        return Box(left, top, right - left, bottom - top)

    def _broken(self, level: int, box: Box, cause: object) -> ImageError:
        """Return the error for a box of a level that cannot be read, which names it in level-0
        pixels."""
        x, y = self._downsamples[level]
        left, top = round(box.x * x), round(box.y * y)
        width, height = math.ceil(box.width * x), math.ceil(box.height * y)
        return ImageError(
            f"{self.path}: cannot be read at x {left}, y {top}, {width} x"
            f" {height} px of level 0 ({cause}); copy or export it again"
        )


def check_stored(path: Path, pixels: int, most_px: int = MAX_STORED_PX) -> None:
    """Refuse tiles, strips or chunks too large to decode."""
    if pixels > most_px:
        raise ImageError(
            f"{path}: stored in pieces of {pixels / 1e6:.0f} Mpx, wanted {most_px // 10**6} at"
            " most; write it in tiles"
        )


def _downsample(full: tuple[int, int], level: tuple[int, int]) -> tuple[float, float]:
    """Return level-0 pixels per level pixel, across and down."""
    x, y = full[0] / level[0], full[1] / level[1]
    power = 2 ** max(0, round(math.log2(min(x, y))))
    # 1001 px become 500 and 250: the ratio is 4.004, yet each pixel shows exactly 4.
    for whole, part in zip(full, level, strict=True):
        if not whole // power <= part <= -(-whole // power):
            return x, y
    return power, power


def _whole(start: float, stop: float, length: int) -> tuple[int, int]:
    """Return the first pixel between two places of a line and the one after the last, each rounded;
    at least one pixel."""
    first = math.floor(start + 0.5)
    last = min(math.floor(stop + 0.5), length)
    if first < last:
        return first, last
    first = min(math.floor(start), length - 1)
    return first, first + 1


def _parts(
    corners: Corners, size_px: tuple[int, int], counts: tuple[int, int]
) -> Iterator[tuple[Box, Corners]]:
    """Cut an image of `size_px` into columns and rows; yield each part and the field it shows."""
    left, top, right, bottom = corners
    width, height = size_px
    columns, rows = counts
    # Level-0 pixels of one pixel of the image.
    step_x, step_y = (right - left) / width, (bottom - top) / height
    for row in range(rows):
        y, end_y = row * height // rows, (row + 1) * height // rows
        for column in range(columns):
            x, end_x = column * width // columns, (column + 1) * width // columns
            part = Box(x, y, end_x - x, end_y - y)
            yield (
                part,
                (
                    left + x * step_x,
                    top + y * step_y,
                    left + end_x * step_x,
                    top + end_y * step_y,
                ),
            )
