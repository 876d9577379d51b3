"""The study's table as Markdown, and held-out crops as an image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from breastseg.files import written
from breastseg.studies.rgu_net.crops import Crop
from breastseg.studies.rgu_net.summary import SYSTEMS

_COLUMNS = 6


def markdown(scores: Mapping[str, Any]) -> str:
    """Return what was done in two sentences, the table of systems, and the table of folds."""
    if scores["leaky"]:
        mark = "LEAKY: "
        where = "centred on the finding, turned copies of a finding on both sides"
    else:
        mark = ""
        where = f"off centre by up to {scores['off_centre_mm']:g} mm, no patient on both sides"
    config = scores["config"]
    lines = [
        f"{mark}protocol {scores['protocol']}: {scores['crops']} held-out crops of 51 mm of "
        f"{scores['patients_scored']} patients, {where}. "
        f"{scores['folds_run']} of {config['folds']} folds, {config['steps']} steps each. "
        "Truth is a circle, no outline.",
        "",
        "| system | Dice, mean [95 %] | Dice, median [95 %] |",
        "| --- | --- | --- |",
    ]
    for name, title in SYSTEMS.items():
        row = scores["systems"][name]
        mean = _cell(row["dice_mean"], row["dice_mean_interval"])
        median = _cell(row["dice_median"], row["dice_median_interval"])
        lines.append(f"| {title} | {mean} | {median} |")
    more = scores["above_constant"]
    gain = _cell(more["dice_mean"], more["dice_mean_interval"], "+")
    lines += ["", f"RGU-Net above the constant mask: {gain}. Intervals are over patients.", ""]
    head = ["fold", "patients", "crops", *SYSTEMS.values()]
    lines += [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in scores["by_fold"]:
        cells = [str(row["fold"]), str(row["patients"]), str(row["crops"])]
        for name in SYSTEMS:
            cells.append(f"{row[f'dice_{name}']:.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(value: float, interval: Sequence[float] | None, sign: str = "") -> str:
    """Return a number with its interval, where it has one; `sign` "+" shows the sign of both."""
    if interval is None:
        return f"{value:{sign}.3f}"
    low, high = interval
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def save_sheet(
    crops: Sequence[Crop],
    answers: npt.NDArray[np.uint8],
    rows: Sequence[Mapping[str, Any]],
    path: Path,
    most: int,
) -> None:
    """Draw held-out crops with the circle (green) and the answer (red).

    Args:
        crops: N of them.
        answers: (N, H, W), 255 times the probability of mass.
        rows: of the crops, for film and Dice.
        path: of the PNG.
        most: as many as are drawn, evenly over all, so that nobody chose them.
    """
    number = min(most, len(crops))
    places = np.linspace(0, len(crops) - 1, number)  # (number,)
    chosen = places.round().astype(int)
    lines = -(-number // _COLUMNS)  # rounded up
    figure = Figure(figsize=(2 * _COLUMNS, 2.2 * lines), layout="constrained")
    for axes in figure.subplots(lines, _COLUMNS, squeeze=False).flat:
        axes.axis("off")
    # Not strict: the last line may have more axes than crops.
    for axes, place in zip(figure.axes, chosen, strict=False):
        axes.imshow(crops[place].grey, cmap="gray", vmin=-3, vmax=3)
        _outline(axes, crops[place].mask, "lime")
        _outline(axes, answers[place] > 127, "red")
        row = rows[place]
        title = f"{row['film']}  {row['dice_rgu_net']:.2f}"
        axes.set_title(title, fontsize=8)
    with written(path) as unfinished:
        # Software would be Matplotlib's version, by which the same figure would differ.
        figure.savefig(unfinished, dpi=110, format="png", metadata={"Software": None})


def _outline(axes: Any, mask: npt.NDArray[np.bool_], colour: str) -> None:
    # Matplotlib warns where there is no contour to draw.
    if mask.any() and not mask.all():
        axes.contour(mask, levels=[0.5], colors=colour, linewidths=1.2)
