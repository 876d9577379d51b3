"""A checkpoint on disk: whole or not at all."""

import breastseg.models.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from breastseg.files import written


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it.

    Lightning's own way leads through the system's folder of temporary files: a kill leaves it there, as large as it is, and
    where that folder is on another disk the checkpoint is copied to its place, so that a kill leaves half of one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write it."""
        with written(Path(path)) as beside, beside.open("wb") as file:
            torch.save(checkpoint, file)
