"""Where errors gather: scores by hospital, scanner, strength of stain, or a column of a table of
patients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from breastseg.data.dataset import Dataset
from breastseg.data.regions_table import SCANNER
from breastseg.errors import InputError
from breastseg.evaluation.figures import Ends, Group, GroupFigures, Grouping, GroupShare
from breastseg.evaluation.intervals import dot_intervals, intervals
from breastseg.evaluation.patients import Column
from breastseg.evaluation.presence import PresenceRow
from breastseg.evaluation.summary import RegionCounts, classes_of, dots_of, overall_of
from breastseg.histology.stains import stain_strength
from breastseg.metrics import presence, summed_by
from breastseg.metrics.confusion import Counts
from breastseg.wording import counted

UNKNOWN = "unknown"
HOSPITAL, HAEMATOXYLIN, EOSIN = "hospital", "haematoxylin", "eosin"
FEW_PATIENTS = 5
"""Below it a group has no interval: draws among so few say next to nothing."""
LEAST_FOR_THIRDS = 6
"""Regions or patients with a value: two a third."""
MOST_GROUPS = 30
MOST_PLAIN = 6
"""Different numbers that are groups of their own; more are cut into thirds."""
THIRDS = ("lowest third", "middle third", "highest third")
"""How their groups are called; the ends of their values stand behind."""


@dataclass(frozen=True)
class Members:
    """Which group each region is in.

    Attributes:
        by: what tells groups apart.
        how: the same in words.
        of: group by region; empty where there are none.
        names: the groups in their order.
        note: what should be known of them.
    """

    by: str
    how: str
    of: Mapping[str, str]
    names: Sequence[str]
    note: str | None = None


def groupings(
    counts: Mapping[str, RegionCounts],
    data: Dataset,
    names: list[str],
    columns: Sequence[Column],
    wholes: Sequence[PresenceRow] = (),
) -> tuple[Grouping, ...]:
    """Return scores by each grouping.

    Args:
        counts: what was counted, by region.
        data: the data set.
        names: of the K classes.
        columns: of a table of patients; one of the name of another grouping takes its place.
        wholes: what is known of whole regions, from `presence_rows`.

    Raises:
        InputError: a column with more than `MOST_GROUPS` values.
    """
    regions = list(counts)
    patients = {region: str(data.regions.at[region, "patient"]) for region in regions}
    asked = [_by_column(column, patients) for column in columns]
    taken = {members.by for members in asked}
    every = []
    for members in (*_known(data, regions), *_by_stain(data, regions)):
        # What a person writes of hospital or scanner goes before what names and tags say.
        if members.by not in taken:
            every.append(members)
    every += asked
    return tuple(_grouping(members, counts, patients, names, wholes) for members in every)


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse a column that has too many groups, before anything is computed."""
    for column in columns:
        number = len(set(column.text.values()))
        if not _in_thirds(column) and number > MOST_GROUPS:
            raise InputError(
                f"{column.table}: column {column.name} has {number} values among the scored"
                f" patients, wanted up to {MOST_GROUPS} groups, or numbers alone"
            )


def group_rows(groups: Sequence[Grouping]) -> list[dict[str, str | float]]:
    """Return the rows of per_group.csv: areas and dots of each group, and classes where they are
    not."""
    rows: list[dict[str, str | float]] = []
    for grouping in groups:
        for name, group in grouping.groups.items():
            for kind, score, figures in (
                ("areas", "mean Dice", group.areas),
                ("dots", "balanced accuracy", group.dots),
            ):
                if figures is not None:
                    rows.append(_row(grouping.by, name, kind, score, figures))
            without = group.without or {}
            for class_name, share in without.items():
                rows.append(_share_row(grouping.by, name, class_name, share))
    return rows


def _share_row(by: str, name: str, kind: str, share: GroupShare) -> dict[str, str | float]:
    low, high = share.interval or (float("nan"), float("nan"))
    return {
        "by": by,
        "group": name,
        "of": f"without {kind}",
        "regions": share.regions,
        "patients": share.patients,
        "measure": "share of the map",
        "score": share.share,
        "low": low,
        "high": high,
    }


def _row(
    by: str, name: str, kind: str, score: str, figures: GroupFigures
) -> dict[str, str | float]:
    low, high = figures.interval or (float("nan"), float("nan"))
    row: dict[str, str | float] = {
        "by": by,
        "group": name,
        "of": kind,
        "regions": figures.regions,
        "patients": figures.patients,
        "measure": score,
        "score": figures.score,
        "low": low,
        "high": high,
        "support": figures.support,
        "support_percent": figures.support_percent,
        "errors_percent": figures.errors_percent,
    }
    for class_name, value in figures.classes.items():
        row[f"{class_name}_score"] = value
    return row


