"""Groups of an evaluation, the worst first, as rows of a table and places in a chart."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from breastseg.evaluation.figures import GroupFigures, GroupShare
from breastseg.evaluation.groups import FEW_PATIENTS, THIRDS
from breastseg.evaluation.scores import Scores

WIDTH = 320
LEFT, RIGHT, TOP, ROW, BOTTOM = 132, 310, 8, 20, 38
"""Of a chart: where scores of 0 and 1 lie, its upper edge, the height of a row, and of what is
below them."""
_LABEL = 22  # letters of the chart's small print that fit into LEFT
_MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class GroupRow:
    """One group.

    Attributes:
        name: of the group.
        figures: of its areas or dots.
        too_few: that it has too few patients for an interval; empty where they are enough.
        times: its rate of errors as a multiple of that of all groups; NaN without errors.
        label: the name, shortened for the chart.
        y: where it lies in the chart.
        x: where its score lies; None without a score.
        ends: where its interval lies; None without one.
    """

    name: str
    figures: GroupFigures
    too_few: str
    times: float
    label: str
    y: float
    x: float | None
    ends: tuple[float, float] | None


@dataclass(frozen=True)
class GroupView:
    """What a page shows of one grouping.

    Attributes:
        by: what tells groups apart.
        how: the same in words.
        of: "areas" or "dots".
        score: what is compared.
        rows: lowest score first.
        classes: those that any group has.
        whole: where the score of all regions lies in the chart; None without one.
        height: of the chart.
        marks: places and words of its axis.
    """

    by: str
    how: str
    of: str
    score: str
    rows: list[GroupRow]
    classes: list[str]
    whole: float | None
    height: int
    marks: list[tuple[float, str]]


@dataclass(frozen=True)
class ShareView:
    """A class where it is known to be nowhere, by one grouping.

    Attributes:
        by: what tells groups apart.
        kind: the class.
        rows: name and figures of each group, the greatest share first.
    """

    by: str
    kind: str
    rows: list[tuple[str, GroupShare]]


def share_views(scores: Scores) -> list[ShareView]:
    """Return what a page shows of classes where they are not, of each grouping with two groups or
    more that have such regions."""
    views = []
    for grouping in scores.groups or ():
        for kind in scores.label_map.names:
            rows = []
            for name, group in grouping.groups.items():
                if group.without and kind in group.without:
                    rows.append((name, group.without[kind]))
            # Where nothing was analysed there is no share: such a group goes with those of 0.
            rows.sort(key=lambda row: (-_or_zero(row[1].share), row[0]))
            if len(rows) > 1:
                views.append(ShareView(grouping.by, kind, rows))
    return views


def _or_zero(share: float) -> float:
    return 0.0 if math.isnan(share) else share


def group_views(scores: Scores) -> list[GroupView]:
    """Return what a page shows of the groups of areas, then of dots, of each grouping that has
    two or more."""
    return [view for view in _views(scores) if len(view.rows) > 1]


def group_notes(scores: Scores) -> list[str]:
    """Return what should be known of groupings, or why there is nothing to compare."""
    notes = []
    noted = set()
    for grouping in scores.groups or ():
        if grouping.note:
            notes.append(f"{grouping.by}: {grouping.note}")
            noted.add(grouping.by)
    for view in _views(scores):
        if len(view.rows) == 1 and view.by not in noted:
            notes.append(f"{view.of} by {view.by}: one group alone has some, {view.rows[0].name}")
    return notes


def _views(scores: Scores) -> Iterator[GroupView]:
    whole_dots = scores.dots.overall.balanced_accuracy if scores.dots else None
    for grouping in scores.groups or ():
        areas = []
        dots = []
        for name, group in grouping.groups.items():
            if group.areas:
                areas.append((name, group.areas))
            if group.dots:
                dots.append((name, group.dots))
        if areas:
            whole = scores.overall.mean_dice
            yield _view(grouping.by, grouping.how, "areas", "mean Dice", areas, whole)
        if dots:
            yield _view(grouping.by, grouping.how, "dots", "balanced accuracy", dots, whole_dots)


def _view(
    by: str,
    how: str,
    of: str,
    score: str,
    groups: Sequence[tuple[str, GroupFigures]],
    whole: float | None,
) -> GroupView:
    ordered = sorted(groups, key=lambda pair: (_last(pair[1].score), pair[0]))
    rows = [_row(name, figures, place) for place, (name, figures) in enumerate(ordered)]
    classes: dict[str, None] = {}  # each once, in the order in which groups have them
    for _, figures in groups:
        for name in figures.classes:
            if _any_has(groups, name):
                classes[name] = None
    marks = [(_x(value), f"{value:g}") for value in _MARKS]
    height = TOP + ROW * len(rows) + BOTTOM
    return GroupView(by, how, of, score, rows, list(classes), _place(whole), height, marks)


def _any_has(groups: Sequence[tuple[str, GroupFigures]], name: str) -> bool:
    """Return whether any group has a score of a class."""
    scores = [figures.classes.get(name, math.nan) for _, figures in groups]
    return not all(map(math.isnan, scores))


def _row(name: str, figures: GroupFigures, place: int) -> GroupRow:
    few = figures.patients < FEW_PATIENTS
    ends = figures.interval
    return GroupRow(
        name=name,
        figures=figures,
        too_few="too few" if few else "",
        times=figures.errors_percent / figures.support_percent,
        label=_label(name),
        y=TOP + ROW * (place + 0.5),
        x=_place(figures.score),
        ends=(_x(ends[0]), _x(ends[1])) if ends else None,
    )


def _label(name: str) -> str:
    """Shorten a name: of a third, its numbers are in the table."""
    head = name.partition(", ")[0] if name.startswith(THIRDS) else name
    return head if len(head) <= _LABEL else f"{head[: _LABEL - 1]}…"


def _last(score: float) -> float:
    """Return a score to sort by: NaN, which sorts anywhere, goes behind all others."""
    return math.inf if math.isnan(score) else score


def _place(score: float | None) -> float | None:
    return None if score is None or math.isnan(score) else _x(score)


def _x(score: float) -> float:
    return round(LEFT + score * (RIGHT - LEFT), 1)
