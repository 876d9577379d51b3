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
        mpp: microns per pixel of all its images; overrides what the source is known to have.
        table: CSV with the columns `image` (file name, suffix optional) and any of `patient`,
            `site`, `mpp`. Each row is of an image, and each image has a row unless its name and
            its source say as much.

    Raises:
        SourceError: no such folder, nothing recognised, an image without mask, two regions of one
            name, a table that does not join.
        MppError: neither the source nor the person says the resolution.
    """
    sources: list[tuple[Path, Found]] = []
    for path in paths:
        sources += _look_into(Path(path))
    pairs = []
    for place, found in sources:
        for pair in found.pairs:
            pairs.append((place, found, pair))
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
    all_regions = tuple(ordered)
    notes = [*_notes(sources, all_regions)]
    if rows:
        notes += rows.told(mpp)
    parts = [f"{found.kind}: {found.licence}" for _, found in sources]
    return Source(
        description=_describe(sources, all_regions),
        regions=all_regions,
        label_map=_label_map(sources),
        notes=tuple(notes),
        parts=tuple(dict.fromkeys(parts)),  # two folders of one kind are one part
    )


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
    """Return the source that a folder is, or those in it."""
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder, wanted one with annotated images")
    sources = []
    itself = look_into(root)
    if itself:
        sources.append((root, itself))
    else:
        # One level further down, and no more: a whole disk must not be searched.
        for place in sorted(root.iterdir()):
            if not place.is_dir() or place.name.startswith("."):
                continue
            inside = look_into(place)
            if inside:
                sources.append((place, inside))
    if not any(found.pairs for _, found in sources):
        raise SourceError(
            f"{root}: no image-mask pairs; wanted images/ with masks/ (or annotations/ or points/)"
            " of the same file names, a BCSS copy, BRCA-M2C, NAME.png with NAME_mask.png,"
            " NAME.geojson or NAME_points.csv, or images with fields.csv"
        )
    return sources


def look_into(place: Path) -> Found | None:
    """Return what one folder is recognised as, not looking at the folders in it; None when it is no
    source.

    Raises:
        SourceError: an image without mask, a mask without image, or two files of one name.
    """
    for find in SOURCES.values():
        found = find(place)
        if found:
            return found
    return None


def known_mpp(place: Path, found: Found, image: Path) -> tuple[float, str] | None:
    """Return what a source knows of an image's microns per pixel, and how; None when it says
    nothing.

    Args:
        place: the folder that the source was found in.
        found: what it was recognised as.
        image: one of its images.

    Raises:
        SourceError: the release's own tables are broken.
    """
    whole = _WHOLE_BCSS_REGION.fullmatch(image.stem)
    if whole:
        width, _ = image_size(image)
        measured = bcss.region_mpp(place, whole["slide"], width)
        if measured:
            return round(measured, 4), "measured from roiBounds.csv"
    if found.mpp is None:
        return None
    return found.mpp, found.mpp_source


def _label_map(sources: list[tuple[Path, Found]]) -> str | None:
    """Return the one label map that belongs to all; None where a person must choose."""
    names = set()
    for _, found in sources:
        if found.label_map or found.kind not in _OF_ANY_MAP:
            names.add(found.label_map)
    return names.pop() if len(names) == 1 else None


def _rows(path: Path, pairs: list[tuple[Path, Found, Pair]], mpp: float | None) -> Rows:
    """Read a person's table; an image needs no row where its TCGA name, its source and the person
    say as much."""
    by_image = {pair.image: (place, found) for place, found, pair in pairs}
    field_of = {pair.image: pair.field for _, _, pair in pairs if pair.field}

    def known(image: Path, columns: Collection[str]) -> bool:
        by_name = tcga_patient(image.stem)
        # The command line goes over the table: then nobody misses its um/px.
        wants_mpp = "mpp" in columns and mpp is None
        field = field_of.get(image)
        if field:
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
    """Return the region of an image, with all that is known of it."""
    name = pair.image.stem
    field = pair.field or Field(pair.labels, 0)
    # The person's table goes over what the source's own table says, that over TCGA's names, and
    # these over what the place of the image says. Without any, each image is a patient of its own.
    by_name = tcga_patient(name) or (pair.patient or name, pair.site)
    patient = field.patient or by_name[0]
    site = field.site or by_name[1]
    table_mpp = None
    if rows:
        patient = rows.patient_of(pair.image) or patient
        site = rows.site_of(pair.image) or site
        table_mpp = rows.mpp_of(pair.image)
    value, origin = _mpp(place, found, pair, mpp, table_mpp)
    return Region(
        id=name,
        image=pair.image,
        labels=pair.labels,
        patient=patient,
        site=site,
        mpp=check_mpp(value, str(pair.image), "--mpp"),
        mpp_source=origin,
        split=pair.split,
        field=pair.field,
        words=found.words,
    )


def _parts(region: Region) -> list[Region]:
    """Return a region for each field of a slide in which something is drawn."""
    drawn = read_drawn(region.labels)
    if region.words is not None:
        drawn = drawn.without(region.words.dropped)
    with closing(open_slide(region.image, mpp=region.mpp)) as slide:
        boxes = fields_of(drawn, slide.size_px, slide.mpp, str(region.labels))
    parts = []
    for box in boxes:
        parts.append(replace(region, id=f"{region.id}_x{box.x}_y{box.y}", box=box))
    return parts


def _mpp(
    place: Path, found: Found, pair: Pair, given: float | None, of_table: float | None
) -> tuple[float, str]:
    """Return mpp and its origin: given, a table, measured from the release's own bounds, known of
    it, the file's own."""
    if given is not None:
        return given, "given"
    if of_table is not None:
        return of_table, "table"
    if pair.field and pair.field.mpp is not None:
        # Row 0 is no table: the recogniser read it from the image's name.
        return pair.field.mpp, fields.TABLE if pair.field.row else f"known of {found.kind}"
    known = known_mpp(place, found, pair.image)
    if known:
        return known
    try:
        with closing(open_slide(pair.image)) as slide:
            return slide.mpp, slide.mpp_source
    except MppError:
        if pair.field:
            raise MppError(
                f"{pair.field.where}: no microns per pixel of {pair.image.name} (looked at"
                " --mpp, the mpp column of the tables, and the file itself); give them in"
                " the mpp column, or --mpp for all images"
            ) from None
        raise MppError(
            f"{pair.image}: no microns per pixel (looked at --mpp, the table's mpp column,"
            f" what is known of {found.kind}, and the file itself); give --mpp"
        ) from None


