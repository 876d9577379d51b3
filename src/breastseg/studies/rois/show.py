"""The study's table as Markdown, and regions as an image."""

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


def markdown(study: Mapping[str, Any]) -> str:
    """Return what was done, and a table for each protocol."""
    classes = []
    for number, name in zip(study["regions"], study["classes"], strict=True):
        classes.append(f"{number} {name}")
    config = study["config"]
    centred = "findings in the middle"
    if config["off_centre"]:
        centred = f"findings up to {config['off_centre']:g} of a side off centre"
    lines = [
        f"{study['task']}: {' and '.join(classes)} regions of {study['patients']} patients,"
        f" {centred}, as"
        f" {COPIES} turned copies of {config['crop_px']} px. {study['net']}, {study['strategy']};"
        f" head: {study['head']}. Weights: {study['weights']}.",
    ]
    for name, protocol in study["protocols"].items():
        lines += ["", *_protocol_lines(name, protocol, study)]
    lines += ["", "Intervals are over patients. Research use only, not for diagnosis."]
    return "\n".join(lines) + "\n"


def _protocol_lines(name: str, protocol: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    title, mark, how = "", "", "no patient on both sides"
    if protocol["leaky"]:
        # In each heading too: a column may be copied without the line above it.
        title, mark = "LEAKY: ", "LEAKY "
        how = "copies dealt to folds one by one, regions and patients on both sides"
    heads = [mark + score for score in _TITLES]
    lines = [
        f"{title}protocol {name}: {how}. {study['folds_run']} of {study['config']['folds']} folds,"
        f" {protocol['copies']} copies of {protocol['patients_scored']} patients scored.",
        "",
        f"| system | {' | '.join(heads)} |",
        f"|{' --- |' * (1 + len(_TITLES))}",
    ]
    for system, words in SYSTEMS.items():
        scores = protocol["systems"][system]
        cells = [words]
        for score in SCORES:
            cells.append(_cell(scores[score], scores[f"{score}_interval"]))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cell(value: float, interval: Sequence[float] | None) -> str:
    if interval is None:
        return f"{value:.2f}"
    low, high = interval
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def save_sheet(crops: Crops, regions: Sequence[Region], classes: Sequence[str], path: Path) -> None:
    """Draw regions as they are cut, evenly over all, so that nobody chose them."""
    number = min(_SHOWN, len(regions))
    places = np.linspace(0, len(regions) - 1, number)  # (number,)
    chosen = places.round().astype(int)
    lines = -(-number // _COLUMNS)  # rounded up
    figure = Figure(figsize=(1.6 * _COLUMNS, 1.8 * lines), layout="constrained")
    for axes in figure.subplots(lines, _COLUMNS, squeeze=False).flat:
        axes.axis("off")
    # Not strict: the last line may have more axes than regions.
    for axes, place in zip(figure.axes, chosen, strict=False):
        region = regions[place]
        axes.imshow(crops[place * COPIES], cmap="gray", vmin=0, vmax=65535)  # copy 0: not turned
        axes.set_title(f"{region.film}  {classes[region.truth]}", fontsize=7)
    with written(path) as unfinished:
        # Software would be Matplotlib's version, by which the same figure would differ.
        figure.savefig(unfinished, dpi=110, format="png", metadata={"Software": None})
