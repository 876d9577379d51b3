"""Names of images: what a person wrote in a table, and which image may be meant."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from breastseg.sources.region import Pair
from breastseg.tables import alike
from breastseg.wording import counted

_SUFFIXES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES, ".dcm", ".zarr", ".geojson.gz", ".geojson")
_CHANGED = re.compile(r"[\d.,]+E[+-]?\d+|\d{1,2}[. -/]+\w{3}|\w{3}[ -.]\d{2}", re.IGNORECASE)
"""What spreadsheets make of names that they take for large numbers or for dates."""


@dataclass(frozen=True)
class Pictures:
    """Images by the names that a row may give them, the surest way first; `folders` are where they
    lie."""

    ways: tuple[tuple[str, Mapping[str, set[Path]]], ...]
    folders: tuple[Path, ...]

    @staticmethod
    def named(pairs: Sequence[Pair]) -> "Pictures":
        """Take images by their names."""
        exact: dict[str, set[Path]] = {}
        bare: dict[str, set[Path]] = {}
        folded: dict[str, set[Path]] = {}
        for pair in pairs:
            for name in {pair.image.name, pair.image.stem, pair.labels.name}:
                exact.setdefault(_plain(name), set()).add(pair.image)
            bare.setdefault(picture_name(_plain(pair.image.name)), set()).add(pair.image)
            folded.setdefault(alike(picture_name(pair.image.name)), set()).add(pair.image)
        return Pictures(
            (("", exact), ("", bare), ("alike", folded)),
            tuple(dict.fromkeys(pair.image.parent for pair in pairs)),
        )

    def of(self, name: str) -> tuple[str, set[Path]]:
        """Return how a name was matched ("" as it is written), and the images that it may
        mean."""
        for how, by_name in self.ways:
            for spelling in (name, picture_name(name)):
                key = alike(spelling) if how else spelling
                images = by_name.get(key)
                if images:
                    return how, images
        return "", set()


def picture_name(name: str) -> str:
    """Return a file name without a suffix of images or of what is drawn on them.

    `Path.stem` alone would cut `..._MPP-0.2500` at its dot, and leave `.ome` of `.ome.tif`.
    """
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            stem = name[: -len(suffix)]
            is_ome = stem.lower().endswith(".ome") and len(stem) > len(".ome")
            return stem[: -len(".ome")] if is_ome else stem
    return name


def _plain(name: str) -> str:
    """Return a name in the form in which one text has one spelling: some systems take letters and
    their marks apart."""
    return unicodedata.normalize("NFC", name)


def parts_of(text: str) -> tuple[tuple[str, ...], str]:
    """Return the folders and the name of a file as a person wrote it on any system."""
    *folders, name = _plain(text).replace("\\", "/").rstrip("/").split("/")
    return tuple(folder for folder in folders if folder not in {"", "."}), name


def names_beside(folders: Iterable[Path]) -> set[str]:
    """Return the names of images that lie in the same folders, annotated or not."""
    names: set[str] = set()
    for folder in folders:
        for path in folder.iterdir():
            # A name that loses a suffix here had one of an image.
            is_picture = picture_name(path.name) != path.name
            if is_picture and not path.name.startswith("."):
                names.add(picture_name(_plain(path.name)))
    return names


def nearest(name: str, pictures: Pictures, count: int) -> str:
    """Return what may be meant by a name that fits nothing, and how many more there are."""
    others = ""
    if count > 1:
        do = "does" if count == 2 else "do"
        others = f", nor {do} {counted(count - 1, 'other row')}"
    if _CHANGED.fullmatch(name):
        return f"{others}; a spreadsheet may have changed the name: keep that column as text"
    _, bare = pictures.ways[1]  # without endings, as `name` is
    near = difflib.get_close_matches(name, sorted(bare), n=1)
    advice = f"did you mean '{near[0]}'?" if near else "mend the name, or remove the row"
    return f"{others}; {advice}"
