"""Where annotations come from, recognised by looking: `open_source(path)` gives Regions and says
what it saw."""

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.errors import MppError, SourceError
from breastseg.geometry import check_mpp
from breastseg.images import open_slide
from breastseg.images.readers.flat import image_size
from breastseg.sources import (
    bcnb,
    beetle,
    bracs,
    breakhis,
    cosas,
    fields,
    folder,
    kaggle,
    m2c,
    tiger,
)
from breastseg.sources.annotations import read_drawn
from breastseg.sources.bcss import find as bcss
from breastseg.sources.elsewhere import Elsewhere
from breastseg.sources.parts import fields_of
from breastseg.sources.region import Field, Found, Pair, Region, tcga_patient
from breastseg.sources.rows import Rows, check_patients, read_rows
from breastseg.wording import counted

__all__ = [
    "ELSEWHERE",
    "SOURCES",
    "Field",
    "Found",
    "Region",
    "Source",
    "known_mpp",
    "look_into",
    "open_source",
]

SOURCES: Mapping[str, Callable[[Path], Found | None]] = {
    "fields": fields.find,
    "breakhis": breakhis.find,
    "bracs": bracs.find,
    "bcnb": bcnb.find,
    "kaggle": kaggle.find,
    "m2c": m2c.find,
    "beetle": beetle.find,
    "cosas": cosas.find,
    "tiger": tiger.find,
    "bcss": bcss.find,
    "folder": folder.find,
}
"""Recognisers by name, the most particular first."""
_OF_ANY_MAP = {fields.KIND, breakhis.KIND, bracs.KIND, bcnb.KIND}
"""What names classes of any label map."""

ELSEWHERE: Mapping[str, Elsewhere] = {
    "beetle": beetle.HAD_FROM,
    "cosas24": cosas.HAD_FROM,
    "tiger": tiger.HAD_FROM,
}
"""Data sets that are never fetched from here, by name."""

_WHOLE_BCSS_REGION = re.compile(r"(?P<slide>TCGA-\w\w-\w{4}-DX\d)_xmin\d+_ymin\d+_MPP-[\d.]+")


@dataclass(frozen=True)
class Source:
    """Annotated regions of one place.

    Attributes:
        description: said aloud, as in "BCSS regions: 151 image-mask pairs, 151 patients, 21
            hospitals".
        regions: the regions, by id.
        label_map: name or path of the map that belongs to it; None when a person must choose.
        notes: what a person should know before using it.
        parts: each kind of data with its licence.
    """

    description: str
    regions: tuple[Region, ...]
    label_map: str | None
    notes: tuple[str, ...]
    parts: tuple[str, ...]


def open_source(
    *paths: str | Path, mpp: float | None = None, table: str | Path | None = None
) -> Source:
    """Look at folders (or, where one is no source itself, at the folders in it) and list their
    annotated regions.

    Args:
        paths: the folders.
        mpp: microns per pixel of all its pictures; overrides what the source is known to have.
        table: CSV with the columns `image` (file name, suffix optional) and any of `patient`,
            `site`, `mpp`. Each row is of a picture, and each picture has a row unless its name and
            its source say as much.

    Raises:
        SourceError: no such folder, nothing recognised, a picture without mask, two regions of one
            name, a table that does not join.
        MppError: neither the source nor the person says the resolution.
    """
    seen = [entry for path in paths for entry in _look_into(Path(path))]
    pairs = [(place, found, pair) for place, found in seen for pair in found.pairs]
    images: dict[str, Path] = {}
    for _, _, pair in pairs:
        first = images.setdefault(pair.image.stem, pair.image)
        if first is not pair.image:
            raise SourceError(
                f"{pair.image}: second region named '{pair.image.stem}', the first is {first};"
                " rename one"
            )
    rows = _rows(Path(table), pairs, mpp) if table else None
    regions = {
        pair.image.stem: _region(place, found, pair, mpp, rows) for place, found, pair in pairs
    }
    if rows:
        check_patients(regions.values(), rows)
    cut = {pair.image.stem for _, found, pair in pairs if found.in_fields}
    ordered = tuple(
        part
        for key in sorted(regions)
        for part in (_parts(regions[key]) if key in cut else [regions[key]])
    )
    parts = tuple(dict.fromkeys(f"{found.kind}: {found.licence}" for _, found in seen))
    notes = (*_notes(seen, ordered), *(rows.told(mpp) if rows else ()))
    return Source(_describe(seen, ordered), ordered, _label_map(seen), notes, parts)


def _look_into(root: Path) -> list[tuple[Path, Found]]:
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder, wanted one with annotated images")
    inside = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    itself = look_into(root)
    seen = (
        [(root, itself)]
        if itself
        else [(place, found) for place in inside if (found := look_into(place))]
    )
    if not any(found.pairs for _, found in seen):
        raise SourceError(
            f"{root}: no image-mask pairs; wanted images/ with masks/ (or annotations/ or points/)"
            " of the same file names, a BCSS copy, BRCA-M2C, NAME.png with NAME_mask.png,"
            " NAME.geojson or NAME_points.csv, or pictures with fields.csv"
        )
    return seen


def look_into(place: Path) -> Found | None:
    """Return what one folder is seen to be, not looking at the folders in it; None when it is no
    source.

    Raises:
        SourceError: a picture without mask, a mask without picture, or two files of one name.
    """
    return next((found for find in SOURCES.values() if (found := find(place))), None)


