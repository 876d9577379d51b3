"""Model: a bundle with its runner, ready to name tissue; or the mean of several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import DEFAULT_MODEL, Bundle, load_bundle
from breastseg.bundles.card import Card
from breastseg.errors import InputError
from breastseg.geometry import scaled_size
from breastseg.images import resample_labels, resample_pixels
from breastseg.inference.tiles import TileConfig, label_pixels
from breastseg.labels import Labels
from breastseg.runners import Runner
from breastseg.runners.child import ChildRunner
from breastseg.runners.mean import MeanRunner
from breastseg.runners.runner import DEFAULT_BACKEND


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes:
        bundle: its files and its card.
        runner: what computes.
        flips: whether probabilities are averaged over a tile and its mirror images.
        threads: CPU threads of the network; 0 is one for each core that this process may use.
        stands_in: why it stands in for a model in another precision; "" where it does not.
        members: the models whose mean it is; empty where it is one. The bundle is the first's.
    """

    bundle: Bundle
    runner: Runner
    flips: bool = False
    threads: int = 0
    stands_in: str = ""
    members: "tuple[Model, ...]" = field(default=(), kw_only=True)

    @property
    def backend(self) -> str:
        """Return in words what computes, and how, as in "openvino int8, flips"."""
        several = f"mean of {len(self.members)}, " if self.members else ""
        flips = ", flips" if self.flips else ""
        return f"{several}{self.runner.name}{flips}"

    def in_single(self, fault: str) -> "Model":
        """Return the same model in single precision on the same back end, after a fault of this
        one."""
        if self.members:
            mean = mean_of([member.in_single(fault) for member in self.members])
            return replace(mean, stands_in=f"{fault}; mapped in {mean.runner.name} instead")
        # A runner's name begins with its back end, as in "openvino int8".
        backend = self.runner.name.split()[0]
        runner = ChildRunner(self.bundle, backend, precision="fp32", threads=self.threads)
        return replace(self, runner=runner, stands_in=f"{fault}; mapped in {runner.name} instead")

    @property
    def card(self) -> Card:
        """Return the model's card. That of several has all their names, the largest tile and halo,
        and no files and margins: these are each one's own."""
        if not self.members:
            return self.bundle.card
        cards = [member.card for member in self.members]
        return replace(
            self.bundle.card,
            name=" + ".join(card.name for card in cards),
            tile_px=max(card.tile_px for card in cards),
            halo_px=max(card.halo_px for card in cards),
            files={},
            margins=None,
        )

    @property
    def tiles(self) -> TileConfig:
        """Return how the model is shown a field."""
        card = self.card
        return TileConfig(card.tile_px, card.halo_px, len(card.label_map.classes), self.flips)

    def features(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the network's deepest features of (N, H, W, 3) uint8 tiles, pooled over each:
        (N, C) float32; H and W are multiples of 32."""
        runner = self.runner
        # A mean has no features of its own: they are those of the first model.
        if not isinstance(runner, ChildRunner):
            runner = ChildRunner(self.bundle, threads=self.threads)
        return runner.features(tiles)

    def label(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        mpp: float,
        on_progress: Callable[[int], object] = lambda area: None,
    ) -> Labels:
        """Name the tissue under every pixel of an image.

        Args:
            pixels: (H, W, 3) uint8.
            mpp: microns per pixel of `pixels`; it is resampled to the model's and the labels are
                mapped back.
            on_progress: takes the pixels (at the model's mpp) of each tile that is done.

        Returns:
            (H, W) uint8 labels, the image's size.
        """
        size = pixels.shape[1], pixels.shape[0]
        if mpp != self.card.mpp:
            pixels = resample_pixels(pixels, scaled_size(size, mpp, self.card.mpp))
        labels = label_pixels(pixels, self.runner, self.tiles, on_progress=on_progress)
        return resample_labels(labels, size)


def load_model(
    name_or_path: str | Path = DEFAULT_MODEL,
    *,
    backend: str = DEFAULT_BACKEND,
    precision: str = "auto",
    flips: bool = False,
    threads: int = 0,
) -> Model:
    """Load a shipped model by name or a bundle by its folder; its network runs in a process of its
    own.

    A fault in native code (a segmentation fault, a kill for too much memory) ends that process
    alone: what was asked raises EngineError, and the next question begins another.

    Args:
        name_or_path: as in "lite0" or "RUN/bundle".
        backend: openvino, onnx or torch; only the last needs PyTorch.
        precision: fp32, bf16 or int8; auto chooses by what the processor can do (`breastseg doctor`
            says which, and why).
        flips: average probabilities over each tile and its three mirror images, at four times the
            work.
        threads: CPU threads; 0 takes one for each core that this process may use.

    Raises:
        InputError: back end or precision is not known or not to be had here.
        ModelError: no such model, altered files, or a card that does not fit. MissingPackageError:
            back end not installed.
    """
    bundle = load_bundle(name_or_path)
    runner = ChildRunner(bundle, backend, precision=precision, threads=threads)
    return Model(bundle, runner, flips, threads)


def mean_of(models: Sequence[Model]) -> Model:
    """Return the model whose probabilities are the mean of those of several; of one, that.

    Args:
        models: from `load_model`, of the same classes and um/px; each another one.

    Raises:
        InputError: none, one of them twice, or such as have no mean.
    """
    if not models:
        raise InputError("no model: wanted one or more")
    if len(models) == 1:
        return models[0]
    first = models[0]
    checked: list[dict[str, str]] = []
    for model in models:
        _check_like(first, model)
        # By its files' hashes: two folders may hold copies of one model.
        if model.card.files in checked:
            raise InputError(
                f"model '{model.card.name}' is named twice; a mean wants each model once"
            )
        checked.append(model.card.files)
    names = [model.card.name for model in models]
    runner = MeanRunner([model.runner for model in models], names)
    return replace(first, runner=runner, members=tuple(models))


def _check_like(first: Model, model: Model) -> None:
    """Refuse a model that cannot be averaged with the first."""
    one = first.card
    other = model.card
    if model.members:
        raise InputError(f"model '{other.name}' is a mean already; name all its models at once")
    if other.label_map.names != one.label_map.names:
        raise InputError(
            f"model '{other.name}' names {', '.join(other.label_map.names)}, '{one.name}'"
            f" {', '.join(one.label_map.names)}; a mean wants models of the same classes in one"
            " order"
        )
    if other.mpp != one.mpp:
        raise InputError(
            f"model '{other.name}' is at {other.mpp:g} um/px, '{one.name}' at {one.mpp:g}; a mean"
            " wants models of one um/px"
        )
    if model.flips != first.flips:
        raise InputError(
            f"model '{other.name}' was loaded {'with' if model.flips else 'without'} flips,"
            f" '{one.name}' was not so; a mean wants one or the other of all"
        )
