"""What was counted region by region -> every figure of scores.json, and the tables of regions and
hospitals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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


def figures_of(
    found: Mapping[str, RegionCounts], table: pd.DataFrame, names: list[str]
) -> dict[str, Any]:
    """Return every figure that follows from counts.

    Args:
        found: by region.
        table: patient and site of each region, by region.
        names: of the K classes.
    """
    areas = {region: one for region, one in found.items() if one.pixels.any()} or dict(found)
    counts = np.array([one.pixels for one in areas.values()])
    patients, sites = (table.loc[list(areas), column].tolist() for column in ("patient", "site"))
    pooled, dots = counts.sum(axis=0), np.array([one.dots for one in found.values()])
    drawn = intervals(summed_by(counts, patients), names)
    if "draws" in drawn:
        drawn |= region_intervals(counts, patients, [one.surface for one in areas.values()], names)
    pooled_classes = class_scores(pooled, names)
    for k, (regions, people) in enumerate(zip(*supports(counts, patients), strict=True)):
        pooled_classes[names[k]] |= {
            "support_regions": int(regions),
            "support_patients": int(people),
        }
    return {
        "overall": overall_scores(pooled),
        "pooled": pooled_classes,
        "mean_per_region": region_means(counts, names),
        "intervals": drawn,
        "boundary": _boundary(areas, names),
        "hospitals": _hospitals(counts, patients, sites, partial(_scored, names=names)),
        "regions": {region: _region(one, names) for region, one in found.items()},
        **({"dots": _dots(dots, table.loc[list(found)], names)} if dots.any() else {}),
    }


def probability_figures(
    by_patient: Mapping[str, ProbabilityCounts], names: list[str]
) -> dict[str, Any]:
    """Return AUC by class with the bound of its error, their mean, the expected calibration error
    and its table; and intervals."""
    counts = ProbabilityCounts.total(list(by_patient.values()))
    area, bound = counts.auc()
    return {
        "mean_auc": float(known_mean(area, axis=0)),
        "ece": counts.ece(),
        "classes": {
            name: {"auc": float(area[k]), "auc_error_at_most": float(bound[k])}
            for k, name in enumerate(names)
        },
        "reliability": counts.reliability(),
        "intervals": probability_intervals(by_patient, names),
    }


def region_rows(figures: Mapping[str, Any], table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of per_region.csv: regions with annotated pixels, with their overall scores
    and those of each class."""
    return [
        {
            "region": region,
            "patient": table.loc[region, "patient"],
            "site": table.loc[region, "site"],
            **values["overall"],
            **{
                f"{name}_{score}": row[score]
                for score in ("support_px", "dice", "recall")
                for name, row in values["classes"].items()
            },
            **{
                f"{name}_{score}": row[score]
                for score in ("surface_dice", "hd95_um")
                for name, row in values["boundary"].items()
            },
        }
        for region, values in figures["regions"].items()
        if values["overall"]["support_px"]
    ]


def hospital_rows(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of per_hospital.csv."""
    return [
        {
            "site": site,
            "patients": values["patients"],
            "regions": values["regions"],
            **values["overall"],
            **{
                f"{name}_{score}": row[score]
                for score in ("support_px", "dice")
                for name, row in values["classes"].items()
            },
        }
        for site, values in figures["hospitals"].items()
    ]


def _boundary(areas: Mapping[str, RegionCounts], names: list[str]) -> dict[str, Any]:
    """Return pooled surface Dice, and the means over regions of surface Dice and HD95."""
    counts, hd95 = (
        np.array([getattr(one.surface, name) for one in areas.values()])
        for name in ("counts", "hd95_um")
    )
    pooled = counts.sum(axis=0)
    figures = {
        "surface_dice": surface_dice(pooled),
        "region_surface_dice": known_mean(surface_dice(counts), axis=0),
        "region_hd95_um": known_mean(hd95, axis=0),
    }
    regions = (~np.isnan(hd95)).sum(axis=0)
    classes = {
        name: {
            **{key: float(values[k]) for key, values in figures.items()},
            "hd95_regions": int(regions[k]),
            "border_px": int(pooled[k, 0]),
        }
        for k, name in enumerate(names)
    }
    return {"tolerance_um": TOLERANCE_UM, "classes": classes}


def _dots(counts: Counts, table: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Return the scores of (R, K, K + 1) dots, their intervals and those of each hospital."""
    known = counts.any(axis=(1, 2))
    rows = table[known]
    patients, sites = rows["patient"].tolist(), rows["site"].tolist()
    return {
        **dot_scores(counts.sum(axis=0), names),
        "intervals": dot_intervals(summed_by(counts[known], patients), names),
        "hospitals": _hospitals(counts[known], patients, sites, partial(_dots_scored, names=names)),
    }


def _hospitals(
    counts: Counts, patients: list[str], sites: list[str], score: Callable[[Counts], dict[str, Any]]
) -> dict[str, Any]:
    """Return the scores of the (R, K, K + 1) counts of each hospital, with how many regions and
    patients it has."""
    named = [site or _UNKNOWN for site in sites]
    people: dict[str, list[str]] = {site: [] for site in named}
    for patient, site in zip(patients, named, strict=True):
        people[site].append(patient)
    return {
        site: {"regions": len(people[site]), "patients": len(set(people[site])), **score(total)}
        for site, total in summed_by(counts, named).items() if total.any()
    }  # fmt: skip


def _region(one: RegionCounts, names: list[str]) -> dict[str, Any]:
    dice, hd95 = surface_dice(one.surface.counts), one.surface.hd95_um
    boundary = {
        name: {"surface_dice": float(dice[k]), "hd95_um": float(hd95[k])}
        for k, name in enumerate(names)
    }
    dots = {"dots": _dots_scored(one.dots, names)} if one.dots.any() else {}
    return {**_scored(one.pixels, names), "boundary": boundary, **dots}


def _scored(counts: Counts, names: list[str]) -> dict[str, Any]:
    return {"overall": overall_scores(counts), "classes": class_scores(counts, names)}


def _dots_scored(counts: Counts, names: list[str]) -> dict[str, Any]:
    found = dot_scores(counts, names)
    return {"overall": found["overall"], "classes": found["classes"]}
