"""Model: a bundle with its runner, ready to name tissue."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.geometry import scaled_size
from breastseg.inference.tiles import label_pixels
from breastseg.labels import Labels
from breastseg.models.bundle import DEFAULT_MODEL, Bundle, load_bundle
from breastseg.models.card import Card
from breastseg.runtime import Runner, load_runner
from breastseg.slides import resample_labels, resample_pixels


@dataclass(frozen=True)
class Model:
    """A loaded model."""

    bundle: Bundle
    runner: Runner
    backend: str

    @property
    def card(self) -> Card:
        """Return the model's card."""
        return self.bundle.card

    def label(self, pixels: npt.NDArray[np.uint8], *, mpp: float, step: Callable[[int], object] = lambda area: None) -> Labels:
        """Name the tissue under every pixel of a picture.

        Args:
            pixels: (H, W, 3) uint8.
            mpp: microns per pixel of `pixels`; it is resampled to the model's and the labels are mapped back.
            step: told the pixels (at the model's mpp) of each tile that is done.

        Returns:
            (H, W) uint8 labels, the picture's size.
        """
        size = pixels.shape[1], pixels.shape[0]
        at_model = resample_pixels(pixels, scaled_size(size, mpp, self.card.mpp)) if mpp != self.card.mpp else pixels
        labels = label_pixels(at_model, self.runner, tile_px=self.card.tile_px, halo_px=self.card.halo_px, step=step)
        return resample_labels(labels, size)


def load_model(name_or_path: str | Path = DEFAULT_MODEL, *, backend: str = "onnx", threads: int = 0) -> Model:
    """Load a shipped model by name or a bundle by its folder.

    Args:
        name_or_path: as in "lite0-demo" or "RUN/bundle".
        backend: onnx (needs no PyTorch) or torch.
        threads: CPU threads; 0 takes one per core.

    Raises:
        ModelError: no such model, altered files, or a card that does not fit. MissingPackageError: back end not installed.
    """
    bundle = load_bundle(name_or_path)
    return Model(bundle, load_runner(bundle, backend, threads=threads), backend)
