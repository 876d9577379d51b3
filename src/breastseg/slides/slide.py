"""What every reader gives, whatever the file."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""An RGB picture: (H, W, 3) uint8."""


class Slide(Protocol):
    """A picture of tissue.

    Attributes:
        size_px: (width, height) at level 0.
        mpp: microns per pixel at level 0.
        mpp_source: where `mpp` came from, in words.
    """

    size_px: tuple[int, int]
    mpp: float
    mpp_source: str

    def read(self, *, mpp: float) -> Pixels:
        """Return the whole picture at `mpp`, resampled with area weights: (H, W, 3) uint8."""
        ...
