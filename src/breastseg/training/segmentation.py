"""The step: augment, run, lose; and the epoch's figures from counts."""

import breastseg.networks.torchvision_ops  # noqa: F401  before anything that imports torchvision

# isort: split
import math
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from breastseg.metrics import overall_scores
from breastseg.networks.build import Network
from breastseg.networks.field_losses import field_loss, without_absent
from breastseg.networks.losses import IGNORE, SumLoss, balanced_cross_entropy
from breastseg.training.augment import Augment
from breastseg.training.config import TrainConfig
from breastseg.training.loader import Batch
from breastseg.training.types import TypeTask

PSEUDO_FROM, PSEUDO_FULL = 0.1, 0.3
"""Shares of the run in which the averaged network's own labels begin to count, and count fully."""


class Segmenter(L.LightningModule):
    """A network in training. Draws depend on seed and step, not on history."""

    def __init__(
        self,
        network: Network,
        config: TrainConfig,
        *,
        classes: int,
        steps: int,
        shift: torch.Tensor | None = None,
        discs: bool = True,
        types: TypeTask | None = None,
    ) -> None:
        """Take network, configuration, how many classes, steps of the whole run, and what `ce` adds
        to the logits, (K,).

        Without `discs`, a field whose dots vote teaches what they vote for alone. With `types`,
        each step learns from fields of known types too.
        """
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config = config
        self.classes = classes
        self.steps = steps
        self.discs = discs
        self.types = types
        self.criterion = SumLoss(config.loss, shift)
        self.augment = Augment(config.augment)
        self.averaged = None
        if config.ema:
            average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
            self.averaged = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
            self.averaged.requires_grad_(False)
        self.figures: dict[str, float] = {}
        self._sums: dict[str, list[torch.Tensor]] = {}

    @property
    def result(self) -> Network:
        """Return what the run is for: the averaged network, or where none is, the network."""
        finished = self.network if self.averaged is None else self.averaged.module
        return cast(Network, finished)

    def configure_optimizers(self) -> Any:
        """AdamW on all parameters (frozen ones have no gradient and stay), with the schedule by
        step."""
        encoder = list(self.network.encoder.parameters())
        # By identity: == on tensors compares numbers.
        in_encoder = {id(parameter) for parameter in encoder}
        rest = []
        for parameter in self.network.parameters():
            if id(parameter) not in in_encoder:
                rest.append(parameter)
        if self.types is not None:
            rest += self.types.parameters()
        groups: list[dict[str, object]] = [
            {"params": rest},
            {"params": encoder, "lr": self.config.lr * self.config.encoder_lr},
        ]
        optimizer = torch.optim.AdamW(
            groups, lr=self.config.lr, weight_decay=self.config.weight_decay
        )
        if self.config.schedule == "constant":
            return optimizer
        # The first steps are small: a new decoder's gradients would spoil a pretrained encoder.
        warm = max(1, min(100, self.steps // 20))

        def share(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            done = min(1.0, (step - warm) / max(1, self.steps - warm))
            # Half a cosine from 1 to 0, and a little that keeps the last steps from being nothing.
            return 0.5 * (1 + math.cos(math.pi * done)) + 1e-3

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def encoder_frozen(self, epoch: int) -> bool:
        """Return whether the encoder stays as it is in this epoch."""
        return self.config.freeze_encoder and not 0 < self.config.unfreeze_epoch <= epoch

    def on_train_epoch_start(self) -> None:
        """Freeze or free the encoder; a frozen one keeps its batch statistics too."""
        set_frozen(self.network, self.encoder_frozen(self.current_epoch))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed every draw of the step from the run's seed and the step, so that a resumed run draws
        the same."""
        sequence = np.random.SeedSequence([self.config.seed, self.global_step, self.global_rank])
        torch.manual_seed(int(sequence.generate_state(1)[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Return the loss of one batch."""
        # (N, 3, H, W), (N, H, W), (N,), (N, K), (N, H, W), as `Batch` says.
        pictures, labels, dotted, facts, votes = batch
        voted = torch.zeros_like(dotted)
        if self.config.votes:
            voted = (votes > 0).flatten(1).any(1)  # (N,)
        if voted.any():
            # Together, so that both are moved alike.
            moved, both = self.augment.move(pictures, torch.stack([labels, votes], dim=1))
            labels, votes = both.unbind(1)
        else:
            moved, labels = self.augment.move(pictures, labels)
        recoloured = self.augment.recolor(moved).contiguous(memory_format=torch.channels_last)
        logits = self.network(recoloured)  # (N, K, H, W)
        loss: torch.Tensor = self.criterion(logits[~dotted], labels[~dotted])
        by_discs = dotted if self.discs else dotted & ~voted
        if by_discs.any():
            loss = loss + balanced_cross_entropy(logits[by_discs], labels[by_discs])
        if voted.any():
            loss = loss + self.config.votes * self.criterion(logits[voted], votes[voted])
        if facts.any():
            loss = loss + field_loss(logits, facts)
        self._add("train", loss, logits, labels)
        if self.types is not None:
            loss = loss + self._types_loss(self.types)
        done = self.global_step / self.steps
        # At first the averaged network has learned too little to teach.
        ramp = min(1.0, (done - PSEUDO_FROM) / (PSEUDO_FULL - PSEUDO_FROM))
        if self.config.pseudo and ramp > 0:
            # What dots vote for is known too, and not to be guessed.
            known = torch.maximum(labels, votes) if voted.any() else labels
            loss = loss + ramp * self._pseudo_loss(moved, known, logits, facts)
        return loss

    def _types_loss(self, types: TypeTask) -> torch.Tensor:
        """Return the weighed loss on one step's fields of known types."""
        pictures, truth = types.fields.batch(self.global_step, self.global_rank)
        pictures = pictures.to(self.device)
        truth = truth.to(self.device)
        nothing = torch.zeros_like(pictures[:, 0])
        moved, _ = self.augment.move(pictures, nothing)
        changed = self.augment.recolor(moved).contiguous(memory_format=torch.channels_last)
        return types.loss(self.network, changed, truth)

    def _pseudo_loss(
        self, moved: torch.Tensor, labels: torch.Tensor, logits: torch.Tensor, facts: torch.Tensor
    ) -> torch.Tensor:
        """Hold the network, under changed colours, to what the averaged one is sure of where
        nothing is annotated.

        Classes that are nowhere in a crop are left out before it is asked how sure it is.
        """
        teacher = self.result.eval()
        with torch.no_grad():
            shown = moved.contiguous(memory_format=torch.channels_last)
            teacher_logits = without_absent(teacher(shown).float(), facts)  # (N, K, H, W)
            confidence, guess = torch.softmax(teacher_logits, dim=1).max(1)  # (N, H, W) each
        is_sure = (labels == 0) & (confidence >= self.config.pseudo)
        target = torch.where(is_sure, guess, IGNORE)
        if not (target >= 0).any():
            # A mean over no pixel is NaN; this is 0 and has a gradient.
            return logits.sum() * 0.0
        return torch.nn.functional.cross_entropy(logits.float(), target, ignore_index=IGNORE)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Average the weights."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count one batch of the validation grid."""
        pictures, labels, *_ = batch
        logits = self.result(pictures.contiguous(memory_format=torch.channels_last))
        self._add("val", self.criterion(logits, labels), logits, labels)

    def _add(
        self, part: str, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor
    ) -> None:
        """Add a batch to the epoch's loss (weighted by annotated pixels) and counts; show the
        running figures."""
        predicted = logits.argmax(1)  # (N, H, W), as `truth`: classes from 0
        truth = labels.long() - 1
        annotated = truth >= 0
        # One number for each pair of classes, so that a single bincount counts them all.
        pairs = truth[annotated] * self.classes + predicted[annotated]
        counts = torch.bincount(pairs, minlength=self.classes**2).double()
        weight = annotated.sum().double()
        # (2 + K * K,) in one tensor: added up and gathered over devices in one go.
        weighted = torch.stack([loss.detach().double() * weight, weight])
        sums = torch.cat([weighted, counts])
        self._sums.setdefault(part, []).append(sums)
        if part == "train":
            scores = self._scores(sums)
            self.log_dict(
                {"loss": scores["loss"], "acc": scores["accuracy"], "dice": scores["dice"]},
                prog_bar=True,
                logger=False,
            )

    def _scores(self, sums: torch.Tensor) -> dict[str, float]:
        """Return the figures of (2 + K * K,) sums, as `_add` makes them."""
        values = sums.cpu().numpy()
        loss, weight = values[:2]
        # Column 0, "not analysed", stays empty: a network in training answers everywhere.
        counts = np.zeros((self.classes, self.classes + 1), np.int64)
        counts[:, 1:] = values[2:].reshape(self.classes, self.classes)
        scores = overall_scores(counts)
        return {
            "loss": float(loss / weight) if weight else math.nan,
            "accuracy": scores["accuracy"],
            "dice": scores["mean_dice"],
        }

    def finish(self, part: str) -> None:
        """Turn the epoch's sums, over all devices, into its figures."""
        # Of more devices than validation batches one has no sums.
        nothing = torch.zeros(2 + self.classes**2, dtype=torch.float64, device=self.device)
        sums = torch.stack(self._sums.pop(part, [nothing])).sum(0)
        total = self.all_gather(sums).reshape(-1, sums.numel()).sum(0)  # type: ignore[union-attr]
        figures = {f"{part}_{key}": value for key, value in self._scores(total).items()}
        self.figures.update(figures)
        self.log_dict(figures, prog_bar=part == "val")

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's validation figures."""
        self.finish("val")


def set_frozen(network: Network, frozen: bool) -> None:
    """Freeze or free the encoder's weights and batch statistics; the rest trains."""
    network.train()
    network.encoder.requires_grad_(not frozen)
    network.encoder.train(not frozen)
