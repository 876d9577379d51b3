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


def figures_of(found: Mapping[str, RegionCounts], table: pd.DataFrame, names: list[str]) -> Figures:
    """Return every figure that follows from counts.

    Args:
        found: by region.
        table: patient and site of each region, by region.
        names: of the K classes.
    """
    areas = {region: one for region, one in found.items() if one.pixels.any()} or dict(found)
    counts = np.array([one.pixels for one in areas.values()])  # (R, K, K + 1)
    patients, sites = (table.loc[list(areas), column].tolist() for column in ("patient", "site"))
    pooled, dots = counts.sum(axis=0), np.array([one.dots for one in found.values()])
    drawn = intervals(summed_by(counts, patients), names)
    if drawn.draws:
        borders = [one.surface for one in areas.values()]
        ends = region_intervals(counts, patients, borders, names)
        if ends:
            drawn = replace(drawn, mean_per_region=ends[0], boundary=ends[1])
    pooled_classes = classes_of(pooled, names)
    for k, (regions, people) in enumerate(zip(*supports(counts, patients), strict=True)):
        pooled_classes[names[k]] = replace(
            pooled_classes[names[k]], support_regions=int(regions), support_patients=int(people)
        )
    return Figures(
        overall=overall_of(pooled),
        pooled=pooled_classes,
        mean_per_region=from_json(Means, region_means(counts, names), "mean_per_region"),
        intervals=drawn,
        boundary=_boundary(areas, names),
        hospitals=_hospitals(counts, patients, sites, names),
        regions={region: _region(one, names) for region, one in found.items()},
        dots=_dots(dots, table.loc[list(found)], names) if dots.any() else None,
    )


def overall_of(counts: Counts) -> Overall:
    """Return the scores over all classes of (K, K + 1) counts."""
    return from_json(Overall, overall_scores(counts), "overall")


def classes_of(counts: Counts, names: Sequence[str]) -> dict[str, ClassScores]:
    """Return the scores of each class of (K, K + 1) counts."""
    found = {}
    for name, row in class_scores(counts, names).items():
        found[name] = from_json(ClassScores, row, name)
    return found


def dots_of(counts: Counts, names: Sequence[str]) -> RegionDots:
    """Return the scores of dots of (K or 2 K, K + 1) counts, with the counts."""
    return from_json(RegionDots, dot_scores(counts, names), "dots")


def probability_figures(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> Probabilities:
    """Return AUC by class with the bound of its error, their mean, the expected calibration error
    and its table; and intervals."""
    counts = ProbabilityCounts.total(list(by_patient.values()))
    area, bound = counts.auc()
    classes = {}
    for k, name in enumerate(names):
        classes[name] = Auc(auc=float(area[k]), auc_error_at_most=float(bound[k]))
    return Probabilities(
        mean_auc=float(known_mean(area, axis=0)),
        ece=counts.ece(),
        classes=classes,
        reliability=tuple(from_json(Level, row, "reliability") for row in counts.reliability()),
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
    return {
        f"{name}_{score}": getattr(row, score) for score in scores for name, row in classes.items()
    }


def _boundary(areas: Mapping[str, RegionCounts], names: list[str]) -> Boundary:
    """Return pooled surface Dice, and the means over regions of surface Dice and HD95."""
    counts = np.array([one.surface.counts for one in areas.values()])  # (R, K, 4)
    hd95 = np.array([one.surface.hd95_um for one in areas.values()])  # (R, K)
    pooled = counts.sum(axis=0)
    dice, region_dice = surface_dice(pooled), known_mean(surface_dice(counts), axis=0)
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
    known = counts.any(axis=(1, 2))
    rows = table[known]
    patients, sites = rows["patient"].tolist(), rows["site"].tolist()
    hospitals = {}
    for site, (regions, people, total) in _by_site(counts[known], patients, sites).items():
        found = dots_of(total, names)
        hospitals[site] = DotsHospital(
            regions=regions, patients=people, overall=found.overall, classes=found.classes
        )
    pooled = dots_of(counts.sum(axis=0), names)
    return Dots(
        overall=pooled.overall,
        classes=pooled.classes,
        counts=pooled.counts,
        intervals=dot_intervals(summed_by(counts[known], patients), names),
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
    named = [site or _UNKNOWN for site in sites]
    people: dict[str, list[str]] = {site: [] for site in named}
    for patient, site in zip(patients, named, strict=True):
        people[site].append(patient)
    found = {}
    for site, total in summed_by(counts, named).items():
        if total.any():
            found[site] = len(people[site]), len(set(people[site])), total
    return found


def _region(one: RegionCounts, names: list[str]) -> Region:
    dice, hd95 = surface_dice(one.surface.counts), one.surface.hd95_um
    boundary = {}
    for k, name in enumerate(names):
        boundary[name] = RegionBorder(surface_dice=float(dice[k]), hd95_um=float(hd95[k]))
    return Region(
        overall=overall_of(one.pixels),
        classes=classes_of(one.pixels, names),
        boundary=boundary,
        dots=replace(dots_of(one.dots, names), counts=None) if one.dots.any() else None,
    )
