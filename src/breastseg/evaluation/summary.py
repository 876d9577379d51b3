"""What was counted region by region -> every figure of scores.json, and the tables of regions and
hospitals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.evaluation.figures import (
    Auc,
    BorderScores,
    Boundary,
    ClassScores,
    Dots,
    DotsHospital,
    Hospital,
    Intervals,
    Level,
    Means,
    Overall,
    Probabilities,
    Region,
    RegionBorder,
    RegionDots,
)
from breastseg.evaluation.intervals import (
    dot_intervals,
    intervals,
    probability_intervals,
    region_intervals,
)
from breastseg.metrics import (
    ProbabilityCounts,
    Surface,
    class_scores,
    dot_scores,
    overall_scores,
    region_means,
    summed_by,
    supports,
    surface_dice,
)
from breastseg.metrics.confusion import Counts
from breastseg.metrics.rates import known_mean
from breastseg.metrics.surface import TOLERANCE_UM
from breastseg.records import from_json, to_json

_UNKNOWN = "unknown"


@dataclass(frozen=True)
class RegionCounts:
    """What was counted in one region.

    Attributes:
        pixels: (K, K + 1).
        dots: (2 K, K + 1), as `place_counts` has them.
        surface: borders.
        named: (K + 1,) pixels of the map by label.
    """

    pixels: Counts
    dots: Counts
    surface: Surface
    named: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Figures:
    """Every figure that follows from counts, as `Scores` has them."""

    overall: Overall
    pooled: dict[str, ClassScores]
    mean_per_region: Means
    intervals: Intervals
    boundary: Boundary
    hospitals: dict[str, Hospital]
    regions: dict[str, Region]
    dots: Dots | None


def figures_of(
    counts: Mapping[str, RegionCounts], table: pd.DataFrame, names: list[str]
) -> Figures:
    """Return every figure that follows from counts.

    Args:
        counts: by region.
        table: patient and site of each region, by region.
        names: of the K classes.
    """
    areas: dict[str, RegionCounts] = {}
    for region, counted in counts.items():
        if counted.pixels.any():
            areas[region] = counted
    if not areas:
        areas = dict(counts)  # dots alone: figures of areas are written too, and are NaN
    pixels = np.array([counted.pixels for counted in areas.values()])  # (R, K, K + 1)
    dots = np.array([counted.dots for counted in counts.values()])  # (R, 2 K, K + 1)
    rows = table.loc[list(areas)]
    patients = rows["patient"].tolist()
    sites = rows["site"].tolist()
    return Figures(
        overall=overall_of(pixels.sum(axis=0)),
        pooled=_pooled(pixels, patients, names),
        mean_per_region=from_json(Means, region_means(pixels, names), "mean_per_region"),
        intervals=_intervals(areas, pixels, patients, names),
        boundary=_boundary(areas, names),
        hospitals=_hospitals(pixels, patients, sites, names),
        regions={region: _region(counted, names) for region, counted in counts.items()},
        dots=_dots(dots, table.loc[list(counts)], names) if dots.any() else None,
    )


def _pooled(counts: Counts, patients: list[str], names: list[str]) -> dict[str, ClassScores]:
    """Return the scores of each class of (R, K, K + 1) counts, with who has some of it."""
    classes = classes_of(counts.sum(axis=0), names)
    regions, people = supports(counts, patients)  # (K,) each
    for k, name in enumerate(names):
        classes[name] = replace(
            classes[name], support_regions=int(regions[k]), support_patients=int(people[k])
        )
    return classes


def _intervals(
    areas: Mapping[str, RegionCounts], counts: Counts, patients: list[str], names: list[str]
) -> Intervals:
    """Return the intervals of pooled scores, of means over regions and of borders."""
    pooled = intervals(summed_by(counts, patients), names)
    if not pooled.draws:
        return pooled
    surfaces = [counted.surface for counted in areas.values()]
    ends = region_intervals(counts, patients, surfaces, names)
    if ends is None:
        return pooled
    means, boundary = ends
    return replace(pooled, mean_per_region=means, boundary=boundary)


def overall_of(counts: Counts) -> Overall:
    """Return the scores over all classes of (K, K + 1) counts."""
    return from_json(Overall, overall_scores(counts), "overall")


def classes_of(counts: Counts, names: Sequence[str]) -> dict[str, ClassScores]:
    """Return the scores of each class of (K, K + 1) counts."""
    classes = {}
    for name, row in class_scores(counts, names).items():
        classes[name] = from_json(ClassScores, row, name)
    return classes


def dots_of(counts: Counts, names: Sequence[str]) -> RegionDots:
    """Return the scores of dots of (K or 2 K, K + 1) counts, with the counts."""
    return from_json(RegionDots, dot_scores(counts, names), "dots")


def probability_figures(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> Probabilities:
    """Return AUC by class with the bound of its error, their mean, the expected calibration error
    and its table; and intervals."""
    counts = ProbabilityCounts.total(list(by_patient.values()))
    area, bound = counts.auc()  # (K,) each
    classes = {}
    for k, name in enumerate(names):
        classes[name] = Auc(auc=float(area[k]), auc_error_at_most=float(bound[k]))
    levels = [from_json(Level, row, "reliability") for row in counts.reliability()]
    return Probabilities(
        mean_auc=float(known_mean(area, axis=0)),
        ece=counts.ece(),
        classes=classes,
        reliability=tuple(levels),
        intervals=probability_intervals(by_patient, names),
    )


def region_rows(regions: Mapping[str, Region], table: pd.DataFrame) -> list[dict[str, str | float]]:
    """Return the rows of per_region.csv: regions with annotated pixels, with their overall scores
    and those of each class."""
    rows = []
    for region, values in regions.items():
        if not values.overall.support_px:
            continue
        row: dict[str, str | float] = {
            "region": region,
            "patient": str(table.at[region, "patient"]),
            "site": str(table.at[region, "site"]),
            **to_json(values.overall),
        }
        row |= _by_score(values.classes, ("support_px", "dice", "recall"))
        row |= _by_score(values.boundary, ("surface_dice", "hd95_um"))
        rows.append(row)
    return rows


def hospital_rows(hospitals: Mapping[str, Hospital]) -> list[dict[str, str | float]]:
    """Return the rows of per_hospital.csv."""
    rows = []
    for site, values in hospitals.items():
        row: dict[str, str | float] = {
            "site": site,
            "patients": values.patients,
            "regions": values.regions,
            **to_json(values.overall),
        }
        row |= _by_score(values.classes, ("support_px", "dice"))
        rows.append(row)
    return rows


def _by_score(
    classes: Mapping[str, ClassScores] | Mapping[str, RegionBorder], scores: Sequence[str]
) -> dict[str, float]:
    """Return columns CLASS_SCORE: each score of all classes, then the next."""
    columns = {}
    for score in scores:
        for name, row in classes.items():
            columns[f"{name}_{score}"] = getattr(row, score)
    return columns


def _boundary(areas: Mapping[str, RegionCounts], names: list[str]) -> Boundary:
    """Return pooled surface Dice, and the means over regions of surface Dice and HD95."""
    surfaces = [counted.surface for counted in areas.values()]
    counts = np.array([surface.counts for surface in surfaces])  # (R, K, 4)
    hd95 = np.array([surface.hd95_um for surface in surfaces])  # (R, K)
    # From here on (K,) but `pooled`, (K, 4). A region without the class is NaN and not counted.
    pooled = counts.sum(axis=0)
    dice = surface_dice(pooled)
    region_dice = known_mean(surface_dice(counts), axis=0)
    region_hd95 = known_mean(hd95, axis=0)
    regions = (~np.isnan(hd95)).sum(axis=0)
    classes = {}
    for k, name in enumerate(names):
        classes[name] = BorderScores(
            surface_dice=float(dice[k]),
            region_surface_dice=float(region_dice[k]),
            region_hd95_um=float(region_hd95[k]),
            hd95_regions=int(regions[k]),
            border_px=int(pooled[k, 0]),
        )
    return Boundary(tolerance_um=TOLERANCE_UM, classes=classes)


def _dots(counts: Counts, table: pd.DataFrame, names: list[str]) -> Dots:
    """Return the scores of (R, K, K + 1) dots, their intervals and those of each hospital."""
    has_dots = counts.any(axis=(1, 2))  # (R,)
    counts = counts[has_dots]
    rows = table[has_dots]
    patients = rows["patient"].tolist()
    sites = rows["site"].tolist()
    hospitals = {}
    for site, (regions, people, total) in _by_site(counts, patients, sites).items():
        scores = dots_of(total, names)
        hospitals[site] = DotsHospital(
            regions=regions, patients=people, overall=scores.overall, classes=scores.classes
        )
    pooled = dots_of(counts.sum(axis=0), names)
    return Dots(
        overall=pooled.overall,
        classes=pooled.classes,
        counts=pooled.counts,
        intervals=dot_intervals(summed_by(counts, patients), names),
        hospitals=hospitals,
    )


def _hospitals(
    counts: Counts, patients: list[str], sites: list[str], names: list[str]
) -> dict[str, Hospital]:
    """Return the scores of the (R, K, K + 1) counts of each hospital."""
    hospitals = {}
    for site, (regions, people, total) in _by_site(counts, patients, sites).items():
        hospitals[site] = Hospital(
            regions=regions,
            patients=people,
            overall=overall_of(total),
            classes=classes_of(total, names),
        )
    return hospitals


def _by_site(
    counts: Counts, patients: list[str], sites: list[str]
) -> dict[str, tuple[int, int, Counts]]:
    """Return of each hospital with something annotated how many regions and patients it has, and
    its counts."""
    named_sites = [site or _UNKNOWN for site in sites]
    # One entry a region: a patient with two regions stands in it twice.
    patients_of: dict[str, list[str]] = {}
    for patient, site in zip(patients, named_sites, strict=True):
        patients_of.setdefault(site, []).append(patient)
    by_site = {}
    for site, total in summed_by(counts, named_sites).items():
        if total.any():
            of_site = patients_of[site]
            by_site[site] = len(of_site), len(set(of_site)), total
    return by_site


def _region(counted: RegionCounts, names: list[str]) -> Region:
    dice = surface_dice(counted.surface.counts)  # (K,)
    hd95 = counted.surface.hd95_um
    boundary = {}
    for k, name in enumerate(names):
        boundary[name] = RegionBorder(surface_dice=float(dice[k]), hd95_um=float(hd95[k]))
    dots = None
    if counted.dots.any():
        # Counts of single regions are in dots_counts.csv.
        dots = replace(dots_of(counted.dots, names), counts=None)
    return Region(
        overall=overall_of(counted.pixels),
        classes=classes_of(counted.pixels, names),
        boundary=boundary,
        dots=dots,
    )
