"""The Runner protocol, and the back ends by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle
from breastseg.errors import InputError, MissingPackageError
from breastseg.labels import Labels
from breastseg.processor import thread_limit

DEFAULT_BACKEND = "openvino"
PRECISIONS = ("auto", "fp32", "bf16", "int8")
"""How numbers are held: auto is what `precision.auto_precision` says of this processor."""


class Runner(Protocol):
    """A loaded model. Tiles are (N, H, W, 3) uint8, H and W multiples of 32; few shapes, because
    some are compiled for each."""

    @property
    def name(self) -> str:
        """Back end and precision that run, as in "openvino int8"."""
        ...

    @property
    def package(self) -> str:
        """The distribution that computes, as its version is asked for."""
        ...

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return (N, K, H, W) float32 probabilities."""
        ...

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Return (N, H, W) uint8 labels: the first of the most likely classes, 0 for NaN, as
        `likeliest` of the probabilities."""
        ...

    def release(self) -> None:
        """Give back the memory that is held between tiles."""
        ...


BACKENDS: Mapping[str, tuple[str, str, str]] = {
    "openvino": ("breastseg.runners.openvino", "OpenvinoRunner", "openvino"),
    "onnx": ("breastseg.runners.onnx", "OnnxRunner", "breastseg[onnx]"),
    "torch": ("breastseg.runners.torch", "TorchRunner", "breastseg[train]"),
}
"""Back ends: module, class, what to install. Imported when asked for, so that a missing one hurts
nobody else."""

CELLS = "type-cells"
_OF_OURS = {CELLS: ("breastseg.runners.type_cells", "TypeCellsRunner", "openvino")}
"""What runs another network of a bundle; nobody chooses it for a map."""


def load_runner(
    bundle: Bundle, backend: str = DEFAULT_BACKEND, *, precision: str = "auto", threads: int = 0
) -> Runner:
    """Load a bundle on a back end.

    Args:
        bundle: the model.
        backend: a name of BACKENDS.
        precision: one of PRECISIONS; bf16 and int8 are OpenVINO's.
        threads: CPU threads of the network; 0 takes one for each core that this process may use.

    Raises:
        InputError: unknown back end, or a precision that it or the processor has not.
        MissingPackageError: not installed. ModelError: the bundle has no such file, or the file is
            not this model's.
    """
    if backend not in BACKENDS and backend not in _OF_OURS:
        raise InputError(f"back end '{backend}': not known; wanted {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise InputError(f"precision '{precision}': not known; wanted {', '.join(PRECISIONS)}")
    if threads < 0:
        raise InputError(f"threads {threads}: wanted 0 (one per core) or more")
    module, name, package = {**BACKENDS, **_OF_OURS}[backend]
    if backend not in ("openvino", CELLS) and precision not in ("auto", "fp32"):
        raise InputError(
            f"precision '{precision}' of back end '{backend}': wanted auto or fp32; {precision}"
            " runs on openvino"
        )
    try:
        runner_class = getattr(import_module(module), name)
    except ImportError as cause:
        raise MissingPackageError(
            f"back end '{backend}': {cause.name or cause} is not installed; pip install '{package}'"
        ) from None
    runner: Runner = runner_class(bundle, precision, threads or thread_limit())
    return runner


def likeliest(probabilities: npt.NDArray[np.float32]) -> Labels:
    """Turn (N, K, H, W) probabilities into (N, H, W) uint8 labels 1 to K; the first class wins a
    tie, and NaN has the label 0."""
    best: npt.NDArray[np.intp] = probabilities.argmax(axis=1)
    labels = (best + 1).astype(np.uint8)
    if np.isnan(probabilities.sum()):
        labels[np.isnan(probabilities).any(axis=1)] = 0
    return labels
