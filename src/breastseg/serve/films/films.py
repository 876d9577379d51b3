"""The prepared films of the folder, by opaque ids; what the page shows of each."""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from breastseg.mammography.muscle_line import LINE, line_hash
from breastseg.mammography.record import CUT, IMAGE, MASKS, RECORD
from breastseg.serve.films.record import Record, record_of
from breastseg.serve.library.folder import Folder
from breastseg.serve.library.names import opaque, shown_name
from breastseg.serve.library.results import is_own_file
from breastseg.serve.refusals import Absent, Refused
from breastseg.serve.schema import FilmOut, FilmPageOut, FindingOut

_OTHER_SIDE = {"L": "R", "R": "L"}
_PICTURES = (RECORD, IMAGE, MASKS, CUT)
_DENSITY = ("density", "tissue")
"""Facts of a data set that tell how dense a breast is."""


@dataclass(frozen=True)
class Film:
    """A prepared film.

    Attributes:
        id: opaque; the same as long as its place in the folder is.
        name: of its folder, as text that can be shown.
        folder: with film.json in it.
        version: changes when its record or its images do.
        files_version: changes when any of its files does, the muscle's line too.
        head: of the record: what the gallery needs.
    """

    id: str
    name: str
    folder: Path
    version: str
    files_version: str
    head: FilmOut

    @property
    def prepared_in(self) -> Path:
        """Return the folder that `mammo prepare` wrote."""
        return self.folder.parent


class Films:
    """Threads may use it at the same time."""

    def __init__(self, folder: Folder) -> None:
        """Take the folder; no record is read yet."""
        self._folder = folder
        self._lock = threading.Lock()  # one record is parsed at a time
        self._films: dict[str, Film] = {}
        self._bad = 0

    def scan(self) -> list[Film]:
        """Look through the folder again; return the films by patient, view and side."""
        self._folder.scan()
        with self._lock:
            before, films, self._bad = self._films, [], 0
            for place in self._folder.films:
                film_id = opaque(place.relative_to(self._folder.root))
                film = self._film(place, film_id, before.get(film_id))
                if film is None:
                    self._bad += 1
                else:
                    films.append(film)
            films.sort(key=_order)
            # A new dict, put in place at once: others read it without the lock.
            self._films = {film.id: film for film in films}
            return films

    def left_out(self) -> list[str]:
        """Return what the last look came across and does not show, as a line."""
        what = "film" if self._bad == 1 else "films"
        return [f"{self._bad} {what} whose film.json cannot be read"] if self._bad else []

    def film(self, film_id: str) -> Film:
        """Return a film as it is on disk now.

        Raises:
            Refused: there is none, or it was removed.
        """
        film = self._films.get(film_id)
        if film is None or _changes(film.folder, *_PICTURES, LINE) != film.files_version:
            self.scan()
            film = self._films.get(film_id)
        if film is None:
            raise Absent("no such film in this folder; go back to the gallery")
        return film

    def told(self, film: Film) -> FilmPageOut:
        """Return what the film's page shows.

        Raises:
            Refused: its record cannot be read.
        """
        with self._lock:
            record = record_of(film.folder)
        partner = self._partner(film)
        density = []
        for name in _DENSITY:
            if record.facts.get(name):
                density.append(f"{name}: {record.facts[name]}")
        density += _proposed(record)
        findings = []
        for finding in record.findings:
            # The page needs to know that there is a mask, not how its file is called.
            fields = finding.model_dump(exclude={"mask"})
            findings.append(FindingOut(**fields, mask=bool(finding.mask)))
        return FilmPageOut(
            **head_of(film.id, film.name, film.version, film.folder, record).model_dump(),
            laterality_origin=record.laterality_origin,
            view_origin=record.view_origin,
            mm_origin=record.mm_origin,
            chest_wall_sure=record.chest_wall_sure,
            muscle_by=record.muscle_by,
            muscle_score=record.muscle_score,
            areas_px=(record.breast_px, record.muscle_px),
            areas_mm2=(record.breast_mm2, record.muscle_mm2),
            density=[shown_name(line)[:200] for line in density],
            findings=findings,
            has_muscle_picture=is_own_file(film.folder / CUT),
            partner=partner.id if partner else None,
            notes=record.notes,
            history=record.history,
        )

    def _partner(self, film: Film) -> Film | None:
        """Return the other breast of the same patient in the same view."""
        head = film.head
        wanted = (head.patient, head.data_set, head.view, _OTHER_SIDE.get(head.laterality))
        # Films of which nobody knows the patient would all be partners of each other.
        if not head.patient or not head.view:
            return None
        for other in self._films.values():
            theirs = other.head
            other_key = (theirs.patient, theirs.data_set, theirs.view, theirs.laterality)
            if other_key == wanted and other.prepared_in == film.prepared_in:
                return other
        return None

    def _film(self, place: Path, film_id: str, before: Film | None) -> Film | None:
        """Return a film, that of before where no file of it has changed; None where its record
        cannot be read."""
        version, files_version = _changes(place, *_PICTURES), _changes(place, *_PICTURES, LINE)
        if before is not None and before.files_version == files_version:
            return before
        name = shown_name(place.name)
        try:
            head = head_of(film_id, name, version, place, record_of(place))
        except Refused:
            return None
        return Film(film_id, name, place, version, files_version, head)


def head_of(film_id: str, name: str, version: str, folder: Path, record: Record) -> FilmOut:
    """Return what the gallery shows of a film."""
    line_file = line_hash(folder) if is_own_file(folder / LINE) else None
    line: Literal["", "waiting", "used"] = ""
    if line_file:
        line = "used" if line_file == record.muscle_line else "waiting"
    return FilmOut(
        id=film_id,
        name=name,
        version=version,
        data_set=shown_name(record.data_set),
        patient=shown_name(record.patient),
        laterality=record.laterality,
        view=record.view,
        size_px=(record.width_px, record.height_px),
        mm_per_px=record.mm_per_px,
        # So written for the type checker: the record's pattern allows these two alone.
        chest_wall="left" if record.chest_wall == "left" else "right",
        findings_count=len(record.findings),
        line=line,
    )


def _proposed(record: Record) -> list[str]:
    """Return what was measured of density, as a line, where it could be."""
    if record.fibroglandular_share is None or not record.density_proposed:
        return []
    also = f", perhaps {record.density_also}" if record.density_also else ""
    share = f"{100 * record.fibroglandular_share:.0f} % of its area is bright"
    return [f"proposed: {record.density_proposed}{also} ({share})"]


def _order(film: Film) -> tuple[str, str, str, bool, str]:
    """Sort films by patient and view, the right breast first, as they hang."""
    head = film.head
    return head.data_set, head.patient, head.view, head.laterality != "R", film.name


def _changes(folder: Path, *names: str) -> str:
    """Return what changes with files of a film."""
    digest = hashlib.sha256()
    for name in names:
        try:
            facts = (folder / name).stat()
        except OSError:  # not every film has all of them
            continue
        # The inode too: a renamed file may have the time and size of the one that it replaces.
        digest.update(f"{name} {facts.st_mtime_ns} {facts.st_size} {facts.st_ino}\n".encode())
    return digest.hexdigest()[:12]
