"""The study's table as Markdown, and regions as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from breastseg.files import written
from breastseg.metrics.ranking import SCORES
from breastseg.studies.rois.crops import COPIES, Crops
from breastseg.studies.rois.regions import Region

SYSTEMS: Mapping[str, str] = {
    "model": "the network",
    "size": "control: size alone",
    "grey": "control: grey values alone",
    "ring": "control: centre against ring",
    "random": "control: random weights (EfficientNet-Lite0)",
}
"""What is scored. Controls have one layer (logistic regression) on their numbers."""
_TITLES = ("AUC [95 %]", "balanced accuracy [95 %]", "sensitivity at 90 % specificity [95 %]")
_COLUMNS, _SHOWN = 8, 32


def markdown(found: Mapping[str, Any]) -> str:
    """Return what was done, and a table for each protocol."""
    regions = " and ".join(
        f"{number} {name}" for number, name in zip(found["regions"], found["classes"], strict=True)
    )
    config = found["config"]
    centred = (
        f"findings up to {config['off_centre']:g} of a side off centre"
        if config["off_centre"]
        else "findings in the middle"
    )
    lines = [
        f"{found['task']}: {regions} regions of {found['patients']} patients, {centred}, as"
        f" {COPIES} turned copies of {config['crop_px']} px. {found['net']}, {found['strategy']};"
        f" head: {found['head']}. Weights: {found['weights']}.",
    ]
    for name, protocol in found["protocols"].items():
        lines += ["", *_protocol_lines(name, protocol, found)]
    lines += ["", "Intervals are over patients. Research use only, not for diagnosis."]
    return "\n".join(lines) + "\n"


def _protocol_lines(name: str, protocol: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    title = "LEAKY: " if protocol["leaky"] else ""
    how = (
        "copies dealt to folds one by one, regions and patients on both sides"
        if protocol["leaky"]
        else "no patient on both sides"
    )
    mark = "LEAKY " if protocol["leaky"] else ""
    lines = [
        f"{title}protocol {name}: {how}. {found['folds_run']} of {found['config']['folds']} folds,"
        f" {protocol['copies']} copies of {protocol['patients_scored']} patients scored.",
        "",
        f"| system | {' | '.join(mark + score for score in _TITLES)} |",
        f"|{' --- |' * (1 + len(_TITLES))}",
    ]
    for system, words in SYSTEMS.items():
        scores = protocol["systems"][system]
        cells = [_cell(scores[score], scores[f"{score}_interval"]) for score in SCORES]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def _cell(value: float, interval: Sequence[float] | None) -> str:
    ends = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    return f"{value:.2f}{ends}"


def save_sheet(crops: Crops, regions: Sequence[Region], classes: Sequence[str], path: Path) -> None:
    """Draw regions as they are cut, evenly over all, so that nobody chose them."""
    number = min(_SHOWN, len(regions))
    chosen = np.linspace(0, len(regions) - 1, number).round().astype(int)
    lines = -(-number // _COLUMNS)
    figure = Figure(figsize=(1.6 * _COLUMNS, 1.8 * lines), layout="constrained")
    for axes in figure.subplots(lines, _COLUMNS, squeeze=False).flat:
        axes.axis("off")
    for axes, place in zip(figure.axes, chosen, strict=False):
        region = regions[place]
        axes.imshow(crops[place * COPIES], cmap="gray", vmin=0, vmax=65535)
        axes.set_title(f"{region.film}  {classes[region.truth]}", fontsize=7)
    with written(path) as beside:
        figure.savefig(beside, dpi=110, format="png", metadata={"Software": None})
