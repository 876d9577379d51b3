"""The Runner protocol, and the back ends by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

import numpy as np
import numpy.typing as npt

from breastseg.errors import InputError, MissingPackageError
from breastseg.models.bundle import Bundle


class Runner(Protocol):
    """A loaded model."""

    def __call__(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, 3, H, W) uint8 to (N, K, H, W) float32 probabilities; H and W multiples of 32."""
        ...


BACKENDS: Mapping[str, tuple[str, str, str]] = {
    "onnx": ("breastseg.runtime.onnx", "OnnxRunner", "onnxruntime"),
    "torch": ("breastseg.runtime.torch", "TorchRunner", "breastseg[train]"),
}
"""Back ends: module, class, what to install. Imported when asked for, so that a missing one hurts nobody else."""


def load_runner(bundle: Bundle, backend: str = "onnx", *, threads: int = 0) -> Runner:
    """Load a bundle on a back end.

    Args:
        bundle: the model.
        backend: a name of BACKENDS.
        threads: CPU threads of the network; 0 takes one per core.

    Raises:
        InputError: unknown back end. MissingPackageError: not installed. ModelError: the file is not this model's.
    """
    if backend not in BACKENDS:
        raise InputError(f"back end '{backend}': not known; wanted {', '.join(BACKENDS)}")
    module, name, package = BACKENDS[backend]
    try:
        runner_class = getattr(import_module(module), name)
    except ImportError as cause:
        raise MissingPackageError(f"back end '{backend}': {cause.name or cause} is not installed; pip install '{package}'") from None
    runner: Runner = runner_class(bundle, threads)
    return runner
