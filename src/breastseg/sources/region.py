"""Region: one annotated field, still in its own files. Names of TCGA slides carry patient and
hospital."""

import re
from dataclasses import dataclass
from pathlib import Path

from breastseg.geometry import Box
from breastseg.labels import Vocabulary

MASK_SUFFIXES = (".png", ".tif", ".tiff")
DRAWN_SUFFIXES = (".geojson", ".geojson.gz", ".xml", ".csv", ".txt")
"""Annotation that is drawn, not painted: areas and dots."""

_TCGA = re.compile(r"TCGA-(?P<site>[A-Z0-9]{2})-(?P<patient>[A-Z0-9]{4})")


@dataclass(frozen=True)
class Field:
    """What a table says of an image as a whole; classes by name, as they are written there.

    Attributes:
        table: the table.
        row: number of the row, the head is 1.
        all: the class of every pixel; empty where that is not known.
        without: classes that are nowhere in it.
        somewhere: classes that are somewhere in it.
        patient: whose tissue it is; empty where the table does not say.
        site: hospital; empty where the table does not say.
        mpp: microns per pixel; None where the table does not say.
        type: what kind of tissue it was diagnosed as, as in "fibroadenoma"; empty where not known.
    """

    table: Path
    row: int
    all: str = ""
    without: tuple[str, ...] = ()
    somewhere: tuple[str, ...] = ()
    patient: str = ""
    site: str = ""
    mpp: float | None = None
    type: str = ""

    @property
    def where(self) -> str:
        """Where it is written, for an error; row 0 is the file itself, whose name says it."""
        return f"{self.table}, row {self.row}" if self.row else str(self.table)


@dataclass(frozen=True)
class Region:
    """One annotated field: a BCSS region, a tile, an annotated part of a slide.

    Attributes:
        id: the image's file name without suffix, unique in its source.
        image: image file.
        labels: mask file of source codes, the image's size; or areas and dots in its pixels, with
            one of DRAWN_SUFFIXES; or the table that says what is known of the whole image, where
            nothing else is.
        patient: whose tissue it is; no patient is ever in two splits.
        site: hospital; empty when unknown.
        mpp: microns per pixel of both files.
        mpp_source: where that came from, in words.
        split: the part the source itself puts it in; empty when it has none.
        field: what is known of it as a whole; None when nothing is.
        words: what its classes are called where these are not BCSS's; None where they are.
        box: the part of a slide that it is, in level-0 pixels; None where what is drawn decides.
    """

    id: str
    image: Path
    labels: Path
    patient: str
    site: str
    mpp: float
    mpp_source: str
    split: str = ""
    field: Field | None = None
    words: Vocabulary | None = None
    box: Box | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether its labels are areas or dots."""
        known_alone = self.field is not None and self.labels == self.field.table
        return self.labels.name.lower().endswith(DRAWN_SUFFIXES) and not known_alone


@dataclass(frozen=True)
class Pair:
    """An image and its mask, as the recogniser matched them; `split` is the source's own part for
    it, `field` what is known of the whole, `patient` and `site` what its place or name says."""

    image: Path
    labels: Path
    split: str = ""
    field: Field | None = None
    patient: str = ""
    site: str = ""


@dataclass(frozen=True)
class Found:
    """What a recogniser saw: what to call it, the pairs, and the mpp and licence when the source is
    known to have them; its words where its classes are not BCSS's; and whether the areas on a slide
    become a region each."""

    kind: str
    pairs: tuple[Pair, ...]
    mpp: float | None = None
    mpp_source: str = ""
    label_map: str | None = None
    note: str = ""
    licence: str = "not stated"
    words: Vocabulary | None = None
    in_fields: bool = False


def tcga_patient(name: str) -> tuple[str, str] | None:
    """Return (patient, hospital) from a TCGA name, as in ("TCGA-A2-A0D2", "A2"), or None."""
    match = _TCGA.search(name)
    if match is None:
        return None
    return match.group(0), match.group("site")
