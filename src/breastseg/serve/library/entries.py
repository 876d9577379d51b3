"""Slides and images of the folder: each by its place, its size and a version."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from breastseg.serve.library.names import opaque, shown_name
from breastseg.sources.pairs import GEOJSON_SUFFIXES, names_of


@dataclass(frozen=True)
class Entry:
    """A slide or image.

    Attributes:
        id: opaque; the same as long as its place in the folder is.
        name: its place in the folder, with / between folders, as text that can be shown.
        path: the file, or the folder of a slide that is one.
        bytes: on disk.
        version: changes when the file does.
    """

    id: str
    name: str
    path: Path
    bytes: int
    version: str


class EntryMaker:
    """Looks at files and makes entries of them; nothing outside of the root is ever an entry."""

    def __init__(self, root: Path) -> None:
        """Take the folder that is served, without links in it."""
        self._root = root
        self._folder_bytes: dict[tuple[Path, int], int | None] = {}

    def make(self, path: Path, before: Entry | None = None) -> Entry | None:
        """Return an entry, that of before when it has not changed; None where it is gone, or a link
        in its place or in it leads out."""
        version = version_of(path)
        if version is None:
            return None
        if before is not None and before.version == version:
            return before
        try:
            size = self._bytes(path) if lies_in(path, self._root) else None
        except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
            return None
        if size is None:
            return None
        relative = path.relative_to(self._root)
        return Entry(opaque(relative), shown_name(relative.as_posix()), path, size, version)

    def _bytes(self, path: Path) -> int | None:
        """Return how large a file is, or a folder with all in it; None where a link in it leads
        out, or something is no file."""
        facts = path.stat()
        if not path.is_dir():
            return facts.st_size
        # Looked through once for each change: a slide that is a folder may have thousands of files.
        key = path, facts.st_mtime_ns
        if key not in self._folder_bytes:
            inside = list(path.rglob("*"))
            is_safe = all(self._is_safe(item) for item in inside)
            sizes = (item.stat().st_size for item in inside if item.is_file())
            self._folder_bytes[key] = sum(sizes) if is_safe else None
        return self._folder_bytes[key]

    def _is_safe(self, item: Path) -> bool:
        if item.is_symlink():
            return lies_in(item, self._root)
        return item.is_file() or item.is_dir()


def lies_in(path: Path, folder: Path) -> bool:
    """Return whether a file, or what a link leads to, lies in a folder."""
    return path.resolve().is_relative_to(folder)


def areas_beside(path: Path) -> Path:
    """Return where the areas of a slide lie, or would: beside it, under one of the names that
    `prepare` looks for."""
    stem = path.name if path.is_dir() else path.stem
    plain = path.with_name(f"{stem}.geojson")
    if plain.is_file():
        return plain
    for ending in GEOJSON_SUFFIXES:
        for name in names_of(path):
            place = path.with_name(name + ending)
            if place.is_file():
                return place
    return plain


def version_of(path: Path) -> str | None:
    """Return what changes with a file; None when it is gone or nothing that may be opened."""
    try:
        facts = path.stat()
    except OSError:
        return None
    # Opening a pipe or a device would wait for ever, or do something.
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        return None
    # The inode too: a renamed file may have the time and size of the one that it replaces.
    text = f"{facts.st_mtime_ns} {facts.st_size} {facts.st_ino}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
