"""Prepared films -> regions of interest: squares round findings, and squares where there is none.

A square's side is 2.5 radii of its finding, 12.8 to 80 mm. Squares without a finding have the sizes
of those with one: a size must not give them away. Where they lie is drawn from the breast without
its muscle, or is the mirrored place in the other breast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.errors import DatasetError
from breastseg.images.codes import read_codes
from breastseg.json_files import number_in
from breastseg.mammography.masks import BREAST
from breastseg.mammography.record import film_record
from breastseg.reporter import Reporter
from breastseg.studies.rois.config import BENIGN_MALIGNANT, CLASSES, MATCHED, NORMAL_ABNORMAL
from breastseg.tables import read_table
from breastseg.wording import counted

RADII = 2.5
LEAST_MM, MOST_MM = 12.8, 80.0
_TRIES = 200
_ENOUGH_BREAST = 0.75
"""Share of a normal square that should be breast; of 200 draws the first that has it is taken, else
the best."""
_MATCHED_BREAST = 0.5  # less than above: its place is given, and cannot be drawn again
_BOUNDS = ("left_px", "top_px", "right_px", "bottom_px")

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Region:
    """A square of a film.

    Attributes:
        film: name of its film.
        finding: number of the finding on the film, from 1; 0 for a square without one.
        patient: whose film it is.
        source: data set of the film.
        truth: 0 or 1, the place of its class in `CLASSES`.
        x_px: middle, in pixels of the film.
        y_px: middle, in pixels of the film.
        side_px: side, in pixels of the film.
        mm_per_px: of the film.
    """

    film: str
    finding: int
    patient: str
    source: str
    truth: int
    x_px: float
    y_px: float
    side_px: float
    mm_per_px: float

    @property
    def side_mm(self) -> float:
        """Side in millimetres."""
        return self.side_px * self.mm_per_px


@dataclass(frozen=True)
class _Film:
    name: str
    patient: str
    source: str
    laterality: str
    view: str
    record: Mapping[str, Any]


def read_regions(
    films: Path, task: str, *, off_centre: float, seed: int, reporter: Reporter
) -> list[Region]:
    """Return the squares of a task, in the order of films.

    Args:
        films: folder that `breastseg mammo prepare` wrote.
        task: of `CLASSES`.
        off_centre: how far a finding may be from the middle of its square, as a share of its side,
            in each direction.
        seed: of places that are drawn.
        reporter: hears what is left out, and why.

    Raises:
        DatasetError: no prepared films, a film without patient or size, or a class without squares.
    """
    all_films = _films(films)
    left_out: dict[str, int] = {}
    regions: list[Region] = []
    for place, film in enumerate(all_films):
        regions += _findings(film, task, off_centre, (seed, 1, place), left_out)
    if task == NORMAL_ABNORMAL:
        regions += _elsewhere(films, all_films, regions, seed, left_out)
    elif task == MATCHED:
        regions = _with_other_breast(films, all_films, regions, left_out)
    parts = [f"{count} {cause}" for cause, count in left_out.items()]
    causes = ", ".join(parts)
    sizes = [0, 0]  # of class 0 and class 1
    for region in regions:
        sizes[region.truth] += 1
    for size, name in zip(sizes, CLASSES[task], strict=True):
        if size == 0:
            raise DatasetError(
                f"{films}: no {name} region for {task} ({causes or 'no finding at all'}); wanted"
                " films of both classes with places of their findings"
            )
    patients = len({region.patient for region in regions})
    first, second = CLASSES[task]
    reporter.message(
        f"{sizes[0]} {first} and {sizes[1]} {second} regions of {counted(patients, 'patient')}"
    )
    if causes:
        reporter.message(f"left out: {causes}")
    # Squares of a film together, so that it is read once where they are cut out.
    order = {film.name: place for place, film in enumerate(all_films)}
    return sorted(regions, key=lambda region: (order[region.film], region.finding))


def _films(films: Path) -> list[_Film]:
    table = read_table(films / "films.csv", DatasetError, needed=("film", "patient"), others=True)
    table.needs("patient", "no patient; films of one person must stay together, so fill it in")
    table.by("film")  # refuses a film that stands there twice
    all_films = []
    for row in table.rows:
        name = row["film"]
        patient = row["patient"]
        source = row["data_set"]
        record = film_record(films, name)
        if record["mm_per_px"] is None:
            raise DatasetError(
                f"{name}: millimetres a pixel are not known; prepare with --pixel-mm"
            )
        film = _Film(name, patient, source, row["laterality"], row["view"], record)
        all_films.append(film)
    return all_films


def _count(left_out: dict[str, int], cause: str) -> None:
    left_out[cause] = left_out.get(cause, 0) + 1


def _findings(
    film: _Film,
    task: str,
    off_centre: float,
    seed: tuple[int, ...],
    left_out: dict[str, int],
) -> list[Region]:
    """Return a square round each finding of a film whose place and class are known."""
    regions = []
    for number, finding in enumerate(film.record["findings"], start=1):
        truth = 1  # abnormal
        if task == BENIGN_MALIGNANT:
            pathology = finding.get("pathology")
            if pathology not in CLASSES[task]:
                _count(left_out, "of unknown pathology")
                continue
            truth = CLASSES[task].index(pathology)
        bounds = _bounds(finding, film.name)
        if bounds is None:
            _count(left_out, "without a place")
            continue
        left, top, right, bottom = bounds
        mm_per_px = film.record["mm_per_px"]
        radius_px = max(right - left, bottom - top) / 2
        wanted_mm = RADII * radius_px * mm_per_px
        side_mm = float(np.clip(wanted_mm, LEAST_MM, MOST_MM))
        side_px = side_mm / mm_per_px
        # Each finding has a draw of its own: one that is left out moves no other.
        rng = np.random.default_rng([*seed, number])
        shift_x, shift_y = rng.uniform(-1, 1, 2) * off_centre * side_px
        regions.append(
            Region(
                film=film.name,
                finding=number,
                patient=film.patient,
                source=film.source,
                truth=truth,
                x_px=(left + right) / 2 + shift_x,
                y_px=(top + bottom) / 2 + shift_y,
                side_px=side_px,
                mm_per_px=mm_per_px,
            )
        )
    return regions


def _bounds(finding: Mapping[str, Any], film: str) -> list[float] | None:
    """Return left, top, right and bottom of a finding in pixels; None where nobody says."""
    if finding.get("left_px") is None:
        return None
    try:
        return [number_in(finding.get(name), -1e5, 1e5, name) for name in _BOUNDS]
    except ValueError as cause:
        raise DatasetError(f"{film}: {cause}; prepare the film again") from None


def _elsewhere(
    films: Path,
    all_films: Sequence[_Film],
    abnormal: Sequence[Region],
    seed: int,
    left_out: dict[str, int],
) -> list[Region]:
    """Return one square of each film without any finding, in the sizes of the others."""
    if not abnormal:
        return []
    sides_mm = [region.side_mm for region in abnormal]
    # In an order by lot, round and round: sizes of both classes are then those of one list.
    order = np.random.default_rng([seed, 2]).permutation(len(sides_mm))
    regions: list[Region] = []
    for place, film in enumerate(all_films):
        if film.record["findings"]:
            continue
        side_mm = sides_mm[order[len(regions) % len(order)]]
        side_px = side_mm / film.record["mm_per_px"]
        breast = _breast(films, film.name)  # (H, W)
        if not breast.any():
            _count(left_out, "on films without a breast")
            continue
        rng = np.random.default_rng([seed, 3, place])
        x_px, y_px = _drawn_place(breast, side_px, rng)
        regions.append(_normal(film, x_px, y_px, side_px))
    return regions


def _normal(film: _Film, x_px: float, y_px: float, side_px: float) -> Region:
    return Region(
        film=film.name,
        finding=0,
        patient=film.patient,
        source=film.source,
        truth=0,
        x_px=x_px,
        y_px=y_px,
        side_px=side_px,
        mm_per_px=film.record["mm_per_px"],
    )


def _breast(films: Path, film: str) -> npt.NDArray[np.bool_]:
    """Return where a film is breast and no muscle, (H, W)."""
    return np.asarray(read_codes(films / film / "labels.png") == BREAST)


def _drawn_place(
    breast: npt.NDArray[np.bool_], side_px: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return (x, y) of a square of which enough is breast."""
    rows, columns = np.nonzero(breast)  # (pixels of breast,) each
    best = 0
    best_share = -1.0
    for place in rng.integers(len(rows), size=_TRIES):
        x_px = float(columns[place])
        y_px = float(rows[place])
        share = breast_share(breast, x_px, y_px, side_px)
        if share > best_share:
            best = int(place)
            best_share = share
        if share >= _ENOUGH_BREAST:
            break
    return float(columns[best]), float(rows[best])


