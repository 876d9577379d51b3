"""The loop: precision, what is kept, and whose advice is left out."""

import logging
import warnings
from pathlib import Path

import pytest

from breastseg.training.config import TrainConfig
from breastseg.training.loop import _checkpoints, quiet_lightning, resolved_precision


@pytest.mark.parametrize(("asked", "name"), [("32", "32-true"), ("bf16", "bf16-mixed")])
def test_a_precision_has_lightnings_name(asked: str, name: str) -> None:
    assert resolved_precision(asked) == name
    assert resolved_precision("auto") in ("32-true", "bf16-mixed")


@pytest.mark.parametrize(("monitor", "mode"), [("val_loss", "min"), ("val_dice", "max")])
def test_the_best_epoch_has_the_least_loss_or_the_most_dice(
    tmp_path: Path, monitor: str, mode: str
) -> None:
    best, last = _checkpoints(tmp_path, TrainConfig(monitor=monitor), monitored=True)
    assert (best.monitor, best.mode, best.filename) == (monitor, mode, "best")
    assert (last.monitor, last.filename) == (None, "last")
    assert len(_checkpoints(tmp_path, TrainConfig(), monitored=False)) == 1


def test_lightning_is_quiet_for_a_while_only() -> None:
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with quiet_lightning():
        assert logger.level == logging.WARNING
        # Warnings are errors in tests: this one is left out, the other is not.
        warnings.warn("the loader does not have many workers", stacklevel=1)
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
    assert logger.level == before