def known_mpp(place: Path, found: Found, image: Path) -> tuple[float, str] | None:
    """Return what a source knows of a picture's microns per pixel, and how; None when it says
    nothing.

    Args:
        place: the folder that the source was found in.
        found: what it was seen to be.
        image: one of its pictures.

    Raises:
        SourceError: the release's own tables are broken.
    """
    whole = _WHOLE_BCSS_REGION.fullmatch(image.stem)
    if whole and (measured := bcss.region_mpp(place, whole["slide"], image_size(image)[0])):
        return round(measured, 4), "measured from roiBounds.csv"
    return None if found.mpp is None else (found.mpp, found.mpp_source)


def _label_map(seen: list[tuple[Path, Found]]) -> str | None:
    names = {
        found.label_map for _, found in seen if found.label_map or found.kind not in _OF_ANY_MAP
    }
    return names.pop() if len(names) == 1 else None


def _rows(path: Path, pairs: list[tuple[Path, Found, Pair]], mpp: float | None) -> Rows:
    """Read a person's table; a picture needs no row where its TCGA name, its source and the person
    say as much."""
    by_image = {pair.image: (place, found) for place, found, pair in pairs}
    field_of = {pair.image: pair.field for _, _, pair in pairs if pair.field}

    def known(image: Path, columns: Collection[str]) -> bool:
        if field := field_of.get(image):
            told = {
                "patient": field.patient or tcga_patient(image.stem),
                "site": field.site or tcga_patient(image.stem),
            }
            return all(told[column] for column in told if column in columns) and (
                "mpp" not in columns or mpp is not None or field.mpp is not None
            )
        return tcga_patient(image.stem) is not None and (
            "mpp" not in columns
            or mpp is not None
            or known_mpp(*by_image[image], image) is not None
        )

    return read_rows(path, [pair for _, _, pair in pairs], known)


def _region(place: Path, found: Found, pair: Pair, mpp: float | None, rows: Rows | None) -> Region:
    name = pair.image.stem
    tcga = tcga_patient(name)
    field = pair.field or Field(pair.labels, 0)
    said = field.patient or (tcga[0] if tcga else pair.patient or name)
    patient = (rows and rows.patient_of(pair.image)) or said
    hospital = field.site or (tcga[1] if tcga else pair.site)
    site = (rows and rows.site_of(pair.image)) or hospital
    value, origin = _mpp(place, found, pair, mpp, rows.mpp_of(pair.image) if rows else None)
    value = check_mpp(value, str(pair.image), "--mpp")
    return Region(
        name,
        pair.image,
        pair.labels,
        patient,
        site,
        value,
        origin,
        pair.split,
        pair.field,
        found.words,
    )


def _parts(region: Region) -> list[Region]:
    """Return a region for each field of a slide in which something is drawn."""
    drawn = read_drawn(region.labels)
    if region.words is not None:
        drawn = drawn.without(region.words.dropped)
    with closing(open_slide(region.image, mpp=region.mpp)) as slide:
        boxes = fields_of(drawn, slide.size_px, slide.mpp, str(region.labels))
    return [replace(region, id=f"{region.id}_x{box.x}_y{box.y}", box=box) for box in boxes]


def _mpp(
    place: Path, found: Found, pair: Pair, given: float | None, said: float | None
) -> tuple[float, str]:
    """Return mpp and its origin: given, a table, measured from the release's own bounds, known of
    it, the file's own."""
    if given is not None:
        return given, "given"
    if said is not None:
        return said, "table"
    if pair.field and pair.field.mpp is not None:
        return pair.field.mpp, fields.TABLE if pair.field.row else f"known of {found.kind}"
    if known := known_mpp(place, found, pair.image):
        return known
    try:
        with closing(open_slide(pair.image)) as slide:
            return slide.mpp, slide.mpp_source
    except MppError:
        if pair.field:
            raise MppError(
                f"{pair.field.where}: no microns per pixel of {pair.image.name} (looked at"
                " --mpp, the mpp column of the tables, and the file itself); give them in"
                " the mpp column, or --mpp for all pictures"
            ) from None
        raise MppError(
            f"{pair.image}: no microns per pixel (looked at --mpp, the table's mpp column,"
            f" what is known of {found.kind}, and the file itself); give --mpp"
        ) from None


def _describe(seen: list[tuple[Path, Found]], regions: tuple[Region, ...]) -> str:
    kinds = " + ".join(dict.fromkeys(found.kind for _, found in seen))
    patients, sites = {r.patient for r in regions}, {r.site for r in regions if r.site}
    known_alone = sum(region.field is not None for region in regions)
    noun = "field" if known_alone == len(regions) else "image-mask pair"
    more = f" and {counted(known_alone, 'field')}" if 0 < known_alone < len(regions) else ""
    return (
        f"{kinds}: {counted(len(regions) - (known_alone if more else 0), noun)}{more},"
        f" {counted(len(patients), 'patient')},"
        f" {counted(len(sites), 'hospital') if sites else 'hospitals unknown'}"
    )


def _notes(seen: list[tuple[Path, Found]], regions: tuple[Region, ...]) -> tuple[str, ...]:
    notes = list(dict.fromkeys(found.note for _, found in seen if found.note))
    origins = dict.fromkeys(r.mpp_source for r in regions)
    values = sorted({r.mpp for r in regions})
    span = f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
    notes.append(f"microns per pixel {span}: {'; '.join(origins)}")
    unknown = sum(r.patient == r.id for r in regions)
    if unknown:
        notes.append(
            f"no patient known for {counted(unknown, 'image')}: each counts as a patient of its"
            " own; a --table can name them"
        )
    return tuple(notes)
