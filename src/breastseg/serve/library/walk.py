"""One look through the folder: images, slides and results in it, and what is left out."""

import os
from collections import Counter
from pathlib import Path

from breastseg.files import WORK_FILE
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.mammography.record import IMAGE, MASKS, RECORD
from breastseg.maps.record import RUN
from breastseg.serve.library.entries import lies_in

MOST_ENTRIES = 10_000
"""Slides and images that are shown."""
_MOST_FOLDERS = 20_000
_SUFFIXES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)
_FILM = {RECORD, IMAGE, MASKS}
"""What lies in the folder of a prepared mammogram; its images are no slides."""

Kind = tuple[str, str]
"""What something is that is left out: of one, of several."""
_UNREADABLE = "folder that cannot be read", "folders that cannot be read"
_LINK = (
    "link that leads out of this folder or nowhere",
    "links that lead out of this folder or nowhere",
)
_NO_FILE = "pipe or device", "pipes or devices"
_GONE = "file that cannot be looked at", "files that cannot be looked at"


class Walk:
    """What one look comes across; hidden files and links to folders are passed over.

    Attributes:
        files: images and slides.
        folders: folders that are slides.
        runs: folders of results.
        films: folders of prepared mammograms.
        left_out: how many of each kind are there and not among these.
    """

    def __init__(self, root: Path, out: Path) -> None:
        """Look through the folder that is served, and the one that its maps are written to."""
        self._root = root
        self._out = out
        self.files: list[Path] = []
        self.folders: list[Path] = []
        self.runs: list[Path] = []
        self.films: list[Path] = []
        self.left_out: Counter[Kind] = Counter()
        # The last is looked at first: what is shown before the jobs' own results. Those may lie in
        # the folder or elsewhere, so that a folder may come twice.
        waiting = [out, root]
        visited: set[Path] = set()
        while waiting and self._has_room() and len(visited) < _MOST_FOLDERS:
            place = waiting.pop()
            if place in visited:
                continue
            visited.add(place)
            waiting += self._look(place)

    def _has_room(self) -> bool:
        # One more than is shown: so it is known that there are more.
        return len(self.files) + len(self.folders) <= MOST_ENTRIES

    def _look(self, place: Path) -> list[Path]:
        """Note what is in a folder; return the folders in it that are still to be looked at, the
        first one last."""
        inside = self._listed(place)
        names = {item.name for item in inside}
        if RUN in names:
            self.runs.append(place)
            return []
        if names >= _FILM and place.is_relative_to(self._root):
            self.films.append(place)
            return []
        if inside and place not in (self._root, self._out) and _is_slide(place):
            self.folders.append(place)
            return []
        # What a command of ours wrote into a folder are its results, not images to map.
        if WORK_FILE not in names and not place.is_relative_to(self._out):
            self.files += [Path(item.path) for item in inside if self._is_picture(item)]
        return [Path(item.path) for item in reversed(inside) if _is_folder(item)]

    def _listed(self, place: Path) -> list[os.DirEntry[str]]:
        """Return what is in a folder, by name, hidden ones left out; nothing where it may not be
        read or has just gone."""
        try:
            with os.scandir(place) as inside:
                shown = [item for item in inside if not item.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self.left_out[_UNREADABLE] += 1
            return []
        return sorted(shown, key=lambda item: item.name)

    def _is_picture(self, item: os.DirEntry[str]) -> bool:
        """Return whether to show a file; what has the name of one and cannot be shown is
        counted."""
        if not item.name.lower().endswith(_SUFFIXES) or _is_folder(item):
            return False
        try:
            kind = self._hindrance(item)
        except FileNotFoundError:  # just now
            return False
        except (OSError, RuntimeError):
            # A link that leads to itself, or a folder whose files may be named and not looked at.
            kind = _LINK if item.is_symlink() else _GONE
        if kind is not None:
            self.left_out[kind] += 1
        return kind is None

    def _hindrance(self, item: os.DirEntry[str]) -> Kind | None:
        """Return why a file cannot be shown; None when it can."""
        if item.is_symlink():
            leads_inside = item.is_file() and lies_in(Path(item.path), self._root)
            if not leads_inside:
                return _LINK
        item.stat()  # raises where is_file would say no, and nobody would know why
        return None if item.is_file() else _NO_FILE


def _is_slide(place: Path) -> bool:
    try:
        return is_slide_folder(place)
    except OSError:  # its files may be named and not looked at
        return False


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir(follow_symlinks=False)
    except OSError:
        return False
