"""What the folder holds: slides and pictures by opaque names, and which result belongs to which."""

import hashlib
import os
import re
import stat
import threading
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.files import WORK_FILE, fingerprint
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.json_files import read_json
from breastseg.mammography.record import IMAGE, MASKS, RECORD
from breastseg.serve.config import ServeConfig
from breastseg.serve.library.known import Known, Truth, find_known, mpp_of_run
from breastseg.serve.parsing import json_bytes
from breastseg.serve.refusals import Absent
from breastseg.sources.pairs import GEOJSON_SUFFIXES, names_of

MOST_ENTRIES = 10_000
_MOST_FOLDERS = 20_000
_SUFFIXES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)
_RUN = "run.json"
_FILM = {RECORD, IMAGE, MASKS}
"""What lies in the folder of a prepared mammogram; its pictures are no slides."""
_RUN_BYTES = 2**20
"""What `predict` writes has a few kB."""
_RUN_HELD_BYTES, _RUNS_HELD_BYTES = 2**22, 2**26
"""Memory that one run.json may take once it is read, and all that are held."""
_UNREADABLE = "folder that cannot be read", "folders that cannot be read"
_LINK = (
    "link that leads out of this folder or nowhere",
    "links that lead out of this folder or nowhere",
)
_NO_FILE = "pipe or device", "pipes or devices"
_GONE = "file that cannot be looked at", "files that cannot be looked at"
_RUNS = (
    "map with more in its run.json than there is room for",
    "maps with more in their run.json than there is room for",
)
_MOST_NUMBER = 2**53
_MARK, _JOINERS = "\N{REPLACEMENT CHARACTER}", "\u200c\u200d"
"""In place of letters that cannot be seen; joiners are part of how some scripts are written."""
_ABSOLUTE = re.compile(r"(?<![\w/.:])/(?:[^/\s:'\"]+/)+([^/\s:'\"]*)")


