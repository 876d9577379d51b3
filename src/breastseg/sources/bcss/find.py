"""The official BCSS folders: `images/` or `rgbs_colorNormalized/`, with `masks/`; and what is known
of their resolution.

Amgad et al. 2019, Bioinformatics 35:3461. File names say MPP 0.25, the copies in circulation are at
0.30 um/px: image widths against the release's own `roiBounds.csv` give 0.827 to 0.842 image pixels
per base pixel on slides scanned at 0.248 to 0.252 um/px.
"""

import csv
import re
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.images import IMAGE_SUFFIXES
from breastseg.sources.pairs import files_in, match_pairs
from breastseg.sources.region import Found

_SLIDE = re.compile(r"TCGA-\w\w-\w{4}-DX\d_")
_PAGE_LETTERS = 100_000
IMAGE_FOLDERS = ("images", "rgbs_colorNormalized")
LICENCE = "annotations CC0-1.0 (Amgad et al. 2019), images TCGA open access"
MPP = 0.30
MPP_SOURCE = "measured on this release (0.30; its file names say 0.25)"
BASE_MPP = 0.25
"""Base pixels of the 40x scans, to 1 % (0.248 to 0.252 measured); 14 of the 151 slides are 20x by
the table, ten of them at twice that."""
_WRONG_IN_TABLE = ("TCGA-A8-",)
"""The table calls these scans 20x, and their regions would be at 0.645 um/px; 0.30, as all others,
needs base pixels of 0.2325 um."""


def find(root: Path) -> Found | None:
    """Recognise images named as BCSS names slides beside `masks/`: the official regions (with
    `_xmin`), or copies of unknown mpp."""
    for name in IMAGE_FOLDERS:
        images = root / name
        masks = root / "masks"
        if not images.is_dir() or not masks.is_dir():
            continue
        pictures = files_in(images, IMAGE_SUFFIXES)
        if not pictures or not all(_SLIDE.match(path.stem) for path in pictures):
            continue
        # Tiles may have been resampled: only whole regions are known to be at 0.30.
        is_official = all("_xmin" in path.stem for path in pictures)
        kind = "BCSS regions" if is_official else "BCSS tiles"
        mpp = MPP if is_official else None
        pairs = match_pairs(images, masks)
        return Found(kind, pairs, mpp, MPP_SOURCE, "region5", _page_note(root), LICENCE)
    return None


def _page_note(root: Path) -> str:
    """Warn of a copy whose own page says what its file names say, as copies on model hubs do."""
    page = root / "README.md"
    if not page.is_file():
        return ""
    with page.open(encoding="utf-8", errors="replace") as file:
        text = file.read(_PAGE_LETTERS)
    if not re.search(r"0\.25\d*\s*(um|µm|μm|micron|mpp)|mpp\D{0,12}0\.25", text, re.IGNORECASE):
        return ""
    return (
        "README.md says 0.25 um/px, as file names do: copies of these regions are at 0.30, which is"
        " what counts here; the official split is by hospital (breastseg split --scheme"
        " bcss-official), whatever parts a copy has"
    )


def region_mpp(root: Path, slide: str, width_px: int) -> float | None:
    """Return a whole region's mpp computed from `meta/roiBounds.csv` and the scan's magnification,
    where both are at hand.

    Args:
        root: the folder the data set was found in.
        slide: as in "TCGA-A2-A0D2-DX1".
        width_px: width of the region's image.

    Raises:
        SourceError: one of the two tables is broken.
    """
    bounds = _row(root / "meta" / "roiBounds.csv", slide)
    scan = _row(root / "meta" / "slide_magnifications.csv", slide.rsplit("-", 1)[0])
    if bounds is None or scan is None or slide.startswith(_WRONG_IN_TABLE):
        return None
    try:
        base_mpp = BASE_MPP * 40.0 / float(scan["magnification"])
        width_base_px = float(bounds["xmax"]) - float(bounds["xmin"])
        return width_base_px * base_mpp / width_px
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as cause:
        raise SourceError(
            f"{root / 'meta'}: no bounds or magnification of {slide} ({cause}); take the release's"
            " own tables"
        ) from None


def _row(path: Path, name: str) -> dict[str, str] | None:
    """Return the row of a slide; None where the table or the row is missing."""
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                # The first column has no name.
                if row.get("") == name:
                    return row
            return None
    except (csv.Error, UnicodeDecodeError) as cause:
        raise SourceError(f"{path}: not a CSV table ({cause}); take the release's own") from None
