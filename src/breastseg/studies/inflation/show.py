"""The study's rows as a Markdown table and as bars."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from breastseg.files import written

_COLOURS = ("tab:red", "tab:orange", "tab:green", "lightgrey")


def markdown(study: Mapping[str, Any]) -> str:
    """Return the table of rows, the honest one in bold, and the table of patients."""
    name = study["class"]
    columns = {
        "accuracy": "accuracy",
        "accuracy_one_vs_rest": "accuracy, one against rest",
        "mean_dice": "mean Dice",
        "mean_dice_shared": "mean Dice, classes of 2 patients or more",
        "dice": f"{name} Dice = F1",
        "precision": f"{name} precision",
        "recall": f"{name} recall",
        "accuracy_more": "accuracy, more than honest",
        "mean_dice_more": "mean Dice, more than honest",
        "dice_more": f"{name} Dice, more than honest",
    }
    lines = _head(["held out", "scored", *columns.values()])
    honest = (study["honest"]["protocol"], study["honest"]["scoring"])
    for row in study["rows"]:
        cells = [row["protocol"], row["scoring"]]
        for key in columns:
            sign = "+" if key.endswith("_more") else ""  # differences show their sign
            cells.append(f"{row[key]:{sign}.3f}")
        if (row["protocol"], row["scoring"]) == honest:
            cells = [f"**{cell}**" for cell in cells]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *_head(list(study["by_patient"][0]))]
    for row in study["by_patient"]:
        cells = []
        for value in row.values():
            cells.append(value if isinstance(value, str) else f"{value:.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _head(titles: list[str]) -> list[str]:
    return [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]


def save_bars(study: Mapping[str, Any], path: Path) -> None:
    """Draw accuracy, mean Dice and the first class's Dice: a group of bars for each way to score, a
    bar for each protocol."""
    ways: dict[str, None] = {}  # sets that keep the order of the rows
    protocols: dict[str, None] = {}
    for row in study["rows"]:
        ways[row["scoring"]] = None
        protocols[row["protocol"]] = None
    quantities = {
        "accuracy": "accuracy",
        "mean_dice": "mean Dice",
        "dice": f"{study['class']} Dice",
    }
    figure = Figure(figsize=(12, 1.6 + 0.9 * len(ways)), layout="constrained")
    all_axes = figure.subplots(1, 3, sharey=True)
    for axes, (key, title) in zip(all_axes, quantities.items(), strict=True):
        for number, (protocol, colour) in enumerate(zip(protocols, _COLOURS, strict=True)):
            values = []
            for row in study["rows"]:
                if row["protocol"] == protocol:
                    values.append(row[key])
            # four bars round the whole number of their group, 0.21 apart and 0.19 thick
            places = [way + 0.21 * (number - 1.5) for way in range(len(ways))]
            bars = axes.barh(places, values, 0.19, color=colour, label=protocol)
            axes.bar_label(bars, fmt="%.3f", padding=2, fontsize=8)
        axes.set(title=title, xlim=(0, 1.12))  # more than 1: numbers stand behind the bars
        axes.set_yticks(range(len(ways)), list(ways))
        axes.grid(axis="x", alpha=0.3)
    axes.invert_yaxis()  # the y axis is shared, so once is enough: the first row is on top
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    with written(path) as unfinished:
        # Software would be Matplotlib's version, by which the same figure would differ.
        figure.savefig(unfinished, dpi=110, format="png", metadata={"Software": None})
