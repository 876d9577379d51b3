"""PyTorch, from the bundle's safetensors: CUDA where there is one, else the CPU."""

import numpy as np
import numpy.typing as npt
import torch

from breastseg.bundles.bundle import Bundle
from breastseg.labels import Labels
from breastseg.networks.threads import torch_threads
from breastseg.networks.weights import network_of
from breastseg.runners.runner import likeliest


class TorchRunner:
    """Runs a bundle's `model.safetensors`."""

    package = "torch"

    def __init__(self, bundle: Bundle, precision: str, threads: int) -> None:
        """Build the network that the card describes and load its weights, stored in half, used in
        single precision, the only one."""
        self._threads = threads or torch.get_num_threads()
        self._network = network_of(bundle)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network.eval().to(self._device)
        self.name = "torch cuda fp32" if self._device.type == "cuda" else "torch fp32"

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map (N, H, W, 3) uint8 to (N, K, H, W) float32 probabilities."""
        with torch.inference_mode(), torch_threads(self._threads):
            pictures = torch.tensor(tiles, device=self._device).permute(0, 3, 1, 2).contiguous()
            probabilities = torch.softmax(self._network(pictures), dim=1)
        return probabilities.cpu().numpy()

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        """Map (N, H, W, 3) uint8 to (N, H, W) uint8 labels."""
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        """Do nothing: PyTorch keeps its memory to itself."""
