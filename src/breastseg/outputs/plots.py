"""Curves and the confusion matrix as pictures. Drawn on figures of their own, never on a global one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from breastseg.files import written

_QUANTITIES = {"loss": "loss", "accuracy": "accuracy", "dice": "mean Dice"}


def save_curves(history: pd.DataFrame, path: Path) -> None:
    """Draw training and validation loss, accuracy and Dice over epochs, from a run's metrics table."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, 3), _QUANTITIES.items(), strict=True):
        for part, colour in (("train", "tab:blue"), ("val", "tab:orange")):
            if f"{part}_{name}" in history:
                axes.plot(history["epoch"] + 1, history[f"{part}_{name}"], label=part, color=colour, marker=".")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.get_lines():
            axes.legend()
    _save(figure, path)


def save_confusion(counts: npt.NDArray[np.int64], names: Sequence[str], path: Path) -> None:
    """Draw a (K, K + 1) confusion matrix as shares of each truth class, rows of classes that occur only."""
    present = counts.sum(axis=1) > 0
    columns = ["not analysed", *names] if counts[:, 0].any() else list(names)
    shown = counts[present] if counts[:, 0].any() else counts[present, 1:]
    shares = shown / shown.sum(axis=1, keepdims=True)
    side = max(4.0, 0.55 * len(columns) + 2)
    figure = Figure(figsize=(side + 1, max(3.0, 0.55 * int(present.sum()) + 2)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(range(len(shares)), [name for name, there in zip(names, present, strict=True) if there])
    axes.set(xlabel="predicted", ylabel="truth", title="share of each truth class, %")
    for y, x in np.ndindex(*shares.shape):
        axes.text(x, y, f"{100 * shares[y, x]:.1f}", ha="center", va="center", fontsize=8, color="white" if shares[y, x] > 0.5 else "black")
    _save(figure, path)


def save_reliability(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw accuracy against confidence, with the share of pixels at each level below.

    Args:
        rows: levels with from, to, pixels, confidence, accuracy.
        path: a PNG.
    """
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    total, width = sum(row["pixels"] for row in rows), [row["to"] - row["from"] for row in rows]
    starts = [row["from"] for row in rows]
    axes.bar(starts, [row["accuracy"] for row in rows], width, align="edge", color="tab:blue", alpha=0.35, edgecolor="tab:blue")
    axes.plot([row["confidence"] for row in rows], [row["accuracy"] for row in rows], marker="o", color="tab:blue", label="model")
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey", label="as sure as it is right")
    axes.set(ylabel="share named right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    below.bar(starts, [100 * row["pixels"] / total for row in rows], width, align="edge", color="grey")
    below.set(xlabel="confidence: probability of the named class", ylabel="% of pixels")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with written(path) as beside:
        figure.savefig(beside, dpi=110, format="png", metadata={"Software": None})  # no version, no date: same data, same bytes
