"""Region: one annotated field, still in its own files. Names of TCGA slides carry patient and hospital."""

import re
from dataclasses import dataclass
from pathlib import Path

MASK_SUFFIXES = (".png", ".tif", ".tiff")
DRAWN_SUFFIXES = (".geojson", ".geojson.gz", ".csv", ".txt")
"""Annotation that is drawn, not painted: areas and dots."""

_TCGA = re.compile(r"TCGA-(?P<site>[A-Z0-9]{2})-(?P<patient>[A-Z0-9]{4})")


@dataclass(frozen=True)
class Region:
    """One annotated field: a BCSS region, a tile, an annotated part of a slide.

    Attributes:
        id: the image's file name without suffix, unique in its source.
        image: picture file.
        labels: mask file of source codes, the picture's size; or areas and dots in its pixels, with one of DRAWN_SUFFIXES.
        patient: whose tissue it is; no patient is ever in two splits.
        site: hospital; empty when unknown.
        mpp: microns per pixel of both files.
        mpp_source: where that came from, in words.
        split: the part the source itself puts it in; empty when it has none.
    """

    id: str
    image: Path
    labels: Path
    patient: str
    site: str
    mpp: float
    mpp_source: str
    split: str = ""


@dataclass(frozen=True)
class Pair:
    """A picture and its mask, as found by looking; `split` is the source's own part for it."""

    image: Path
    labels: Path
    split: str = ""


@dataclass(frozen=True)
class Found:
    """What a recogniser saw: what to call it, the pairs, and the mpp and licence when the source is known to have them."""

    kind: str
    pairs: tuple[Pair, ...]
    mpp: float | None = None
    mpp_source: str = ""
    label_map: str | None = None
    note: str = ""
    licence: str = "not stated"


def tcga_patient(name: str) -> tuple[str, str] | None:
    """Return (patient, hospital) from a TCGA name, as in ("TCGA-A2-A0D2", "A2"), or None."""
    match = _TCGA.search(name)
    return (match.group(0), match.group("site")) if match else None
