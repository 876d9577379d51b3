"""A training's curves as an image, drawn on a figure of its own, never on a global one."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from breastseg.files import written

_QUANTITIES = {"loss": "loss", "accuracy": "accuracy", "dice": "mean Dice"}


def save_curves(history: pd.DataFrame, path: Path) -> None:
    """Draw training and validation loss, accuracy and Dice over epochs, from a run's metrics
    table."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    epochs = history["epoch"] + 1  # the table counts from 0, people from 1
    for axes, (name, title) in zip(figure.subplots(1, 3), _QUANTITIES.items(), strict=True):
        for part, colour in (("train", "tab:blue"), ("val", "tab:orange")):
            column = f"{part}_{name}"
            # A run without validation part has no column of it.
            if column in history:
                axes.plot(epochs, history[column], label=part, color=colour, marker=".")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.get_lines():
            axes.legend()
    with written(path) as unfinished:
        # No version, no date: same data, same bytes.
        figure.savefig(unfinished, dpi=110, format="png", metadata={"Software": None})
