"""The muscle's line of a film, kept beside it as muscle.json, where `mammo prepare` takes it."""

import threading
from pathlib import Path

from breastseg.errors import DatasetError
from breastseg.files import sha256_of
from breastseg.mammography.muscle_line import (
    LINE,
    LINE_BYTES,
    MuscleLine,
    check_line,
    read_line,
    write_line,
)
from breastseg.serve.disk import not_written
from breastseg.serve.films.films import Film
from breastseg.serve.films.record import record_of
from breastseg.serve.refusals import Forbidden, InTheWay, Malformed, Unreadable
from breastseg.serve.schema import FilmLineIn, FilmLineOut


class Lines:
    """The lines of a folder's films. Threads may use it at the same time."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._lock = threading.Lock()

    def load(self, film: Film) -> FilmLineOut:
        """Return the line of a film; of a broken one the cause is returned, and it can be replaced.

        Raises:
            Refused: its record, or the file, cannot be read; the file is a link.
        """
        path = _beside(film)
        with self._lock:
            version = _version(path)
            fixed = _fixed_by(film)
            try:
                line = read_line(path, film.name) if version else None
                cause = None
            except DatasetError as error:
                # The message names the file with its path, which is nobody's business here.
                line, cause = None, str(error).replace(str(path), LINE)
        points = None if line is None else list(line.points_px)
        return FilmLineOut(version=version, points_px=points, fixed_by=fixed, cause=cause)

    def save(self, film: Film, put: FilmLineIn) -> FilmLineOut:
        """Keep a line in place of that of a version; no line at all removes the file.

        Raises:
            Refused: it is no line; the version is not the newest; the film was prepared by a
                paper's steps; the file cannot be written.
        """
        path = _beside(film)
        with self._lock:
            if (fixed := _fixed_by(film)) is not None:
                raise Forbidden(f"{film.name}: {fixed}")
            if _version(path) != put.version:
                raise InTheWay(
                    f"{LINE}: was changed meanwhile, here or in another program; load it again, "
                    "then put the line again"
                )
            try:
                if put.points_px is None:
                    path.unlink(missing_ok=True)
                else:
                    write_line(path, _checked(film, put.points_px))
            except OSError as cause:
                raise not_written(LINE, cause) from None
        return self.load(film)


def _checked(film: Film, points: list[tuple[float, float]]) -> MuscleLine:
    head = film.head
    try:
        return check_line(MuscleLine(head.chest_wall, head.size_px, tuple(points), head.mm_per_px))
    except ValueError as cause:
        raise Malformed(f"{film.name}: {cause}") from None


def _fixed_by(film: Film) -> str | None:
    """Return why the muscle of a film is not for a person to put; None when it is."""
    by = record_of(film.folder).muscle_by
    if not by.startswith("as "):
        return None
    return f"prepared with --as-paper {by[3:]}, which sets the muscle itself"


def _beside(film: Film) -> Path:
    path = film.folder / LINE
    if path.is_symlink():  # it may lead anywhere
        raise Unreadable(f"{film.name}: {LINE}: is a link; put the file itself here")
    return path


def _version(path: Path) -> str:
    """Return the hash of a file; nothing for none."""
    try:
        if not path.is_file():
            return ""
        # Before it is hashed: something large may have that name.
        if path.stat().st_size > LINE_BYTES:
            raise Unreadable(f"{LINE}: longer than a line is; move it away")
        return sha256_of(path)[:32]
    except FileNotFoundError:
        return ""
    except OSError as cause:
        raise Unreadable(f"{LINE}: cannot be read ({cause.strerror or cause})") from None
