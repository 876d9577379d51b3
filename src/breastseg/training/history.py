"""metrics.csv: one row an epoch, kept in the checkpoint too, so that a resumed run goes on where
that stopped."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch

from breastseg.errors import ModelError
from breastseg.files import write_text
from breastseg.networks.weights import read_pickled
from breastseg.training.loader import TrainBatches
from breastseg.training.segmentation import Segmenter


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of a run, tensors and plain values alone.

    Raises:
        ModelError: cut short, damaged, or something else; the message says what to remove.
    """
    content = read_pickled(path, ModelError)
    if not _is_checkpoint(content):
        raise ModelError(
            f"{path}: not a checkpoint of a run; remove the run's folder checkpoints to train from"
            " the beginning"
        )
    return dict(content)


def _is_checkpoint(content: Any) -> bool:
    """Return whether a file holds what Lightning needs: else it fails halfway, in words of its
    own."""
    if not isinstance(content, dict):
        return False
    weights = content.get("state_dict")
    if not isinstance(weights, dict):
        return False
    if not all(isinstance(value, torch.Tensor) for value in weights.values()):
        return False
    return all(isinstance(content.get(key, {}), dict) for key in ("callbacks", "loops"))


class History(L.Callback):
    """Writes the table after each epoch, and tells the batches which epoch comes next."""

    def __init__(self, path: Path, batches: TrainBatches) -> None:
        """Take the table's path and the training batches."""
        self.path = path
        self.batches = batches
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Choose the epoch's crops."""
        self.batches.set_epoch(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch's row and write the whole table."""
        assert isinstance(pl_module, Segmenter)
        pl_module.finish("train")
        row: dict[str, float] = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            # The first group is all but the encoder, whose rate is a share of it.
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
        }
        self.rows.append(row | pl_module.figures)
        if trainer.is_global_zero:
            table = pd.DataFrame(self.rows)
            write_text(self.path, table.to_csv(index=False, lineterminator="\n"))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows of the checkpoint; later ones of the killed run are dropped with it."""
        self.rows = list(state_dict["rows"])
