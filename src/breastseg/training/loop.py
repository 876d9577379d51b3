"""The loop, by Lightning: checkpoints, early stopping, weight averaging, devices; and going on
after a kill."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import Logger

from breastseg.errors import ModelError
from breastseg.training.checkpoints import WholeCheckpoints
from breastseg.training.config import TrainConfig
from breastseg.training.history import History, read_checkpoint
from breastseg.training.loader import GridBatches, TrainBatches, loader
from breastseg.training.segmentation import Segmenter


def run_loop(
    module: Segmenter,
    batches: TrainBatches,
    val: GridBatches | None,
    *,
    run: Path,
    loggers: list[Logger],
) -> bool:
    """Train to the end, from the last checkpoint where the run has one.

    Args:
        module: changed in place.
        batches: the training crops.
        val: the validation grid, or None to choose no epoch and keep the last.
        run: the run folder: metrics.csv and checkpoints/ are written.
        loggers: further loggers.

    Returns:
        whether this process is the first of those that trained.
    """
    config = module.config
    is_monitored = val is not None and config.monitor != "none"
    callbacks = _callbacks(run, config, batches, monitored=is_monitored)
    last = run / "checkpoints" / "last.ckpt"
    if last.is_file():
        _check_fits(last, module)
    with quiet_lightning():
        trainer = L.Trainer(
            max_epochs=config.epochs,
            accelerator="auto",
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            precision=resolved_precision(config.precision),
            callbacks=callbacks,
            logger=loggers,
            default_root_dir=run,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            deterministic="warn",
            enable_model_summary=False,  # summary.txt has more
            use_distributed_sampler=False,  # batches know their own share
            plugins=[WholeCheckpoints()],
        )
        try:
            trainer.fit(
                module,
                loader(batches),
                loader(val) if val else None,
                ckpt_path=last if last.is_file() else None,
                weights_only=True,  # reads tensors and plain values, runs no code from the file
            )
        except SystemExit:
            if trainer.interrupted:
                # The loop turns Ctrl-C into an exit of its own.
                raise KeyboardInterrupt from None
            raise
    return trainer.is_global_zero


def _check_fits(last: Path, module: Segmenter) -> None:
    """Refuse a checkpoint that is damaged or of another network, before Lightning restores half of
    it."""
    saved = read_checkpoint(last)["state_dict"]
    if _shapes(saved) != _shapes(module.state_dict()):
        raise ModelError(
            f"{last}: of another network than this run's; remove the run's folder checkpoints to"
            " train from the beginning"
        )


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


class _HeedInterrupt(L.Callback):
    """Ctrl-C may fall into a callback from C, where Python reports it and goes on; so it is looked
    for at every step too."""

    def __init__(self) -> None:
        self.interrupt_handler: Any = None
        self.terminate_handler: Any = signal.getsignal(signal.SIGTERM)
        self.is_interrupted = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        # A shell's background job ignores Ctrl-C, which is meant for the job in front.
        is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        # Python allows handlers in the main thread alone.
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self.interrupt_handler is None and not is_ignored:
            self.interrupt_handler = signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.is_interrupted = True
        if callable(self.interrupt_handler):
            self.interrupt_handler(number, frame)
        raise KeyboardInterrupt

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # Lightning's own handler takes a note and ends between two batches, however long one lasts;
        # of several it ends the other processes.
        if threading.current_thread() is threading.main_thread() and trainer.world_size == 1:
            signal.signal(signal.SIGTERM, self.terminate_handler)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.interrupt_handler is not None:
            signal.signal(signal.SIGINT, self.interrupt_handler)
            self.interrupt_handler = None


def _callbacks(
    run: Path, config: TrainConfig, batches: TrainBatches, *, monitored: bool
) -> list[Any]:
    callbacks: list[Any] = [
        _HeedInterrupt(),
        History(run / "metrics.csv", batches),
        *_checkpoints(run, config, monitored=monitored),
        TQDMProgressBar(refresh_rate=10),
    ]
    if config.patience and monitored:
        callbacks.append(
            EarlyStopping(config.monitor, patience=config.patience, mode=_mode(config))
        )
    return callbacks


def resolved_precision(precision: str) -> Literal["bf16-mixed", "32-true"]:
    """Return Lightning's name for a precision; "auto" is bf16 where the processor computes in
    it."""
    if precision == "auto":
        if torch.cuda.is_available():
            has_bf16 = torch.cuda.is_bf16_supported()
        else:
            has_bf16 = torch.cpu._is_avx512_bf16_supported()
        precision = "bf16" if has_bf16 else "32"
    return "bf16-mixed" if precision == "bf16" else "32-true"


_EXPECTED = (
    # crops are slices of memory maps, a worker would only copy them
    ".*does not have many workers.*",
    ".*have no `val_dataloader`.*",  # a run without validation part was asked for
    ".*exists and is not empty.*",  # the checkpoints of a run that goes on
    ".*in eval mode at the start of training.*",  # a frozen encoder is
    ".*LeafSpec.*",  # inside Lightning 2.6 with PyTorch 2.13
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Leave out Lightning's advice and hardware lines, and the warnings listed above with their
    reasons."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in _EXPECTED:
            warnings.filterwarnings("ignore", message)
        try:
            yield
        finally:
            logger.setLevel(level)


def _mode(config: TrainConfig) -> str:
    return "min" if config.monitor == "val_loss" else "max"


class _Checkpoints(ModelCheckpoint):
    """Lightning's, which takes its last score back too: a run killed after its last epoch ends in
    the same bytes."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.current_score = state_dict.get("current_score")


def _checkpoints(run: Path, config: TrainConfig, *, monitored: bool) -> list[ModelCheckpoint]:
    """Keep last.ckpt after every epoch, and best.ckpt where something chooses it."""

    def keep(filename: str, monitor: str | None) -> ModelCheckpoint:
        return _Checkpoints(
            run / "checkpoints",
            filename=filename,
            monitor=monitor,
            mode=_mode(config),
            save_top_k=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    # The last is written last: it remembers which was best.
    checkpoints = []
    if monitored:
        checkpoints.append(keep("best", config.monitor))
    checkpoints.append(keep("last", None))
    return checkpoints