def _known(data: Dataset, regions: list[str]) -> list[Members]:
    """Return groupings by what the data set knows: hospital, and scanner where a slide names it."""
    table = data.regions.loc[regions]
    sites = [str(site) or UNKNOWN for site in table["site"]]
    groupings = [_plain(HOSPITAL, "where the tissue comes from", regions, sites)]
    # Only data sets with a slide that names its scanner have the column.
    if SCANNER in table and (table[SCANNER] != "").any():
        scanners = [str(scanner) or UNKNOWN for scanner in table[SCANNER]]
        groupings.append(_plain(SCANNER, "what scanned the slide, by its tags", regions, scanners))
    return groupings


def _by_stain(data: Dataset, regions: list[str]) -> list[Members]:
    """Return groupings by strength of stain: thirds of the regions."""
    strengths = [stain_strength(data.image(region)) for region in regions]
    groupings = []
    for channel, stain in enumerate((HAEMATOXYLIN, EOSIN)):
        values = {}
        for region, strength in zip(regions, strengths, strict=True):
            # NaN where the region has no tissue to measure on.
            if not np.isnan(strength[channel]):
                values[region] = strength[channel]
        how = f"thirds of the regions by the mean optical density of {stain} in their tissue"
        groupings.append(_thirds(stain, how, values, regions, lambda region: region, "region"))
    return groupings


def _by_column(column: Column, patients: Mapping[str, str]) -> Members:
    how = f"column {column.name} of {column.table}"
    regions = list(patients)
    numbers = column.numbers
    if numbers is not None and _in_thirds(column):
        return _thirds(
            column.name,
            f"thirds of the patients by {how}",
            numbers,
            regions,
            lambda region: patients[region],
            "patient",
        )
    values = [column.text[patients[region]] or UNKNOWN for region in regions]
    return _plain(column.name, how, regions, values)


def _in_thirds(column: Column) -> bool:
    return column.numbers is not None and len(set(column.numbers.values())) > MOST_PLAIN


def _plain(by: str, how: str, regions: Sequence[str], groups: Sequence[str]) -> Members:
    names = sorted(set(groups) - {UNKNOWN})
    if UNKNOWN in groups:
        names.append(UNKNOWN)
    note = "one group: nothing to compare" if len(names) == 1 else None
    return Members(by, how, dict(zip(regions, groups, strict=True)), names, note)


