"""What data sets in the folder know of their images: the masks that persons painted, and microns
per pixel."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import BreastsegError
from breastseg.geometry import check_mpp
from breastseg.maps.record import RUN, RunRecord
from breastseg.serve.parsing import LABEL_MAP_BYTES
from breastseg.sources import Found, known_mpp, look_into
from breastseg.sources.region import DRAWN_SUFFIXES, Pair

_MOST_PLACES = 100
"""Folders in the folder that are looked into."""
_SOURCE_LENGTH = 200
"""Letters of where microns per pixel come from."""


@dataclass(frozen=True)
class Truth:
    """A mask of an entry: where it lies, the name or path of the label map that its codes belong
    to, and the image it was painted on."""

    path: Path
    label_map: str
    picture: Path


@dataclass(frozen=True)
class Known:
    """An image of a data set.

    Attributes:
        image: the image.
        place: the folder of the data set.
        found: what that is seen to be.
        truth: the image's mask, where it has one.
    """

    image: Path
    place: Path
    found: Found
    truth: Truth | None

    def mpp(self) -> tuple[float, str] | None:
        """Return what the data set knows of the image's microns per pixel, and how; None when it
        says nothing that can be."""
        try:
            known = known_mpp(self.place, self.found, self.image)
            if known is None:
                return None
            mpp, source = known
            return check_mpp(mpp, str(self.image)), source
        except (BreastsegError, OSError):
            return None


def find_known(root: Path) -> dict[Path, Known]:
    """Look at a folder and at each in it; return what is known, by image. A broken data set
    spoils none of the others."""
    known: dict[Path, Known] = {}
    for place in (root, *_inside(root)):
        try:
            found = look_into(place)
        except (BreastsegError, OSError):
            continue
        if found is None:
            continue
        for pair in found.pairs:
            with suppress(OSError, RuntimeError):  # gone meanwhile, or a link that leads to itself
                picture = Known(pair.image, place, found, _truth(root, found, pair))
                # What the folder itself knows goes before what a folder in it knows.
                known.setdefault(pair.image, picture)
    return known


def mpp_of_run(run: RunRecord) -> tuple[float, str] | None:
    """Return the microns per pixel that a map was made with, and where these came from; None when
    its run.json has none that can be."""
    try:
        return check_mpp(run.mpp, RUN), run.mpp_source[:_SOURCE_LENGTH]
    except BreastsegError:
        return None


def _inside(root: Path) -> list[Path]:
    """Return the folders in a folder, by name; links may lead anywhere, and are none."""
    names = []
    try:
        with os.scandir(root) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False) and not item.name.startswith("."):
                    names.append(item.name)
    except OSError:
        return []
    return [root / name for name in sorted(names)[:_MOST_PLACES]]


def _truth(root: Path, found: Found, pair: Pair) -> Truth | None:
    """Return a painted mask that lies in the folder; none whose label map is a link, which may lead
    anywhere, or too large for one, and none in words of its own."""
    labels, label_map = pair.labels, found.label_map or "region5"
    painted = (
        found.words is None
        and labels.is_file()
        and labels.resolve().is_relative_to(root)
        and not labels.name.lower().endswith(DRAWN_SUFFIXES)
    )
    own = Path(label_map)  # or the name of a built-in one, which is no file
    is_large = own.is_file() and own.stat().st_size > LABEL_MAP_BYTES
    if not painted or own.is_symlink() or is_large:
        return None
    return Truth(labels, label_map, pair.image)