@dataclass(frozen=True)
class Entry:
    """A slide or picture.

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


@dataclass(frozen=True)
class Result:
    """A folder of results of one slide.

    Attributes:
        id: opaque; another one when the result is made again.
        folder: with run.json in it.
        run: what run.json says.
        made: when, ISO date and time.
    """

    id: str
    folder: Path
    run: dict[str, Any]
    made: str

    @property
    def input_name(self) -> str:
        """Return the file name of the slide that was mapped."""
        return re.split(r"[/\\]", str(self.run["input"]))[-1]


class Folder:
    """The folder that is served. Threads may use it at the same time; nothing outside of it is ever
    opened.

    Attributes:
        root: the folder.
        out: where results are written.
        films: folders of prepared mammograms, as of the last look.
    """

    def __init__(self, config: ServeConfig) -> None:
        """Look through the folder.

        Raises:
            InputError: no such folder.
        """
        if not config.folder.is_dir():
            what = "is a file" if config.folder.is_file() else "no such folder"
            raise InputError(f"{config.folder}: {what}, wanted a folder with slides or pictures")
        self.root = config.folder.resolve()
        self.out = config.out_folder.resolve()
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._results: dict[str, Result] = {}
        self._named: dict[str, list[Result]] = {}
        self.films: list[Path] = []
        self._known: dict[Path, Known] = {}
        self._listing: frozenset[Path] = frozenset()
        self._runs: dict[tuple[Path, int], tuple[Result | None, int]] = {}
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._is_more = False
        self._folder_bytes: dict[tuple[Path, int], int | None] = {}
        self._prints: dict[tuple[str, str], str] = {}
        self._causes: dict[tuple[str, str], str] = {}
        self.scan()

    def scan(self) -> list[Entry]:
        """Look through the folder again; return the entries by name."""
        with self._lock:
            self._left_out.clear()
            files, folders, runs = self._walk()
            if frozenset(files) != self._listing:
                self._listing = frozenset(files)
                self._known = find_known(self.root)
            masks = {known.truth.path for known in self._known.values() if known.truth}
            shown = [path for path in (*files, *folders) if path not in masks]
            self._is_more = len(shown) > MOST_ENTRIES
            before = {entry.path: entry for entry in self._entries.values()}
            entries = [
                entry
                for path in shown[:MOST_ENTRIES]
                if (entry := self._entry(path, before.get(path)))
            ]
            self._entries = {
                entry.id: entry for entry in sorted(entries, key=lambda entry: entry.name)
            }
            self._results = self._found_results(runs)
            named: dict[str, list[Result]] = {}
            for result in self._results.values():
                named.setdefault(result.input_name, []).append(result)
            self._named = named
            return list(self._entries.values())

    def left_out(self) -> list[str]:
        """Say what the last look through the folder came across and does not show, one kind a line,
        with its number."""
        counted = [
            f"{number:,} {kinds[number != 1]}" for kinds, number in sorted(self._left_out.items())
        ]
        return [*counted, f"all beyond the first {MOST_ENTRIES:,}"] if self._is_more else counted

    def entry(self, entry_id: str) -> Entry:
        """Return an entry as it is on disk now.

        Raises:
            Refused: there is none, or it was removed.
        """
        entry = self._entries.get(entry_id)
        if entry is None:
            self.scan()
            entry = self._entries.get(entry_id)
        if entry is None:
            raise Absent("no such slide in this folder; go back to the gallery")
        if _version(entry.path) == entry.version:
            return entry
        with self._lock:
            renewed = self._entry(entry.path)
            self._entries = {key: one for key, one in self._entries.items() if key != entry_id}
            if renewed is None:
                raise Absent(f"{entry.name}: was removed from the folder; go back to the gallery")
            self._entries[entry_id] = renewed
        return renewed

    def results_of(self, entry: Entry, *, sure: bool) -> list[Result]:
        """Return the results of an entry, newest first.

        Args:
            entry: from `entry` or `scan`.
            sure: compare the file's fingerprint, which reads up to 64 MB of it; else only what is
                known without.
        """
        named = self._named.get(entry.path.name, [])
        if named:
            known = (
                self._fingerprint(entry) if sure else self._prints.get((entry.id, entry.version))
            )
            named = [result for result in named if known in (None, result.run["input_fingerprint"])]
        return sorted(named, key=lambda result: (result.made, result.id), reverse=True)

    def result(self, result_id: str) -> Result | None:
        """Return a result that is still there."""
        if result_id not in self._results:
            self.scan()
        result = self._results.get(result_id)
        try:
            return (
                result
                if result
                and is_own_file(result.folder / _RUN)
                and result.folder.resolve() == result.folder
                else None
            )
        except (
            OSError,
            RuntimeError,
        ):  # a folder that may not be looked into any more, or a link that leads to itself
            return None

    def truth_of(self, entry: Entry) -> Truth | None:
        """Return the mask of an entry, where the folder or one in it is a data set with masks."""
        known = self._known.get(entry.path)
        return known.truth if known else None

    def mpp_of(self, entry: Entry) -> tuple[float, str] | None:
        """Return microns per pixel where the file says none, and where they come from; None when
        nobody knows.

        Its data set knows them, else the newest map of exactly this file.
        """
        known = self._known.get(entry.path)
        if known and (said := known.mpp()):
            return said
        return next(
            (
                said
                for result in self.results_of(entry, sure=True)
                if (said := mpp_of_run(result.run))
            ),
            None,
        )

    def note_broken(self, entry: Entry, cause: str | None) -> None:
        """Remember why an entry cannot be opened, until its file changes or None says that it
        can."""
        if cause is None:
            self._causes.pop((entry.id, entry.version), None)
        else:
            self._causes[entry.id, entry.version] = cause

    def cause(self, entry: Entry) -> str | None:
        """Return why an entry could not be opened."""
        return self._causes.get((entry.id, entry.version))

    def told(self, text: str) -> str:
        """Return a message without paths of this machine: what lies in the folder has its name
        there, all else its file name."""
        for place in (self.out, self.root):
            text = text.replace(f"{place}{os.sep}", "").replace(str(place), place.name)
        return shown_name(_ABSOLUTE.sub(r"\1", text))

    def _walk(self) -> tuple[list[Path], list[Path], list[Path]]:
        """Return pictures and slides, folders that are slides, and folders of results; hidden ones
        and links to folders left out."""
        files: list[Path] = []
        folders: list[Path] = []
        runs: list[Path] = []
        films: list[Path] = []
        waiting = [self.out, self.root]
        seen: set[Path] = set()
        while waiting and len(files) + len(folders) <= MOST_ENTRIES and len(seen) < _MOST_FOLDERS:
            place = waiting.pop()
            inside = [] if place in seen else self._listed(place)
            seen.add(place)
            names = {item.name for item in inside}
            if _RUN in names:
                runs.append(place)
            elif names >= _FILM and place.is_relative_to(self.root):
                films.append(place)
            elif inside and place not in (self.root, self.out) and self._is_slide(place):
                folders.append(place)
            else:
                waiting += [Path(item.path) for item in reversed(inside) if _is_folder(item)]
                if WORK_FILE not in names and not place.is_relative_to(self.out):
                    files += [Path(item.path) for item in inside if self._is_picture(item)]
        self.films = films
        return files, folders, runs

    def _listed(self, place: Path) -> list[os.DirEntry[str]]:
        """Return what is in a folder, by name, hidden ones left out; nothing where it may not be
        read or has just gone."""
        try:
            with os.scandir(place) as inside:
                return sorted(
                    (item for item in inside if not item.name.startswith(".")),
                    key=lambda item: item.name,
                )
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self._left_out[_UNREADABLE] += 1
            return []

    def _is_slide(self, place: Path) -> bool:
        try:
            return is_slide_folder(place)
        except OSError:  # its files may be named and not looked at
            return False

    def _is_picture(self, item: os.DirEntry[str]) -> bool:
        """Return whether to show a file; what has the name of one and cannot be shown is
        counted."""
        if not item.name.lower().endswith(_SUFFIXES) or _is_folder(item):
            return False
        try:
            if item.is_symlink() and not (item.is_file() and self._holds(Path(item.path))):
                self._left_out[_LINK] += 1
                return False
            item.stat()
            if not item.is_file():
                self._left_out[_NO_FILE] += 1
                return False
        except FileNotFoundError:  # just now
            return False
        except (
            OSError,
            RuntimeError,
        ):  # a link that leads to itself, or a folder whose files may be named and not looked at
            self._left_out[_LINK if item.is_symlink() else _GONE] += 1
            return False
        return True

    def _entry(self, path: Path, known: Entry | None = None) -> Entry | None:
        """Return an entry, the known one when it has not changed; None where it is gone, or a link
        in its place or in it leads out."""
        version = _version(path)
        if known is not None and known.version == version:
            return known
        try:
            size = self._bytes(path) if version and self._holds(path) else None
        except (OSError, RuntimeError):
            size = None
        if version is None or size is None:
            return None
        relative = path.relative_to(self.root)
        return Entry(opaque(relative), shown_name(relative.as_posix()), path, size, version)

    def _holds(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root)

    def _bytes(self, path: Path) -> int | None:
        found = path.stat()
        if not path.is_dir():
            return found.st_size
        key = path, found.st_mtime_ns
        if key not in self._folder_bytes:
            inside = list(path.rglob("*"))
            safe = all(
                self._holds(item) if item.is_symlink() else item.is_file() or item.is_dir()
                for item in inside
            )
            self._folder_bytes[key] = (
                sum(item.stat().st_size for item in inside if item.is_file()) if safe else None
            )
        return self._folder_bytes[key]

    def _found_results(self, folders: list[Path]) -> dict[str, Result]:
        """Return the results in folders by their id, as far as there is room for them; hold no
        others."""
        held, taken, found = {}, 0, {}
        for folder in folders:
            try:
                key = folder, (folder / _RUN).stat().st_mtime_ns
            except OSError:
                continue
            result, size = held[key] = self._runs.get(key) or self._result(*key)
            if size > _RUN_HELD_BYTES or taken + size > _RUNS_HELD_BYTES:
                self._left_out[_RUNS] += 1
                held[key] = None, size
            elif result:
                taken += size
                found[result.id] = result
        self._runs = held
        return found

    def _result(self, folder: Path, changed: int) -> tuple[Result | None, int]:
        """Return a result by what its run.json says, and what that takes; None for another
        program's run.json, or one that is too much."""
        try:
            if not is_own_file(folder / _RUN):
                return None, 0
            with (folder / _RUN).open("rb") as file:
                text = file.read(_RUN_BYTES + 1)
            size = json_bytes(text)
            if len(text) > _RUN_BYTES or size > _RUN_HELD_BYTES:
                return None, max(size, _RUN_HELD_BYTES + 1)
            run = read_json(folder / _RUN, InputError, "a result's run.json")
            made = datetime.fromtimestamp(changed / 1e9, UTC).isoformat(timespec="seconds")
            return (
                (Result(opaque(folder, changed), folder, run, made), size)
                if _is_run(run)
                else (None, 0)
            )
        except (
            OSError,
            ValueError,
            RecursionError,
        ):  # read_json's own error is a ValueError, as is a number of 5,000 digits
            return None, 0

    def _fingerprint(self, entry: Entry) -> str:
        key = entry.id, entry.version
        if key not in self._prints:
            self._prints[key] = fingerprint(entry.path)
        return self._prints[key]


