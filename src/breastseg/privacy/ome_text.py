"""OME-XML: what readers need of the first image is written again, all else is left out."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from breastseg.errors import ImageError
from breastseg.privacy.findings import Finding

MAX_LETTERS = 20_000_000
"""Longer OME-XML is refused, not parsed."""

_UNIT = r"[A-Za-z\u00b5\u03bc]{1,12}"
_WHOLE, _REAL, _WORD = r"\d{1,9}", r"[\d.eE+-]{1,24}", r"[A-Za-z0-9]{1,16}"
_KEPT: dict[str, dict[str, str]] = {
    "OME": {},
    "Image": {},
    "Pixels": {
        "DimensionOrder": r"[XYZCT]{5}",
        "Type": r"[a-z0-9-]{1,16}",
        "BigEndian": "true|false",
        "Interleaved": "true|false",
        "SignificantBits": _WHOLE,
        **{f"Size{axis}": _WHOLE for axis in "XYZCT"},
        **{f"PhysicalSize{axis}": _REAL for axis in "XYZ"},
        **{f"PhysicalSize{axis}Unit": _UNIT for axis in "XYZ"},
    },
    "Channel": {"SamplesPerPixel": _WHOLE, "Color": r"-?\d{1,12}"},
    "TiffData": {
        "IFD": _WHOLE,
        "PlaneCount": _WHOLE,
        "FirstC": _WHOLE,
        "FirstT": _WHOLE,
        "FirstZ": _WHOLE,
    },
    "Objective": {"NominalMagnification": _REAL},
}
"""Elements and attributes that say how the pixels are to be read, and what their values are."""

_KINDS = {
    "AcquisitionDate": "date",
    "Experimenter": "name of a person",
    "ExperimenterGroup": "name of a group",
    "Instrument": "device",
    "Microscope": "device",
    "Detector": "device",
    "Project": "name",
    "Dataset": "name",
    "Description": "text",
    "Name": "name",
    "UUID": "identifier",
    "FileName": "name of a file",
    "StructuredAnnotations": "text",
    "Creator": "program",
    "Plane": "settings and times",
    "StageLabel": "place on the slide",
    "ROI": "drawings",
    "Channel Name": "name",
}
_HARMLESS = frozenset(("ID", "schemaLocation"))
"""Written anew, or the standard's own."""
_NAMESPACE = re.compile(r"\{(http://www\.openmicroscopy\.org/Schemas/OME/[0-9-]{7,10})\}OME")


def parse_ome(text: str, where: object) -> ElementTree.Element:
    """Parse OME-XML; ImageError when it is none, or declares entities."""
    if len(text) > MAX_LETTERS or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ImageError(f"{where}: its OME-XML is too long or declares entities; export it again")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise ImageError(f"{where}: its OME-XML cannot be parsed; export it again") from None
    if not _NAMESPACE.fullmatch(root.tag):
        raise ImageError(f"{where}: OME-XML of an unknown kind; export it again")
    return root


def plain(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]


def images_of(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the images, in order."""
    return [child for child in root if plain(child.tag) == "Image"]


def ifds_of(image: ElementTree.Element, where: object) -> list[int]:
    """Return the numbers of the directories that an image says are its own.

    Raises:
        ImageError: it does not say, or names another file.
    """
    ifds: list[int] = []
    for element in image.iter():
        if plain(element.tag) != "TiffData":
            continue
        first = element.get("IFD", "0")
        count = element.get("PlaneCount", "1")
        if not (first.isdecimal() and count.isdecimal() and int(count) <= 1000):
            raise ImageError(f"{where}: its OME-XML has wrong TiffData; export it again")
        ifds += range(int(first), int(first) + int(count))
    if not ifds:
        raise ImageError(f"{where}: its OME-XML does not say where its pixels are; export it again")
    return ifds


def write_first(root: ElementTree.Element) -> str:
    """Return OME-XML of the first image alone, with what readers need of it."""
    namespace = _NAMESPACE.fullmatch(root.tag)
    space = namespace[1] if namespace else ""
    inside = ""
    for child in images_of(root)[0]:
        if plain(child.tag) == "Pixels":
            inside += _element(child, "0")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{space}">'
        f'<Image ID="Image:0">{inside}</Image></OME>'
    )


def _element(element: ElementTree.Element, number: str) -> str:
    """Return an element and those in it that stay, as text.

    Args:
        element: of a kind that stays.
        number: its place among its kind.
    """
    name = plain(element.tag)
    # The old identifiers may say anything; the standard wants one at these two.
    identifier = {"Pixels": f' ID="Pixels:{number}"', "Channel": f' ID="Channel:0:{number}"'}
    start = f"{name}{identifier.get(name, '')}{_attributes(element)}"
    children = [child for child in element if plain(child.tag) in _KEPT]
    inside = ""
    for place, child in enumerate(children):
        inside += _element(child, str(place))
    return f"<{start}>{inside}</{name}>" if inside else f"<{start}/>"


def _attributes(element: ElementTree.Element) -> str:
    """Return the attributes that stay, each only where its value has the form that is known."""
    allowed = _KEPT[plain(element.tag)]
    text = ""
    for name, value in element.attrib.items():
        if name in allowed and re.fullmatch(allowed[name], value):
            text += f" {name}={quoteattr(value)}"
    return text


def removed_of(root: ElementTree.Element, place: str) -> list[Finding]:
    """Return what `write_first` leaves out, each kind once."""
    findings = []
    for name in dict.fromkeys(_left_out(root)):
        # A name that is not known may be a person's: it is not repeated.
        shown = name if name in _KINDS else "(a part that is not known)"
        findings.append(Finding(place, f"OME-XML {shown}", _KINDS.get(name, "unknown")))
    return findings


def _left_out(root: ElementTree.Element) -> Iterator[str]:
    """Yield the names of elements that go, and of attributes of those that stay."""
    for element in root.iter():
        name = plain(element.tag)
        # An objective is in none of the elements that stay, so that it goes with its parent.
        if name not in _KEPT or name == "Objective":
            yield name
        allowed = _KEPT.get(name, {})
        for attribute in map(plain, element.attrib):
            if name in _KEPT and attribute not in allowed and attribute not in _HARMLESS:
                yield attribute
