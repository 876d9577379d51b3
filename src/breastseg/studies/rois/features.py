"""Features and maps of all copies, computed once in pieces that stay when a run is killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from breastseg.errors import OutputError
from breastseg.files import written
from breastseg.networks.threads import torch_threads
from breastseg.networks.trunk_weights import load_trunk_weights
from breastseg.networks.trunks import Trunk, build_trunk
from breastseg.studies.rois.crops import Crops

RANDOM_NET = "lite0"
"""The network whose random weights are a control."""
_PIECE, _BATCH = 256, 16
_MOST_GREY = 65535

Values = npt.NDArray[Any]


def made_trunk(net: str, weights: str, seed: int) -> tuple[Trunk, str]:
    """Return a trunk with its weights, and in words what they are."""
    trunk = build_trunk(net, seed)
    return trunk, load_trunk_weights(trunk, net, weights)


def tensor_of(crops: Crops) -> torch.Tensor:
    """Return crops as grey values from 0 to 1, (N, H, W)."""
    return torch.from_numpy(crops.astype(np.float32) / _MOST_GREY)


def features_of(trunk: Trunk, crops: Crops, folder: Path, name: str) -> Values:
    """Return the features of crops, (N, F) float32; pieces lie in `folder` under `name`."""

    def compute(grey: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = trunk(grey)
        return features

    return _in_pieces(compute, crops, folder, name, np.dtype(np.float32))


def maps_of(trunk: Trunk, crops: Crops, folder: Path, name: str) -> Values:
    """Return what a trunk's lower part makes of crops, (N, C, h, w) float16."""
    # Half precision: half of the disk and memory.
    return _in_pieces(trunk.maps, crops, folder, name, np.dtype(np.float16))


def _in_pieces(
    compute: Callable[[torch.Tensor], torch.Tensor],
    crops: Crops,
    folder: Path,
    name: str,
    dtype: np.dtype[Any],
) -> Values:
    folder.mkdir(exist_ok=True)
    pieces = []
    starts = range(0, len(crops), _PIECE)
    for start in tqdm(starts, desc=name, unit=f"{_PIECE} crops", disable=None, leave=False):
        path = folder / f"{name}-{start // _PIECE:03d}.npy"
        own_crops = crops[start : start + _PIECE]
        if not path.is_file():
            values = _computed(compute, own_crops).astype(dtype)
            with written(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, values, allow_pickle=False)
        # Read also where it was just written: a run that goes on has the same values.
        pieces.append(_read(path, len(own_crops), dtype))
    return np.concatenate(pieces)


def _computed(compute: Callable[[torch.Tensor], torch.Tensor], crops: Crops) -> Values:
    parts = []
    with torch_threads(1), torch.inference_mode():
        for start in range(0, len(crops), _BATCH):
            values = compute(tensor_of(crops[start : start + _BATCH]))
            parts.append(values.contiguous().numpy())  # NumPy's own order of axes in memory
    return np.concatenate(parts)


def _read(path: Path, number: int, dtype: np.dtype[Any]) -> Values:
    again = f"remove {path} and run the same command again"
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as cause:
        raise OutputError(f"{path}: no features ({type(cause).__name__}); {again}") from None
    if not isinstance(values, np.ndarray) or values.dtype != dtype or len(values) != number:
        raise OutputError(f"{path}: not the features of these crops; {again}")
    if not np.isfinite(values).all():
        raise OutputError(f"{path}: features are no numbers; {again}")
    return values
