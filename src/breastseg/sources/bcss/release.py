"""What BCSS should be: its 151 regions, from the release's own tables, which lie in `tables/` as
they were published (CC0).

`roiBounds.csv` and `slide_magnifications.csv` are those of PathologyDataScience/BCSS (Amgad et al.
2019, Bioinformatics 35:3461).
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class ReleaseRegion:
    """One region of the release.

    Attributes:
        slide: as in "TCGA-A2-A0D2-DX1".
        corner: (x, y) of its left-top corner in base pixels of the slide.
        size_px: (width, height) in base pixels.
        magnification: objective of the scan, 40 or 20.
        item: the slide's id on the annotators' server.
        mask_file: number of its mask on figshare.
    """

    slide: str
    corner: tuple[int, int]
    size_px: tuple[int, int]
    magnification: float
    item: str
    mask_file: str

    @property
    def patient(self) -> str:
        """Return whose tissue it is, as in "TCGA-A2-A0D2"."""
        return self.slide[:12]

    @property
    def site(self) -> str:
        """Return the hospital, as in "A2"."""
        return self.slide[5:7]

    @property
    def place_name(self) -> str:
        """Return the start of its files' names in every copy, as in
        "TCGA-A2-A0D2-DX1_xmin96887_ymin22299"."""
        return f"{self.slide}_xmin{self.corner[0]}_ymin{self.corner[1]}"


@cache
def release_regions() -> tuple[ReleaseRegion, ...]:
    """Return the 151 regions, by slide."""
    # The first column of both tables has no name; it holds the slide or the patient.
    scans = {row[""]: row for row in _rows("slide_magnifications.csv")}
    regions = []
    for row in sorted(_rows("roiBounds.csv"), key=lambda row: row[""]):
        regions.append(_region(row, scans[row[""][:12]]))
    return tuple(regions)


def _region(bounds: dict[str, str], scan: dict[str, str]) -> ReleaseRegion:
    """Return a region by its rows of both tables."""
    # Whole numbers that are written as "96887.0".
    left = int(float(bounds["xmin"]))
    top = int(float(bounds["ymin"]))
    right = int(float(bounds["xmax"]))
    bottom = int(float(bounds["ymax"]))
    return ReleaseRegion(
        slide=bounds[""],
        corner=(left, top),
        size_px=(right - left, bottom - top),
        magnification=float(scan["magnification"]),
        item=scan["_id"],
        mask_file=bounds["mask_link"].rsplit("/", 1)[1],
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
