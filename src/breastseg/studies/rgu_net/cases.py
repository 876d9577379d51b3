"""Prepared films -> cases: findings that are a circle and no calcification, each on its film.

A circle says where and about how large. It is no outline: what is learned from it and scored by it
is a disc.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import DatasetError
from breastseg.json_files import JsonObject, number_in
from breastseg.mammography.findings import Circle, Finding, paint_shape, scaled
from breastseg.mammography.picture import read_picture
from breastseg.mammography.record import film_record
from breastseg.reporter import Reporter
from breastseg.tables import read_table
from breastseg.wording import counted

Grey: TypeAlias = npt.NDArray[np.float32]

MM_PER_PX = 0.8
CROP_PX = 64
"""Side of a crop: 51.2 mm."""
_LARGEST_PX = CROP_PX / 2
_LEAST_INSIDE = 0.1
"""Share of a circle that must lie on the breast, as `prepare` asks for before it says so."""


@dataclass(frozen=True)
class Case:
    """One finding.

    Attributes:
        film: name of its film.
        finding: its number on the film, from 1.
        patient: whose film it is.
        grey: (H, W) of the whole film at `MM_PER_PX`, 0 where there is no breast.
        circle: the finding, in pixels of `grey`.
        circles: all cases' circles on this film; those that reach into a crop are mass, too.
    """

    film: str
    finding: int
    patient: str
    grey: Grey
    circle: Circle
    circles: tuple[Circle, ...]


def read_cases(films: Path, *, reporter: Reporter) -> list[Case]:
    """Return the cases of a folder that `breastseg mammo prepare` wrote, in the order of films.

    Args:
        films: the folder.
        reporter: who hears of it.

    Raises:
        DatasetError: no prepared films, a film without patient or size, pixels that are too coarse,
            or no case at all.
    """
    table = read_table(films / "films.csv", DatasetError, needed=("film", "patient"), others=True)
    table.needs("patient", "no patient; films of one person must stay together, so fill it in")
    cases: list[Case] = []
    left_out = {"calcification": 0, "no circle": 0, "too large": 0, "outside the breast": 0}
    table.by("film")
    for row in table.rows:
        record = film_record(films, row["film"])
        if not record["findings"]:
            continue
        circles: dict[int, Circle] = {}
        for number, finding in enumerate(record["findings"], start=1):
            cause, circle = _circle(finding, row["film"])
            if circle is None:
                left_out[cause] += 1
            else:
                circles[number] = circle
        if circles:
            cases += _cases(films, row["film"], row["patient"], record, circles, left_out)
    parts = []
    for cause, count in left_out.items():
        if count:
            parts.append(f"{count} {cause}")
    causes = ", ".join(parts)
    if not cases:
        raise DatasetError(
            f"{films}: no finding with a circle ({causes or 'no finding at all'}); wanted films of"
            " mini-MIAS or another data set that gives circles"
        )
    patients = len({case.patient for case in cases})
    reporter.message(f"{counted(len(cases), 'finding')} of {counted(patients, 'patient')}")
    if causes:
        reporter.message(f"findings left out: {causes}")
    return cases


def _circle(finding: JsonObject, film: str) -> tuple[str, Circle | None]:
    """Return a finding's circle, or why it is none of ours."""
    # Its circle goes round a cluster of points: what is inside is not one bright thing.
    if finding.get("kind") == "calcification":
        return "calcification", None
    if finding.get("shape") != "circle":
        return "no circle", None
    values = []
    for name in ("x_px", "y_px", "radius_px"):
        try:
            values.append(number_in(finding.get(name), -1e5, 1e5, name))
        except ValueError as cause:
            raise DatasetError(f"{film}: {cause}; prepare the film again") from None
    return "", Circle(*values)


def _cases(
    films: Path,
    film: str,
    patient: str,
    record: JsonObject,
    circles: dict[int, Circle],
    left_out: dict[str, int],
) -> list[Case]:
    mm_per_px = record["mm_per_px"]
    if mm_per_px is None:
        raise DatasetError(f"{film}: millimetres a pixel are not known; prepare with --pixel-mm")
    if mm_per_px > MM_PER_PX:
        raise DatasetError(
            f"{film}: {mm_per_px:g} mm a pixel, wanted up to {MM_PER_PX}; prepare with"
            " --to-pixel-mm 0.4"
        )
    pixels = read_picture(films / film / "image.png", film).pixels
    factor = mm_per_px / MM_PER_PX
    height = max(1, round(pixels.shape[0] * factor))
    width = max(1, round(pixels.shape[1] * factor))
    values = pixels.astype(np.float32)
    grey = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    usable: dict[int, Circle] = {}
    for number, circle in circles.items():
        shape = scaled(Finding("mass", shape=circle), factor).shape
        assert isinstance(shape, Circle)
        area = paint_shape(shape, (height, width))  # (H, W) bool
        if shape.radius_px > _LARGEST_PX:
            left_out["too large"] += 1
        elif not area.any() or np.mean(grey[area] > 0) < _LEAST_INSIDE:
            left_out["outside the breast"] += 1
        else:
            usable[number] = shape
    together = tuple(usable.values())
    cases = []
    for number, circle in usable.items():
        cases.append(Case(film, number, patient, grey, circle, together))
    return cases