def _describe(sources: list[tuple[Path, Found]], regions: tuple[Region, ...]) -> str:
    """Return what there is, in a line."""
    kinds = " + ".join(dict.fromkeys(found.kind for _, found in sources))
    patients = set()
    sites = set()
    pairs = fields_alone = 0
    for region in regions:
        patients.add(region.patient)
        if region.site:
            sites.add(region.site)
        if region.field is None:
            pairs += 1
        else:
            fields_alone += 1
    contents = []
    if pairs:
        contents.append(counted(pairs, "image-mask pair"))
    if fields_alone:
        contents.append(counted(fields_alone, "field"))
    hospitals = counted(len(sites), "hospital") if sites else "hospitals unknown"
    return f"{kinds}: {' and '.join(contents)}, {counted(len(patients), 'patient')}, {hospitals}"


def _notes(sources: list[tuple[Path, Found]], regions: tuple[Region, ...]) -> tuple[str, ...]:
    """Return what a person should know before using it."""
    notes = list(dict.fromkeys(found.note for _, found in sources if found.note))
    origins: dict[str, None] = {}  # a set that keeps its order
    values = set()
    unknown = 0
    for region in regions:
        origins[region.mpp_source] = None
        values.add(region.mpp)
        # Without a patient the region's name stands for one.
        unknown += region.patient == region.id
    least = min(values)
    most = max(values)
    span = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    notes.append(f"microns per pixel {span}: {'; '.join(origins)}")
    if unknown:
        notes.append(
            f"no patient known for {counted(unknown, 'image')}: each counts as a patient of its"
            " own; a --table can name them"
        )
    return tuple(notes)
