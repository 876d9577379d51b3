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
"""Kinds of source whose classes may be those of any label map."""

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
        description: a line about it, as in "BCSS regions: 151 image-mask pairs, 151 patients, 21
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
    seen: list[tuple[Path, Found]] = []
    for path in paths:
        seen += _look_into(Path(path))
    pairs = [(place, found, pair) for place, found in seen for pair in found.pairs]
    _check_one_name_each(pairs)
    rows = _rows(Path(table), pairs, mpp) if table else None
    regions: dict[str, Region] = {}
    in_fields: set[str] = set()
    for place, found, pair in pairs:
        name = pair.image.stem
        regions[name] = _region(place, found, pair, mpp, rows)
        if found.in_fields:
            in_fields.add(name)
    if rows:
        check_patients(regions.values(), rows)
    # By name, so that a data set does not depend on the order in which folders are listed.
    ordered: list[Region] = []
    for name in sorted(regions):
        region = regions[name]
        ordered += _parts(region) if name in in_fields else [region]
    parts = tuple(dict.fromkeys(f"{found.kind}: {found.licence}" for _, found in seen))
    all_regions = tuple(ordered)
    notes = [*_notes(seen, all_regions)]
    if rows:
        notes += rows.told(mpp)
    return Source(_describe(seen, all_regions), all_regions, _label_map(seen), tuple(notes), parts)


def _check_one_name_each(pairs: list[tuple[Path, Found, Pair]]) -> None:
    """Refuse two images of one name: regions are found by it ever after."""
    images: dict[str, Path] = {}
    for _, _, pair in pairs:
        first = images.setdefault(pair.image.stem, pair.image)
        if first is not pair.image:
            raise SourceError(
                f"{pair.image}: second region named '{pair.image.stem}', the first is {first};"
                " rename one"
            )


def _look_into(root: Path) -> list[tuple[Path, Found]]:
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder, wanted one with annotated images")
    itself = look_into(root)
    seen = [(root, itself)] if itself else []
    if itself is None:
        # One level further down, and no more: a whole disk must not be searched.
        for place in sorted(root.iterdir()):
            if not place.is_dir() or place.name.startswith("."):
                continue
            if found := look_into(place):
                seen.append((place, found))
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
    for find in SOURCES.values():
        if found := find(place):
            return found
    return None


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
    names = set()
    for _, found in seen:
        if found.label_map or found.kind not in _OF_ANY_MAP:
            names.add(found.label_map)
    return names.pop() if len(names) == 1 else None


def _rows(path: Path, pairs: list[tuple[Path, Found, Pair]], mpp: float | None) -> Rows:
    """Read a person's table; a picture needs no row where its TCGA name, its source and the person
    say as much."""
    by_image = {pair.image: (place, found) for place, found, pair in pairs}
    field_of = {pair.image: pair.field for _, _, pair in pairs if pair.field}

    def known(image: Path, columns: Collection[str]) -> bool:
        by_name = tcga_patient(image.stem)
        wants_mpp = "mpp" in columns and mpp is None
        if field := field_of.get(image):
            if "patient" in columns and not (field.patient or by_name):
                return False
            if "site" in columns and not (field.site or by_name):
                return False
            return not wants_mpp or field.mpp is not None
        if by_name is None:
            return False
        return not wants_mpp or known_mpp(*by_image[image], image) is not None

    return read_rows(path, [pair for _, _, pair in pairs], known)


def _region(place: Path, found: Found, pair: Pair, mpp: float | None, rows: Rows | None) -> Region:
    name = pair.image.stem
    tcga = tcga_patient(name)
    field = pair.field or Field(pair.labels, 0)
    # The person's table goes over what the source's own table says, that over TCGA's names, and
    # these over what the place of the image says. Without any, each image is a patient of its own.
    patient = field.patient or (tcga[0] if tcga else pair.patient or name)
    site = field.site or (tcga[1] if tcga else pair.site)
    table_mpp = None
    if rows:
        patient = rows.patient_of(pair.image) or patient
        site = rows.site_of(pair.image) or site
        table_mpp = rows.mpp_of(pair.image)
    value, origin = _mpp(place, found, pair, mpp, table_mpp)
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
    patients = {region.patient for region in regions}
    sites = {region.site for region in regions if region.site}
    fields_alone = sum(region.field is not None for region in regions)
    pairs = len(regions) - fields_alone
    what = []
    if pairs:
        what.append(counted(pairs, "image-mask pair"))
    if fields_alone:
        what.append(counted(fields_alone, "field"))
    hospitals = counted(len(sites), "hospital") if sites else "hospitals unknown"
    return f"{kinds}: {' and '.join(what)}, {counted(len(patients), 'patient')}, {hospitals}"


def _notes(seen: list[tuple[Path, Found]], regions: tuple[Region, ...]) -> tuple[str, ...]:
    notes = list(dict.fromkeys(found.note for _, found in seen if found.note))
    origins = dict.fromkeys(region.mpp_source for region in regions)
    values = sorted({region.mpp for region in regions})
    span = f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
    notes.append(f"microns per pixel {span}: {'; '.join(origins)}")
    unknown = sum(region.patient == region.id for region in regions)
    if unknown:
        notes.append(
            f"no patient known for {counted(unknown, 'image')}: each counts as a patient of its"
            " own; a --table can name them"
        )
    return tuple(notes)
