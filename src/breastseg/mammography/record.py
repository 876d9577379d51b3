"""What is written of a film: film.json, and its rows of films.csv and findings.csv."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import DatasetError
from breastseg.json_files import JsonObject, read_json
from breastseg.mammography.findings import (
    Circle,
    Finding,
    Mask,
    Polygon,
    Rectangle,
    Shape,
    bounds_of,
)
from breastseg.mammography.masks import ARTEFACT, BACKGROUND, BREAST, MUSCLE, OUTSIDE

RECORD, IMAGE, MASKS, CUT = "film.json", "image.png", "labels.png", "muscle.png"
LABELS = {
    "outside": OUTSIDE,
    "background": BACKGROUND,
    "breast": BREAST,
    "muscle": MUSCLE,
    "artefact": ARTEFACT,
}


def finding_rows(findings: Sequence[Finding], masks: Mapping[int, Mask]) -> list[JsonObject]:
    """Return a row of findings.csv for each finding, in pixels of the prepared image.

    Args:
        findings: on the prepared image.
        masks: (H, W) of those that are masks, by their place.
    """
    rows = []
    for place, finding in enumerate(findings):
        row: JsonObject = {
            "finding": place + 1,
            "kind": finding.kind,
            "pathology": finding.pathology,
            "birads": finding.birads,
            "told": finding.told,
        }
        if finding.shape is not None:
            row.update(_place(finding.shape, masks.get(place)))
        if place in masks:
            row["mask"] = mask_name(place)
        rows.append(row)
    return rows


def mask_name(place: int) -> str:
    """Return the file of a finding's mask."""
    return f"finding-{place + 1}.png"


def _place(shape: Shape, mask: Mask | None) -> JsonObject:
    kinds = {Circle: "circle", Rectangle: "box", Polygon: "polygon"}
    row: JsonObject = {"shape": kinds.get(type(shape), "mask")}
    bounds = bounds_of(shape, mask)
    if bounds is None:
        return row
    names = ("left_px", "top_px", "right_px", "bottom_px")
    for name, value in zip(names, bounds, strict=True):
        row[name] = round(value, 1)  # tenths: nobody draws finer
    if isinstance(shape, Circle):
        row["x_px"] = round(shape.x_px, 1)
        row["y_px"] = round(shape.y_px, 1)
        row["radius_px"] = round(shape.radius_px, 1)
    if isinstance(shape, Polygon):
        points = []
        for x, y in shape.points_px:
            points.append([round(x, 1), round(y, 1)])
        row["points_px"] = points
    return row


def areas_of(labels: npt.NDArray[np.uint8], mm_per_px: float | None) -> JsonObject:
    """Return the areas of breast and muscle, in pixels, and in mm2 where a pixel's size is known.

    Args:
        labels: (H, W) label image.
        mm_per_px: millimetres a pixel.
    """
    counts = np.bincount(labels.ravel(), minlength=len(LABELS))
    areas: JsonObject = {}
    for name in ("breast", "muscle"):
        pixels = int(counts[LABELS[name]])
        area_mm2 = None
        if mm_per_px is not None:
            area_mm2 = round(pixels * mm_per_px**2, 1)
        areas[f"{name}_px"] = pixels
        areas[f"{name}_mm2"] = area_mm2
    return areas


def lengths_of(labels: npt.NDArray[np.uint8]) -> dict[str, int]:
    """Return how many rows breast (with its muscle) and muscle reach down, from the breast's top.

    Args:
        labels: (H, W) label image.
    """
    is_muscle = labels == LABELS["muscle"]
    is_tissue = is_muscle | (labels == LABELS["breast"])
    breast = np.flatnonzero(is_tissue.any(axis=1))  # rows
    muscle = np.flatnonzero(is_muscle.any(axis=1))
    lengths = {"breast_length_px": 0, "muscle_length_px": 0}
    if breast.size:
        top = int(breast[0])
        lengths["breast_length_px"] = int(breast[-1]) + 1 - top
        if muscle.size:  # muscle is tissue, so that there is a top
            lengths["muscle_length_px"] = int(muscle[-1]) + 1 - top
    return lengths


def film_row(record: Mapping[str, Any]) -> JsonObject:
    """Return the row of films.csv of a film's record."""
    names = (
        "film",
        "data_set",
        "patient",
        "laterality",
        "view",
        "mm_per_px",
        "mm_origin",
        "width_px",
        "height_px",
        "chest_wall",
        "chest_wall_sure",
        "muscle_score",
        "breast_px",
        "breast_mm2",
        "muscle_px",
        "muscle_mm2",
        "fibroglandular_share",
        "density_proposed",
        "density_also",
    )
    row = {name: record[name] for name in names}
    row["findings"] = len(record["findings"])
    pathologies = {finding["pathology"] for finding in record["findings"]}
    row["pathology"] = ""
    for pathology in ("benign", "malignant"):  # the worse one stays
        if pathology in pathologies:
            row["pathology"] = pathology
    row.update(record["facts"])
    row["notes"] = "; ".join(record["notes"])
    return row


def read_record(path: Path) -> JsonObject:
    """Read a film.json of this program; DatasetError when it is none."""
    record = read_json(path, DatasetError, "the record of a prepared film")
    wanted = {"film", "findings", "facts", "notes", "history", "mm_per_px", "muscle_length_px"}
    if not isinstance(record, dict) or not wanted <= record.keys():
        raise DatasetError(
            f"{path}: not the record of a prepared film; remove its folder and prepare it again"
        )
    return record


def film_record(films: Path, film: str) -> JsonObject:
    """Return the record of a film of a prepared folder, with findings that can be looked at.

    Raises:
        DatasetError: a name that is no folder's, no record, or one that was changed.
    """
    if Path(film).name != film:
        raise DatasetError(f"{films / 'films.csv'}: film '{film}', wanted the name of its folder")
    record = read_record(films / film / RECORD)
    findings = record["findings"]
    mm_per_px = record["mm_per_px"]
    is_list = isinstance(findings, list) and all(isinstance(row, dict) for row in findings)
    is_size = mm_per_px is None or (isinstance(mm_per_px, float | int) and mm_per_px > 0)
    if not is_list or not is_size:
        raise DatasetError(f"{film}: its {RECORD} was changed; prepare the film again")
    return record
