"""Which images and tags of a TIFF stay. Whatever is not known to be needed goes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from breastseg.errors import ImageError
from breastseg.images.directories import SUB_DIRECTORIES
from breastseg.privacy.aperio_text import clean_description, is_label_or_macro
from breastseg.privacy.findings import Finding
from breastseg.privacy.ome_text import ifds_of, images_of, parse_ome, removed_of, write_first
from breastseg.privacy.tiff_form import NDPI_MARK, Directory, TiffFileForm
from breastseg.privacy.tiff_tags import DESCRIPTION, removed, stays

_LENS, _MAKER = 65421, 271
_TILES, _TILE_COUNTS, _STRIPS, _STRIP_COUNTS = 324, 325, 273, 279
_SHAPE_ONLY = re.compile(r'\{"shape": \[[0-9, ]{1,60}\](, "axes": "[A-Z]{1,6}")?\}')
"""What tifffile writes and reads."""

_OTHERS = (
    ("Philips", 305, re.compile("Philips")),
    ("Philips", 270, re.compile("DPUfsImport|PIM_DP_")),
    ("Leica SCN", 270, re.compile("leica-microsystems")),
    ("Ventana BIF", 700, re.compile("iScan|EncodeInfo", re.IGNORECASE)),
    ("PerkinElmer QPTIFF", 270, re.compile("PerkinElmer")),
    ("Trestle", 305, re.compile("MedScan")),
    ("ImageJ", 270, re.compile("^ImageJ=")),
    ("Olympus", 270, re.compile("OLYMPUS|Olympus")),
    ("MetaMorph", 305, re.compile("MetaMorph")),
)
"""TIFFs of makers whose images, or what they are read by, lie where this module does not look."""
_FOREIGN_TAGS = {
    33628: "MetaMorph",
    34412: "Zeiss LSM",
    34118: "Zeiss",
    34361: "Olympus",
    50838: "ImageJ",
    51123: "Micro-Manager",
    65560: "Philips",
    37724: "Photoshop with layers",
}

_WANTED = "wanted SVS, NDPI, OME-TIFF or a plain tiled TIFF; export it as one of these"


@dataclass
class Plan:
    """What becomes of a TIFF.

    Attributes:
        flavour: "svs", "ndpi", "ome" or "tiff".
        kept: directories that stay, in order, each with its SubIFDs.
        dropped: directories that go with their pixels.
        texts: new text of the description, by place of the directory.
        findings: what is removed.
    """

    flavour: str
    kept: list[Directory] = field(default_factory=list)
    dropped: list[Directory] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def all_kept(self) -> Iterator[Directory]:
        """Yield kept directories and their SubIFDs."""
        for directory in self.kept:
            yield directory
            yield from directory.inner


def plan_tiff(tiff: TiffFileForm) -> Plan:
    """Decide what stays of a TIFF.

    Raises:
        ImageError: a kind of TIFF that is not understood, or a damaged one.
    """
    flavour = _flavour(tiff)
    plan = Plan(flavour)
    _CHOICES[flavour](tiff, plan)
    numbers = {directory.place: number for number, directory in enumerate(tiff.directories)}
    for directory in plan.dropped:
        place = f"image {numbers[directory.place]}"
        plan.findings.append(Finding(place, "the whole image", _what(tiff, directory, flavour)))
    for directory in plan.kept:
        place = f"image {numbers[directory.place]}"
        _plan_tags(tiff, directory, plan, place)
        for number, inner in enumerate(directory.inner):
            _plan_tags(tiff, inner, plan, f"{place}, level {number + 1}")
    return plan


def pixel_places(tiff: TiffFileForm, directory: Directory) -> list[tuple[int, int]]:
    """Return where the compressed tiles or strips of an image lie, as (start, length), in order.

    Raises:
        ImageError: they lie behind the end, or the tables do not agree.
    """
    entries = directory.entries
    codes = (_TILES, _TILE_COUNTS) if _TILES in entries else (_STRIPS, _STRIP_COUNTS)
    starts = tiff.numbers(entries.get(codes[0])).tolist()
    lengths = tiff.numbers(entries.get(codes[1])).tolist()
    if not starts or len(starts) != len(lengths):
        raise tiff.damaged("an image does not say where its pixels are")
    places = list(zip(starts, lengths, strict=True))
    if any(start + length > tiff.end for start, length in places):
        raise tiff.damaged("it ends before its pixels do")
    return places


def size_of(tiff: TiffFileForm, directory: Directory) -> tuple[int, int]:
    """Return width and height in pixels."""
    width = tiff.number(directory, 256, 0)
    height = tiff.number(directory, 257, 0)
    if not (width and height):
        raise tiff.damaged("an image without a size")
    return width, height


def _flavour(tiff: TiffFileForm) -> str:
    first = tiff.directories[0]
    text = tiff.text(first.entries.get(DESCRIPTION))
    for maker, code, pattern in _OTHERS:
        entry = first.entries.get(code)
        if entry is not None and pattern.search(tiff.text(entry)):
            raise ImageError(f"{tiff.path}: a TIFF of {maker}, not understood; {_WANTED}")
    for directory in tiff.directories:
        for code, maker in _FOREIGN_TAGS.items():
            if code in directory.entries:
                raise ImageError(f"{tiff.path}: a TIFF of {maker}, not understood; {_WANTED}")
    if NDPI_MARK in first.entries:
        if not tiff.form.ndpi:
            raise ImageError(f"{tiff.path}: an NDPI written by another program; {_WANTED}")
        return "ndpi"
    if text.startswith("Aperio"):
        return "svs"
    start = text.lstrip("\ufeff \r\n")
    if start.startswith("<") and "openmicroscopy.org" in start[:2000]:
        return "ome"
    if "openmicroscopy.org" in text:
        raise ImageError(f"{tiff.path}: OME-XML in an unusual place; {_WANTED}")
    return "tiff"


def _is_level(tiff: TiffFileForm, directory: Directory) -> bool:
    """Return whether an image has the shape of the first one, is no larger and is tiled alike."""
    base = tiff.directories[0]
    width, height = size_of(tiff, base)
    own_width, own_height = size_of(tiff, directory)
    if own_width > width or own_height > height:
        return False
    expected_width = own_height * width / height
    # One pixel of rounding in each side, and 1 % as scanners cut their coarse levels.
    tolerance_px = 1 + width / height + 0.01 * expected_width
    is_near = abs(own_width - expected_width) <= tolerance_px
    for code in (258, 277, 262):  # bits, samples, colours
        if tiff.number(base, code, 1) != tiff.number(directory, code, 1):
            return False
    is_tiled_alike = (_TILES in base.entries) == (_TILES in directory.entries)
    return is_near and is_tiled_alike


def _choose_svs(tiff: TiffFileForm, plan: Plan) -> None:
    """Keep tiled images, and the second one when it says to be a small image of the first."""
    if _TILES not in tiff.directories[0].entries:
        raise ImageError(f"{tiff.path}: an Aperio file without tiles, not understood; {_WANTED}")
    width, height = size_of(tiff, tiff.directories[0])
    for number, directory in enumerate(tiff.directories):
        text = tiff.text(directory.entries.get(DESCRIPTION)).split("|")[0]
        own_width, own_height = size_of(tiff, directory)
        # Aperio writes its thumbnail second, and what it was made smaller from and to.
        says_so = number == 1 and f"-> {own_width}x{own_height}" in text
        is_of_its_shape = abs(own_width * height / (own_height * width) - 1) < 0.02
        is_thumbnail = says_so and is_of_its_shape
        stay = _is_level(tiff, directory) or is_thumbnail
        # Whatever its shape: a label that is called one goes.
        if is_label_or_macro(text):
            stay = False
        (plan.kept if stay else plan.dropped).append(directory)
    if not plan.kept or plan.kept[0] is not tiff.directories[0]:
        raise ImageError(f"{tiff.path}: its first image is a label or macro image; {_WANTED}")


def _choose_ndpi(tiff: TiffFileForm, plan: Plan) -> None:
    """Keep images that have a magnification: the macro has -1, the map of the slide -2."""
    for directory in tiff.directories:
        maker = directory.entries.get(_MAKER)
        if maker is not None and tiff.text(maker) != "Hamamatsu":
            raise ImageError(f"{tiff.path}: an NDPI not made by Hamamatsu; {_WANTED}")
        lens = directory.entries.get(_LENS)
        if lens is None or lens.kind != 11 or lens.count != 1:
            raise ImageError(f"{tiff.path}: an NDPI with an image of no known kind; {_WANTED}")
        is_negative = tiff.value(lens)[3] & 0x80  # the sign of a float, little end first
        stay = not is_negative and _is_level(tiff, directory)
        (plan.kept if stay else plan.dropped).append(directory)
    if not plan.kept or plan.kept[0] is not tiff.directories[0]:
        raise ImageError(f"{tiff.path}: the first image of this NDPI is no scan; {_WANTED}")


def _choose_ome(tiff: TiffFileForm, plan: Plan) -> None:
    """Keep the first image of the OME-XML with its levels."""
    root = parse_ome(tiff.text(tiff.directories[0].entries[DESCRIPTION]), tiff.path)
    images = images_of(root)
    if not images or is_label_or_macro(images[0].get("Name", "")):
        raise ImageError(f"{tiff.path}: the first image of this OME-TIFF is no scan; {_WANTED}")
    ifds = ifds_of(images[0], tiff.path)
    if ifds != list(range(len(ifds))) or len(ifds) > len(tiff.directories):
        raise ImageError(f"{tiff.path}: its OME-XML orders images in an unusual way; {_WANTED}")
    first = size_of(tiff, tiff.directories[0])
    for number, directory in enumerate(tiff.directories):
        size = size_of(tiff, directory)
        if size[0] > first[0] or size[1] > first[1]:
            raise ImageError(f"{tiff.path}: a later image is larger than the first; {_WANTED}")
        (plan.kept if number in ifds else plan.dropped).append(directory)
        if number in ifds and not all(_is_level(tiff, inner) for inner in directory.inner):
            raise ImageError(f"{tiff.path}: has SubIFDs that are no levels of it; {_WANTED}")
    plan.texts[tiff.directories[0].place] = write_first(root)
    plan.findings += removed_of(root, "image 0")


def _choose_plain(tiff: TiffFileForm, plan: Plan) -> None:
    """Keep the first image and those that have the shape of its levels."""
    for directory in tiff.directories:
        text = tiff.text(directory.entries.get(DESCRIPTION))
        stay = _is_level(tiff, directory) and not is_label_or_macro(text[:200])
        (plan.kept if stay else plan.dropped).append(directory)
        if stay and not all(_is_level(tiff, inner) for inner in directory.inner):
            raise ImageError(f"{tiff.path}: has SubIFDs that are no levels of it; {_WANTED}")
    if not plan.kept or plan.kept[0] is not tiff.directories[0]:
        raise ImageError(f"{tiff.path}: its first image is a label or macro image; {_WANTED}")


_CHOICES = {"svs": _choose_svs, "ndpi": _choose_ndpi, "ome": _choose_ome, "tiff": _choose_plain}


def _plan_tags(tiff: TiffFileForm, directory: Directory, plan: Plan, place: str) -> None:
    """Note which tags go, and the description that takes the old one's place."""
    for code, entry in directory.entries.items():
        if stays(entry, plan.flavour):
            continue
        if code == DESCRIPTION and directory.place in plan.texts:
            continue
        text = tiff.text(entry) if code == DESCRIPTION else ""
        if code == DESCRIPTION and plan.flavour == "svs":
            clean_text, findings = clean_description(text, place)
            plan.texts[directory.place] = clean_text
            plan.findings += findings
        elif code == DESCRIPTION and _SHAPE_ONLY.fullmatch(text):
            plan.texts[directory.place] = text
        else:
            plan.findings.append(removed(code, place))
    if SUB_DIRECTORIES in directory.entries and not directory.inner:
        raise tiff.damaged("SubIFDs that are not there")


def _what(tiff: TiffFileForm, directory: Directory, flavour: str) -> str:
    """Return what kind of image a dropped one is."""
    text = tiff.text(directory.entries.get(DESCRIPTION)).split("|")[0].lower()
    for name in ("label", "macro"):
        if name in text:
            return f"{name} image"
    if flavour == "ndpi" and directory.entries[_LENS].field[3:4] >= b"\x80":
        return "macro image" if directory.entries[_LENS].field[2] == 0x80 else "map of the slide"
    return "an image that is no level of the scan"
