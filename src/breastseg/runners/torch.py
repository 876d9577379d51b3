"""PyTorch, from the bundle's safetensors: CUDA where there is one, else the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch

from breastseg.bundles.bundle import WEIGHTS, Bundle
from breastseg.errors import ModelError
from breastseg.labels import Labels
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.weights import read_tensors
from breastseg.runners.runner import likeliest


class TorchRunner:
    """Runs a bundle's `model.safetensors`."""

    package = "torch"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Build the network that the card describes and load its weights, stored in half, used in
        single precision, the only one."""
        self._threads = threads or torch.get_num_threads()
        path = bundle.file(WEIGHTS)
        config = NetworkConfig.from_dict(bundle.card.network, str(bundle.path))
        self._network = build(config)
        try:
            self._network.load_state_dict(read_tensors(path, ModelError))
        except RuntimeError as cause:
            raise ModelError(
                f"{path}: weights are of another network than the card's"
                f" ({str(cause).splitlines()[0]})"
            ) from None
        has = config.classes
        wanted = len(bundle.card.label_map.classes)
        if has != wanted:
            raise ModelError(
                f"{path}: network of {has} classes, the card has {wanted} classes; the file belongs"
                " to another model"
            )
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network.eval().to(self._device)
        self.name = "torch cuda fp32" if self._device.type == "cuda" else "torch fp32"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        with torch.inference_mode(), _threads(self._threads):
            pictures = torch.tensor(tiles, device=self._device).permute(0, 3, 1, 2).contiguous()
            probabilities = torch.softmax(self._network(pictures), dim=1)
        return probabilities.cpu().numpy()

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels."""
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Do nothing: PyTorch keeps its memory to itself."""


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """PyTorch's threads are the whole process's: a training run after this one must find its own
    number, or it ends otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
