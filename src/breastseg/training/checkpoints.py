"""A checkpoint on disk: whole or not at all."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from breastseg.files import written


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it.

    Lightning's own way leads through the system's folder of temporary files: a kill leaves it
    there, as large as it is, and where that folder is on another disk the checkpoint is copied to
    its place, so that a kill leaves half of one.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, object], path: Any, storage_options: Any = None
    ) -> None:
        """Write it whole, or leave what was there."""
        with written(Path(path)) as unfinished, unfinished.open("wb") as file:
            torch.save(_unshared(checkpoint), file)


def _unshared(value: Any) -> Any:
    """Return the same values, in which equal texts are one object and nothing else is.

    A pickle writes an object once and refers back to it. Values that were read from a checkpoint
    share fewer objects than those of a run that was never stopped: without this, a run that was
    killed and went on would end in other bytes.
    """
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, torch.Tensor):
        return value.detach()  # a new object over the same numbers
    if type(value) in {dict, OrderedDict}:
        return type(value)((_unshared(key), _unshared(item)) for key, item in value.items())
    if type(value) in {list, tuple}:
        return type(value)(_unshared(item) for item in value)
    return value