def _is_run(said: Any) -> bool:
    """Return whether a run.json is that of a result; anybody may have written it."""
    needed = {
        "input": str,
        "input_fingerprint": str,
        "size_px": list,
        "label_map": dict,
        "measures": dict,
        "doubts": list,
    }
    if not isinstance(said, dict) or not all(
        isinstance(said.get(name), kind) for name, kind in needed.items()
    ):
        return False
    lists = [said["size_px"], said.get("box_level0_px") or []]
    return (
        all(
            isinstance(said.get(name, ""), str)
            for name in ("model", "mpp_source", "backend", "use")
        )
        and all(isinstance(doubt, str) for doubt in said["doubts"])
        and len(said["size_px"]) == 2
        and all(isinstance(one, list) and all(map(_is_number, one)) for one in lists)
        and all(_is_number(said.get(name, 0)) for name in ("mpp", "model_mpp"))
        and all(
            value is None or value != value or isinstance(value, str) or _is_number(value)
            for value in said["measures"].values()
        )
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _MOST_NUMBER


def is_own_file(path: Path) -> bool:
    """Return whether a file of a result lies there itself: a link may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def areas_beside(path: Path) -> Path:
    """Return where the areas of a slide lie, or would: beside it, under one of the names that
    `prepare` looks for."""
    stem = path.name if path.is_dir() else path.stem
    plain = path.with_name(f"{stem}.geojson")
    names = [
        path.with_name(name + ending) for ending in GEOJSON_SUFFIXES for name in names_of(path)
    ]
    return plain if plain.is_file() else next((place for place in names if place.is_file()), plain)


def opaque(place: Path, changed: int | None = None) -> str:
    """Return a name for a file or folder that tells nothing of it; with the time of its last
    change, a new one after each."""
    said = os.fsencode(place.as_posix()) + (b"" if changed is None else f" {changed}".encode())
    return hashlib.sha256(said).hexdigest()[:16]


def shown_name(name: str) -> str:
    """Return a name as text that can be shown: what is not UTF-8, cannot be seen or turns the
    letters around it has a mark in its place."""
    return "".join(_MARK if _is_unseen(letter) else letter for letter in name)


def _is_unseen(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return (kind[0] == "C" and letter not in _JOINERS) or kind in {"Zl", "Zp"}


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _version(path: Path) -> str | None:
    """Return what changes with a file; None when it is gone or nothing that may be opened."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return None
    return hashlib.sha256(
        f"{found.st_mtime_ns} {found.st_size} {found.st_ino}".encode()
    ).hexdigest()[:12]
