"""Where a TIFF may say its microns per pixel, and what should be said of how it is read."""

from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPage

from breastseg.images.readers.orientation import UPRIGHT
from breastseg.images.readers.tiff.pictures import Pictures
from breastseg.images.resolution import Clue, objective_clue, tiff_clues, with_unit, written_mpp

_ORIENTATION = "Orientation"


def turn_of(page: TiffPage) -> int:
    """Return the orientation, 1 to 8; what is none of these turns nothing."""
    said = page.tags.valueof(_ORIENTATION)
    return said if isinstance(said, int) and UPRIGHT < said <= 8 else UPRIGHT


def notes_of(found: Pictures) -> tuple[str, ...]:
    """Return what a person should know: that other images in the file are left out."""
    if not found.spare:
        return ()
    others = ", ".join(f"{width} x {height}" for width, height in found.spare[:3])
    width, height = found.size_px
    note = (
        f"of {1 + len(found.spare)} images in it the largest is taken, {width} x {height} px;"
        f" others have {others} px"
    )
    return (note,)


def clues_of(tiff: TiffFile, found: Pictures) -> list[Clue]:
    """Return where the microns per pixel may be written, the surest first."""
    page = found.page
    x = _number(page.tags.valueof("XResolution"))
    y = _number(page.tags.valueof("YResolution"))
    tags = tiff_clues(x, y, page.tags.valueof("ResolutionUnit"), page.description)
    if tiff.is_ome:
        return [_ome_clue(tiff.ome_metadata or "", page.imagewidth, page.imagelength), *tags]
    if tiff.is_svs:
        said = _aperio_words(page)
        own = written_mpp("Aperio's MPP", said.get("MPP"), said.get("MPP"))
        return [own, *tags, objective_clue(said.get("AppMag"))]
    return tags


def scanner_tags(tiff: TiffFile, found: Pictures) -> dict[str, str]:
    """Return the tags that name a scanner, by OpenSlide's names."""
    page = found.page
    said = {}
    for name in ("Make", "Model"):
        value = page.tags.valueof(name)
        said[f"tiff.{name}"] = value if isinstance(value, str) else ""
    if tiff.is_svs:
        said["openslide.vendor"] = "aperio"
        said["aperio.ScanScope ID"] = _aperio_words(page).get("ScanScope ID", "")
    return said


def _aperio_words(page: TiffPage) -> dict[str, str]:
    """Return what Aperio writes into a description, by name."""
    said = {}
    for part in page.description.split("|"):
        key, _, value = part.partition("=")
        said[key.strip()] = value.strip()
    return said


def _number(value: Any) -> float | None:
    """Return a number of a tag: a fraction, as the standard has it, or a single number, as some
    programs write it."""
    if isinstance(value, tuple) and len(value) == 2:
        return value[0] / value[1] if value[1] else None
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return float(value) if isinstance(value, (int, float)) else None


def _ome_clue(text: str, width: int, height: int) -> Clue:
    place = "OME PhysicalSizeX and Y"
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as cause:
        return Clue(place, found=f"not XML ({cause})")
    # A file may describe several images: the one of this size is meant.
    for pixels in root.iterfind(".//{*}Pixels"):
        said = pixels.attrib
        size = said.get("SizeX"), said.get("SizeY")
        if size == (str(width), str(height)) and "PhysicalSizeX" in said:
            x = said["PhysicalSizeX"]
            y = said.get("PhysicalSizeY", x)
            units = said.get("PhysicalSizeXUnit", "µm"), said.get("PhysicalSizeYUnit", "µm")
            try:
                return with_unit(place, float(x), float(y), units)
            except ValueError:
                return Clue(place, found=f"{x} x {y}")
    return Clue(place)
