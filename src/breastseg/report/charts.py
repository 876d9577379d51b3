"""Lines over two axes, with everything placed: the page's templates draw them as SVG."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import InputError
from breastseg.evaluation.figures import Level

Points = list[tuple[float, float]]
Range = tuple[float, float]

WIDTH, HEIGHT = 320, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 38
_QUANTITIES = {"loss": "loss", "accuracy": "accuracy", "dice": "mean Dice"}


@dataclass(frozen=True)
class Line:
    """A line: how it looks (one, two or rule) and its points, in the chart's own units once it is
    placed."""

    look: str
    points: Points


@dataclass(frozen=True)
class Chart:
    """A chart: axes with the places of their marks, and lines. All places are in units of its WIDTH
    and HEIGHT."""

    title: str
    x_title: str
    x_marks: list[tuple[float, str]]
    y_marks: list[tuple[float, str]]
    lines: list[Line]
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


def training_charts(history: Path) -> list[Chart]:
    """Return loss, accuracy and mean Dice over epochs, from a training's table; what it has no
    column for is left out.

    Raises:
        InputError: the table holds something else.
    """
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    charts = []
    for name, title in _QUANTITIES.items():
        lines = []
        try:
            for look, column in (("one", f"train_{name}"), ("two", f"val_{name}")):
                points = _column(rows, column)
                if points:
                    lines.append(Line(look, points))
        except (KeyError, ValueError) as cause:
            raise InputError(
                f"{history}: not a training's table ({cause}); evaluate again into a new folder"
            ) from None
        if lines:
            charts.append(_placed(title, "epoch", lines, whole=True))
    return charts


def reliability_chart(rows: Sequence[Level]) -> Chart:
    """Return accuracy over confidence, from levels with both, beside the diagonal of a model that
    is as sure as it is right."""
    points = [(row.confidence, row.accuracy) for row in rows]
    diagonal = Line("rule", [(0, 0), (1, 1)])
    # The diagonal first: what is drawn later lies over it.
    return _placed("share named right", "confidence", [diagonal, Line("one", points)])


def _column(rows: Sequence[Mapping[str, str]], name: str) -> Points:
    """Return a quantity over epochs; an epoch without a value has no point."""
    points = []
    for row in rows:
        if row.get(name):
            # Tables count epochs from 0, people from 1.
            points.append((float(row["epoch"]) + 1, float(row[name])))
    return points


def _placed(title: str, x_title: str, lines: Sequence[Line], *, whole: bool = False) -> Chart:
    """Return lines on axes that hold them; `whole` marks the lower axis at whole numbers only."""
    points: Points = []
    for line in lines:
        points += line.points
    (x_low, x_high), x_steps = _axis([x for x, _ in points], whole=whole)
    (y_low, y_high), y_steps = _axis([y for _, y in points], whole=False)
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x_of(value: float) -> float:
        share = (value - x_low) / (x_high - x_low)
        return round(_LEFT + share * width, 1)

    def y_of(value: float) -> float:
        # SVG counts down from the top.
        share = (value - y_low) / (y_high - y_low)
        return round(HEIGHT - _BOTTOM - share * height, 1)

    placed = []
    for line in lines:
        placed.append(Line(line.look, [(x_of(x), y_of(y)) for x, y in line.points]))
    x_marks = [(x_of(value), f"{value:g}") for value in x_steps]
    y_marks = [(y_of(value), f"{value:g}") for value in y_steps]
    return Chart(title, x_title, x_marks, y_marks, placed)


def _axis(values: Sequence[float], *, whole: bool) -> tuple[Range, list[float]]:
    """Return a range that holds the finite values, and a few round numbers in it."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if low == high:
        # One value has no range to divide by: it stands in the middle of one.
        low, high = low - 0.5, high + 0.5
    # The largest of 1, 2 and 5 times a power of ten of which three steps fit into the range.
    third = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(third))
    step = power
    for factor in (2, 5):
        if factor * power <= third:
            step = factor * power
    if whole:
        step = max(1.0, round(step))
        first, last = math.ceil(low / step), math.floor(high / step)
        return (low, high), [k * step for k in range(first, last + 1)]
    # The tiny part: 0.3 / 0.1 is a little less than 3 in floating point.
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marks = [round(k * step, 10) for k in range(first, last + 1)]
    return (first * step, last * step), marks
