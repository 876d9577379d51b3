"""What every reader gives, whatever the file."""

from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.geometry import Box

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""An RGB image: (H, W, 3) uint8."""

Corners: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom of a field in level-0 pixels; edges may lie inside a pixel."""


class Slide(Protocol):
    """An image of tissue; threads may read it at the same time.

    Attributes:
        path: the file or folder.
        size_px: (width, height) at level 0.
        mpp: microns per pixel at level 0.
        mpp_source: where `mpp` came from, in words.
        notes: what a person should know of how the file was read.
        scanner: what scanned it, as the file says (`scanner_of`); "" where it does not.
        is_flat: an image of one level, small enough to be held whole: a field that somebody cut
            out, no scan of a whole slide.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102

    @property
    def size_px(self) -> tuple[int, int]: ...  # noqa: D102

    @property
    def mpp(self) -> float: ...  # noqa: D102

    @property
    def mpp_source(self) -> str: ...  # noqa: D102

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def scanner(self) -> str: ...  # noqa: D102

    @property
    def is_flat(self) -> bool: ...  # noqa: D102

    def hold(self) -> None:
        """Decode a flat image now and keep its pixels: it will be read more than once. A slide
        that is not flat is never held."""
        ...

    def read(self, box: Box | None = None, *, mpp: float) -> Pixels:
        """Return a box in level-0 pixels (None: the whole) at `mpp`, from the nearest finer level
        with area weights: (H, W, 3) uint8."""
        ...

    def resampled(self, corners: Corners, size_px: tuple[int, int]) -> Pixels:
        """Return the field between the corners at exactly (width, height) px: (H, W, 3) uint8.

        Edges are rounded to whole pixels of the level that is read: a field lies within half
        such a pixel of where it was asked for.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