def _thirds(
    by: str,
    how: str,
    values: Mapping[str, float],
    regions: Sequence[str],
    key: Callable[[str], str],
    noun: str,
) -> Members:
    """Cut what has a value into thirds of equal numbers; equal values stay together."""
    if len(values) < LEAST_FOR_THIRDS:
        note = f"{counted(len(values), noun)} with a value: too few for thirds, {LEAST_FOR_THIRDS}"
        return Members(by, how, {}, (), f"{note} wanted")
    ordered = np.sort(list(values.values()))
    count = len(ordered)
    cuts = [ordered[count // 3 - 1], ordered[count * 2 // 3 - 1]]
    third_of: dict[str, int] = {}
    values_of: dict[int, list[float]] = {}
    for owner, value in values.items():
        # A value that is a cut belongs below it, and so do all that equal it.
        third = int(np.searchsorted(cuts, value))
        third_of[owner] = third
        values_of.setdefault(third, []).append(value)
    names = {}
    # Of many equal values a third may be empty, and has no name then.
    for third in sorted(values_of):
        lowest = min(values_of[third])
        highest = max(values_of[third])
        names[third] = f"{THIRDS[third]}, {_number(lowest)} to {_number(highest)}"
    group_of = {}
    for region in regions:
        third_or_none = third_of.get(key(region))
        group_of[region] = UNKNOWN if third_or_none is None else names[third_or_none]
    groups = list(names.values())
    if UNKNOWN in group_of.values():
        groups.append(UNKNOWN)
    return Members(by, how, group_of, groups)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _grouping(
    members: Members,
    counts_of: Mapping[str, RegionCounts],
    patients: Mapping[str, str],
    names: list[str],
    wholes: Sequence[PresenceRow],
) -> Grouping:
    """Return the scores of each group of one grouping."""
    groups = {}
    areas: dict[str, Counts] = {}
    dots: dict[str, Counts] = {}
    for region, counts in counts_of.items():
        if counts.pixels.any():
            areas[region] = counts.pixels
        if counts.dots.any():
            dots[region] = counts.dots
    for name in members.names:
        inside = {region for region, group in members.of.items() if group == name}
        rows = [row for row in wholes if row["region"] in inside]
        group = Group(
            areas=_figures(areas, inside, patients, names, of_dots=False),
            dots=_figures(dots, inside, patients, names, of_dots=True),
            without=_without(rows, names),
        )
        if group.areas or group.dots or group.without:
            groups[name] = group
    return Grouping(by=members.by, how=members.how, groups=groups, note=members.note)


def _figures(
    counts: Mapping[str, Counts],
    inside: set[str],
    patients: Mapping[str, str],
    names: list[str],
    *,
    of_dots: bool,
) -> GroupFigures | None:
    """Return the figures of the regions inside a group; None where they have no truth.

    Args:
        counts: by region, of all groups.
        inside: regions of this one.
        patients: by region.
        names: of the K classes.
        of_dots: whether dots are counted.
    """
    regions = [region for region in counts if region in inside]
    if not regions:
        return None
    own = np.array([counts[region] for region in regions])  # (R, T, K + 1)
    pooled = own.sum(axis=0)  # (T, K + 1)
    every = np.array(list(counts.values())).sum(axis=0)  # (T, K + 1), of all groups
    support, errors = _support_and_errors(pooled, names, of_dots=of_dots)
    all_support, all_errors = _support_and_errors(every, names, of_dots=of_dots)
    score, classes = _scores(pooled, names, of_dots=of_dots)
    patient_of_region = [patients[region] for region in regions]
    by_patient = summed_by(own, patient_of_region)
    return GroupFigures(
        regions=len(regions),
        patients=len(by_patient),
        score=score,
        interval=_interval(by_patient, names, of_dots=of_dots),
        classes=classes,
        support=support,
        support_percent=100 * support / all_support,
        errors_percent=100 * errors / all_errors if all_errors else float("nan"),
    )


def _without(rows: Sequence[PresenceRow], names: list[str]) -> dict[str, GroupShare] | None:
    """Return, by class, its share of the map where it is known to be nowhere; None where that is
    known of no region."""
    shares = {}
    for name in names:
        own = [row for row in rows if row["class"] == name and row["known"] == "without"]
        if not own:
            continue
        patients = [row["patient"] for row in own]
        share = np.array([row["share"] for row in own])  # (R,)
        has_class = np.zeros(len(own), np.bool_)  # these regions all lack it
        figures = presence(share, has_class, patients)
        number = len(set(patients))
        ends = figures["intervals"]["share_without"]
        if number < FEW_PATIENTS:
            ends = None
        shares[name] = GroupShare(
            regions=len(own),
            patients=number,
            share=figures["share_without"],
            interval=None if ends is None else (ends[0], ends[1]),
        )
    return shares or None


def _scores(counts: Counts, names: list[str], *, of_dots: bool) -> tuple[float, dict[str, float]]:
    """Return the score that a group is judged by, and the same by class."""
    if of_dots:
        dots = dots_of(counts, names)
        accuracies = {name: row.accuracy for name, row in dots.classes.items()}
        return dots.overall.balanced_accuracy, accuracies
    dice = {name: row.dice for name, row in classes_of(counts, names).items()}
    return overall_of(counts).mean_dice, dice


def _support_and_errors(counts: Counts, names: list[str], *, of_dots: bool) -> tuple[int, int]:
    """Return what has truth, and how much of it is named wrong."""
    support = int(counts.sum())
    if of_dots:
        right = round(dots_of(counts, names).overall.accuracy * support)
        return support, support - right
    # Column 0 is "not analysed": without it the diagonal is what is named right.
    right = int(np.diagonal(counts[:, 1:]).sum())
    return support, support - right


def _interval(by_patient: Mapping[str, Counts], names: list[str], *, of_dots: bool) -> Ends:
    """Return the interval of a group's score; None where it has few patients."""
    if len(by_patient) < FEW_PATIENTS:
        return None
    if of_dots:
        dot_ends = dot_intervals(by_patient, names).overall
        return None if dot_ends is None else dot_ends["balanced_accuracy"]
    ends = intervals(by_patient, names).overall
    return None if ends is None else ends["mean_dice"]
