"""Any folder of images with masks, QuPath GeoJSON, ASAP XML or dots, with the person's own
LabelMap beside them or named on the command line.

Where areas or dots lie beside images and slides, those without are simply not annotated yet; a
mask that is missing is a mistake.
"""

from pathlib import Path

from breastseg.sources.asap import is_asap
from breastseg.sources.pairs import (
    GEOJSON_SUFFIXES,
    XML_SUFFIXES,
    files_in,
    is_called,
    match_drawn,
    match_pairs,
)
from breastseg.sources.region import MASK_SUFFIXES, Found
from breastseg.wording import counted

_LAYOUTS = (
    ("images", "masks"),
    ("images", "labels"),
    ("imgs", "masks"),
    ("image", "mask"),
    ("rgb", "masks"),
)
_FLAT_SUFFIXES = ("_mask", "_labels")
_DRAWN_LAYOUTS = (("images", "annotations"), ("images", "points"))
LABEL_FILES = ("labels.json", "labels.yaml", "labels.yml")


def label_file(root: Path) -> str | None:
    """Return the label map that lies in a folder; None where there is none."""
    for name in LABEL_FILES:
        if (root / name).is_file():
            return str(root / name)
    return None


def find(root: Path) -> Found | None:
    """Recognise two folders of the same names, or one folder of `NAME.png` with `NAME_mask.png`,
    `NAME.geojson`, `NAME.xml` or `NAME_points.csv`."""
    label_map = label_file(root)
    for images, masks in _LAYOUTS:
        if (root / images).is_dir() and (root / masks).is_dir():
            return Found(
                "image-mask pairs", match_pairs(root / images, root / masks), label_map=label_map
            )
    for images, drawn in _DRAWN_LAYOUTS:
        if (root / images).is_dir() and (root / drawn).is_dir():
            every = (*GEOJSON_SUFFIXES, *XML_SUFFIXES, ".csv")
            pairs = match_pairs(root / images, root / drawn, kinds=every)
            return Found("images with areas or dots", pairs, label_map=label_map)
    for suffix in _FLAT_SUFFIXES:
        if any(is_called(path, suffix, MASK_SUFFIXES) for path in root.iterdir()):
            return Found(
                "image-mask pairs", match_pairs(root, root, mask_suffix=suffix), label_map=label_map
            )
    for kinds, suffix, kind in _drawn_flat(root):
        if any(is_called(path, suffix, kinds) for path in root.iterdir()):
            pairs, left_out = match_drawn(root, suffix, kinds)
            note = ""
            if left_out:
                note = f"{counted(left_out, 'image')} without NAME{suffix}{kinds[0]} left out"
            return Found(kind, pairs, label_map=label_map, note=note)
    return None


def _drawn_flat(root: Path) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """Return endings, what stands before them, and what to call it, for areas and dots beside
    images; XML counts where it is ASAP's."""
    dots = ((".csv",), "_points", "images with dots")
    # Scanners write XML beside slides too.
    if any(is_asap(path) for path in files_in(root, XML_SUFFIXES)):
        return ((*XML_SUFFIXES, *GEOJSON_SUFFIXES), "", "images with ASAP XML"), dots
    return (GEOJSON_SUFFIXES, "", "images with QuPath GeoJSON"), dots
