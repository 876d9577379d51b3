"""Which TIFF tags stay: those that say how the pixels are stored and how large they are."""

from tifffile import TIFF

from breastseg.privacy.findings import Finding
from breastseg.privacy.tiff_form import Entry

STRUCTURE = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 266, 274, 277, 284),  # size, samples, compression
        *(273, 278, 279, 322, 323, 324, 325, 330),  # where the pixels are
        *(282, 283, 296),  # resolution
        *(280, 281, 317, 318, 319, 320, 338, 339, 340, 341),  # values and colours
        *(347, 529, 530, 531, 532),  # JPEG
        *(32997, 34675),  # depth, as Aperio writes it; colour profile
    )
)
NDPI = frozenset((271, 65420, 65421, 65422, 65423, 65424, 65426, 65432))
"""Maker and mark (readers know the format by them), magnification, place on the glass and focal
plane in nm, and where the stretches of the JPEG begin."""

DESCRIPTION = 270
_MAKER, _TEXT = 271, 2

_KINDS = {
    269: "name of a document",
    270: "text",
    271: "device",
    272: "device",
    285: "name",
    305: "program",
    306: "date and time",
    315: "name of a person",
    316: "name of a computer",
    333: "text",
    700: "XMP: text",
    32932: "annotations",
    33432: "name: copyright",
    33723: "IPTC: text",
    34377: "Photoshop: text",
    34665: "Exif: dates, device",
    34853: "place on the globe",
    36867: "date and time",
    37500: "text",
    37510: "text",
    42016: "identifier",
    42032: "name of a person",
    42033: "identifier of the device",
    65427: "name of the slide",
    65428: "check sum",
    65434: "name of a filter",
    65442: "identifier of the scanner",
    65449: "dates and identifiers",
    65468: "name of a person",
    65477: "identifiers",
    65480: "date and time",
}


def stays(entry: Entry, flavour: str) -> bool:
    """Return whether a tag stays as it is; text stays nowhere but as the maker of an NDPI."""
    if entry.kind == _TEXT and entry.code != _MAKER:
        return False
    return entry.code in STRUCTURE or (flavour == "ndpi" and entry.code in NDPI)


def removed(code: int, place: str) -> Finding:
    """Return what is lost with a tag."""
    name = TIFF.TAGS.get(code, f"tag {code}")
    kind = _KINDS.get(code, "private tag: unknown" if code >= 32768 else "unknown")
    return Finding(place, name, kind)
