"""PyTorch, from the bundle's safetensors: CUDA where there is one, else the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from breastseg.errors import ModelError
from breastseg.models.build import NetworkConfig, build
from breastseg.models.bundle import WEIGHTS, Bundle


class TorchRunner:
    """Runs a bundle's `model.safetensors`."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        """Build the network that the card describes and load its weights, stored in half, used in single precision."""
        self._threads = threads or torch.get_num_threads()
        path = bundle.file(WEIGHTS)
        self._network = build(NetworkConfig.from_dict(bundle.card.network))
        try:
            self._network.load_state_dict(load_file(path))
        except RuntimeError as cause:
            raise ModelError(f"{path}: weights are of another network than the card's ({str(cause).splitlines()[0]})") from None
        has, wanted = bundle.card.network["classes"], len(bundle.card.label_map.classes)
        if has != wanted:
            raise ModelError(f"{path}: network of {has} classes, the card has {wanted} classes; the file belongs to another model")
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network.eval().to(self._device)

    def __call__(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, 3, H, W) uint8 to (N, K, H, W) float32 probabilities."""
        with torch.inference_mode(), _threads(self._threads):
            probabilities = torch.softmax(self._network(torch.from_numpy(tiles).to(self._device)), dim=1)
        return probabilities.cpu().numpy()


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """PyTorch's threads are the whole process's: a training run after this one must find its own number, or it ends otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