def breast_share(breast: npt.NDArray[np.bool_], x_px: float, y_px: float, side_px: float) -> float:
    """Return which share of a square is breast; what is outside of the film is not."""
    top = round(y_px - side_px / 2)
    left = round(x_px - side_px / 2)
    side = max(1, round(side_px))
    # Cut at 0: a negative end would count from the other edge.
    rows = slice(max(0, top), max(0, top + side))
    columns = slice(max(0, left), max(0, left + side))
    inside_px = float(np.count_nonzero(breast[rows, columns]))
    return inside_px / side**2


def _with_other_breast(
    films: Path, all_films: Sequence[_Film], abnormal: Sequence[Region], left_out: dict[str, int]
) -> list[Region]:
    """Return each square with the mirrored one of the other breast; those without are left out."""
    by_place: dict[tuple[str, str, str], _Film] = {}
    by_name: dict[str, _Film] = {}
    marked: dict[str, list[Region]] = {}  # squares with a finding, by film
    for film in all_films:
        by_place[film.patient, film.view, film.laterality] = film
        by_name[film.name] = film
        marked[film.name] = []
    for region in abnormal:
        marked[region.film].append(region)
    regions: list[Region] = []
    for region in abnormal:
        film = by_name[region.film]
        side = {"L": "R", "R": "L"}.get(film.laterality, "")
        other = by_place.get((film.patient, film.view, side))
        # Of other pixels, the same place in pixels would be another place in the breast.
        if other is None or other.record["mm_per_px"] != region.mm_per_px:
            _count(left_out, "without a film of the other breast")
            continue
        # A finding without a place may lie where the square is to be normal.
        if len(marked[other.name]) != len(other.record["findings"]):
            _count(left_out, "whose other breast has one of unknown place")
            continue
        breast = _breast(films, other.name)  # (H, W)
        x_px = breast.shape[1] - 1 - region.x_px
        share = breast_share(breast, x_px, region.y_px, region.side_px)
        if any(_overlap(x_px, region, finding) for finding in marked[other.name]):
            _count(left_out, "whose place has one in the other breast too")
        elif share < _MATCHED_BREAST:
            _count(left_out, "whose place is outside of the other breast")
        else:
            regions += [region, _normal(other, x_px, region.y_px, region.side_px)]
    return regions


def _overlap(x_px: float, region: Region, other: Region) -> bool:
    """Return whether a square, moved sideways to `x_px`, and another have pixels in common."""
    apart = (region.side_px + other.side_px) / 2
    is_near_across = abs(x_px - other.x_px) < apart
    is_near_down = abs(region.y_px - other.y_px) < apart
    return is_near_across and is_near_down
