"""After training: a bias per class, chosen on the validation part and put into the network."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split

import numpy as np
import numpy.typing as npt
import torch

from breastseg.bundles.bias import bias_vector, rounded
from breastseg.data.dataset import Dataset
from breastseg.decision.choose import choose_bias, told
from breastseg.decision.look import sample_places
from breastseg.inference.tiles import TileConfig
from breastseg.json_files import JsonObject
from breastseg.labels import Labels
from breastseg.networks.build import Network
from breastseg.reporter import Reporter
from breastseg.runners.runner import likeliest


def decide(
    network: Network,
    data: Dataset,
    regions: list[str],
    tiles: TileConfig,
    *,
    part: str,
    reporter: Reporter,
) -> JsonObject:
    """Choose a bias on some regions and add it to the network's last convolution.

    Args:
        network: trained; changed in place where a bias was found.
        data: the data set.
        regions: of the part that chooses; patients that did not train the network.
        tiles: how the model will be run.
        part: its name.
        reporter: who hears of it.

    Returns:
        the card's `decision`.
    """
    sample = sample_places(data, regions, _InTraining(network), tiles)
    choice = choose_bias(sample, data.label_map.names)
    reporter.message(told(choice, part))
    added = add_bias(network, bias_vector(choice.bias, data.label_map))
    decision = choice.to_dict()
    # What half precision made of it, in place of what was chosen.
    decision["bias"] = dict(zip(data.label_map.names, added.tolist(), strict=True))
    decision |= {"how": "auto", "split": part, "data": data.fingerprint()}
    return decision


def add_bias(network: Network, bias: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add a (K,) bias to a network's last convolution; return what it is in half precision."""
    last = network.last_bias
    if not bias.any():
        return bias  # without rounding: the network stays as it was trained, byte for byte
    base = last.detach().cpu().double().numpy()
    values, added = rounded(base, bias)
    with torch.no_grad():
        last.copy_(torch.from_numpy(values.astype(np.float32)))
    return added


class _InTraining:
    """A Runner of the network as it lies in memory."""

    package = "torch"
    name = "torch fp32"

    def __init__(self, network: Network) -> None:
        self._network = network.eval()
        self._device = network.last_bias.device

    def probabilities(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            # (N, H, W, 3) -> (N, 3, H, W)
            pictures = torch.tensor(tiles, device=self._device).permute(0, 3, 1, 2).contiguous()
            probabilities = torch.softmax(self._network(pictures), dim=1)
        return np.asarray(probabilities.cpu().numpy(), np.float32)

    def labels(self, tiles: npt.NDArray[np.uint8]) -> Labels:
        return likeliest(self.probabilities(tiles))

    def release(self) -> None:
        pass
