"""What the folder holds: slides and images by opaque names, and which result belongs to which."""

import threading
from collections import Counter
from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import fingerprint
from breastseg.serve.config import ServeConfig
from breastseg.serve.library.entries import Entry, EntryMaker, version_of
from breastseg.serve.library.known import Known, Truth, find_known, mpp_of_run
from breastseg.serve.library.names import without_places
from breastseg.serve.library.results import Result, Results, is_still_there
from breastseg.serve.library.walk import MOST_ENTRIES, Kind, Walk
from breastseg.serve.refusals import Absent

_RUNS = (
    "map with more in its run.json than there is room for",
    "maps with more in their run.json than there is room for",
)


class Folder:
    """The folder that is served. Threads may use it at the same time; nothing outside of it is ever
    opened."""

    def __init__(self, config: ServeConfig) -> None:
        """Look through the folder.

        Raises:
            InputError: no such folder.
        """
        if not config.folder.is_dir():
            what = "is a file" if config.folder.is_file() else "no such folder"
            raise InputError(f"{config.folder}: {what}, wanted a folder with slides or images")
        self.root = config.folder.resolve()
        self.out = config.out_folder.resolve()
        self._lock = threading.RLock()
        # Replaced as a whole by each look: threads read them without the lock.
        self._entries: dict[str, Entry] = {}
        self._results: dict[str, Result] = {}
        self._results_by_name: dict[str, list[Result]] = {}
        self.films: list[Path] = []
        self._known: dict[Path, Known] = {}
        self._listing: frozenset[Path] = frozenset()
        self._maker = EntryMaker(self.root)
        self._runs = Results()
        self._left_out: Counter[Kind] = Counter()
        self._is_more = False
        # By id and version of an entry, so that a file that changes is looked at again.
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._causes: dict[tuple[str, str], str] = {}
        self.scan()

    def scan(self) -> list[Entry]:
        """Look through the folder again; return the entries by name."""
        with self._lock:
            walk = Walk(self.root, self.out)
            # Data sets are looked for only where files came or went: that reads tables and headers.
            if frozenset(walk.files) != self._listing:
                self._listing = frozenset(walk.files)
                self._known = find_known(self.root)
            # A mask is shown over its image, and not beside it as an image of its own.
            masks = {known.truth.path for known in self._known.values() if known.truth}
            shown = [path for path in (*walk.files, *walk.folders) if path not in masks]
            self._is_more = len(shown) > MOST_ENTRIES
            self._entries = self._made(shown[:MOST_ENTRIES])
            self._results, too_many = self._runs.find(walk.runs)
            self.films = walk.films
            self._left_out = walk.left_out
            if too_many:
                self._left_out[_RUNS] = too_many
            by_name: dict[str, list[Result]] = {}
            for result in self._results.values():
                by_name.setdefault(result.run.input_name, []).append(result)
            self._results_by_name = by_name
            return list(self._entries.values())

    def _made(self, paths: list[Path]) -> dict[str, Entry]:
        """Return the entries of files by their id, in the order of their names."""
        before = {entry.path: entry for entry in self._entries.values()}
        entries = []
        for path in paths:
            entry = self._maker.make(path, before.get(path))
            if entry is not None:
                entries.append(entry)
        entries.sort(key=lambda entry: entry.name)
        return {entry.id: entry for entry in entries}

    def left_out(self) -> list[str]:
        """Return what the last look through the folder came across and does not show, one kind a
        line, with its number."""
        lines = []
        for (of_one, of_several), number in sorted(self._left_out.items()):
            lines.append(f"{number:,} {of_one if number == 1 else of_several}")
        if self._is_more:
            lines.append(f"all beyond the first {MOST_ENTRIES:,}")
        return lines

    def entry(self, entry_id: str) -> Entry:
        """Return an entry as it is on disk now.

        Raises:
            Refused: there is none, or it was removed.
        """
        entry = self._entries.get(entry_id)
        if entry is None:  # it may have come since the last look
            self.scan()
            entry = self._entries.get(entry_id)
        if entry is None:
            raise Absent("no such slide in this folder; go back to the gallery")
        if version_of(entry.path) == entry.version:
            return entry
        with self._lock:
            renewed = self._maker.make(entry.path)
            others = dict(self._entries)
            others.pop(entry_id, None)
            self._entries = others
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
        results = self._results_by_name.get(entry.path.name, [])
        if results:
            key = entry.id, entry.version
            own = self._fingerprint(entry) if sure else self._fingerprints.get(key)
            # Two folders may hold files of one name: the fingerprint says whose a result is.
            if own is not None:
                results = [result for result in results if result.run.input_fingerprint == own]
        return sorted(results, key=lambda result: (result.made, result.id), reverse=True)

    def result(self, result_id: str) -> Result | None:
        """Return a result that is still there."""
        if result_id not in self._results:
            self.scan()
        result = self._results.get(result_id)
        return result if result and is_still_there(result) else None

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
        if known and (mpp := known.mpp()):
            return mpp
        for result in self.results_of(entry, sure=True):
            mpp = mpp_of_run(result.run)
            if mpp:
                return mpp
        return None

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
        return without_places(text, (self.out, self.root))

    def _fingerprint(self, entry: Entry) -> str:
        key = entry.id, entry.version
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint(entry.path)
        return self._fingerprints[key]
