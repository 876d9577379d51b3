"""The list of jobs, in SQLite: what was asked for and what became of it outlives the server."""

import json
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from breastseg.errors import OutputError

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]

_TABLE = """CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL, entry_name TEXT NOT NULL, \
model TEXT NOT NULL, box TEXT, mpp REAL,
    uncertainty INTEGER NOT NULL, size_px TEXT NOT NULL, made TEXT NOT NULL, \
state TEXT NOT NULL DEFAULT 'queued', cause TEXT, layer TEXT
)"""
_COLUMNS = "id, entry, entry_name, model, box, mpp, uncertainty, size_px, made, state, cause, layer"


@dataclass(frozen=True)
class Asked:
    """What a job is to do.

    Attributes:
        entry: of the folder.
        entry_name: its name then.
        model: its name.
        box: x, y, width, height in level-0 pixels; None is the whole slide.
        mpp: microns per pixel by the person; None takes the slide's own.
        uncertainty: keep the uncertainty too.
        size_px: (width, height) of the slide.
    """

    entry: str
    entry_name: str
    model: str
    box: tuple[int, int, int, int] | None
    mpp: float | None
    uncertainty: bool
    size_px: tuple[int, int]


@dataclass(frozen=True)
class Job:
    """A job of the list.

    Attributes:
        id: counts up.
        asked: what it is to do.
        made: when it was asked for, ISO date and time.
        state: what became of it.
        cause: why it failed.
        layer: its result, when done.
    """

    id: int
    asked: Asked
    made: str
    state: State
    cause: str | None = None
    layer: str | None = None

    @property
    def name(self) -> str:
        """Return a name for its files, new even when the list was removed and counts from 1
        again."""
        digits = self.made[:19].replace("-", "").replace(":", "")  # to the second: 20261129T141500
        return f"{digits.replace('T', '-')}-{self.id}"


class JobStore:
    """The list of jobs in one file; threads may use it at the same time, one process only."""

    def __init__(self, path: Path) -> None:
        """Open the list, or begin one.

        Raises:
            OutputError: the file is something else. sqlite3.OperationalError: it cannot be written.
        """
        # One connection for all threads, which the lock lets in one by one; without isolation each
        # statement is written at once.
        self._lock = threading.Lock()
        self._data = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # Together these keep the list whole through a kill, and wait for the disk seldom.
            self._data.execute("PRAGMA journal_mode = WAL")
            self._data.execute("PRAGMA synchronous = NORMAL")
            self._data.execute(_TABLE)
            # A table of this name may be there with other columns: then it is no list of ours.
            self._data.execute(f"SELECT {_COLUMNS} FROM jobs LIMIT 1")
        except sqlite3.OperationalError:
            self._data.close()
            raise
        except sqlite3.DatabaseError as cause:
            self._data.close()
            raise OutputError(f"{path}: not a list of jobs ({cause}); move it away") from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._data.close()

    def add(self, asked: Asked, made: str) -> Job:
        """Append a job that waits."""
        with self._lock:
            row = self._data.execute(
                "INSERT INTO jobs (entry, entry_name, model, box, mpp, uncertainty, size_px, made)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (
                    asked.entry,
                    asked.entry_name,
                    asked.model,
                    asked.box and json.dumps(asked.box),
                    asked.mpp,
                    asked.uncertainty,
                    json.dumps(asked.size_px),
                    made,
                ),
            ).fetchone()
        return Job(row[0], asked, made, "queued")

    def get(self, number: int) -> Job | None:
        """Return a job by its number."""
        return next(iter(self._jobs("WHERE id = ?", number)), None)

    def newest(self, count: int) -> list[Job]:
        """Return the newest jobs, the last one first."""
        return self._jobs("ORDER BY id DESC LIMIT ?", count)

    def in_state(self, *states: State) -> list[Job]:
        """Return the jobs in one of some states, in the order in which they were asked for."""
        return self._jobs(f"WHERE state IN ({', '.join('?' * len(states))}) ORDER BY id", *states)

    def change(
        self,
        job: Job,
        state: State,
        *,
        of: tuple[State, ...],
        cause: str | None = None,
        layer: str | None = None,
    ) -> bool:
        """Give a job another state; False when it is not in one of the states `of` any more."""
        # One statement looks and writes: a job may be cancelled at the same moment.
        with self._lock:
            changed = self._data.execute(
                "UPDATE jobs SET state = ?, cause = ?, layer = ? WHERE id = ? AND state IN"
                f" ({', '.join('?' * len(of))})",
                (state, cause, layer, job.id, *of),
            )
        return changed.rowcount == 1

    def _jobs(self, which: str, *values: Any) -> list[Job]:
        with self._lock:
            rows = self._data.execute(f"SELECT {_COLUMNS} FROM jobs {which}", values).fetchall()
        return [_job(*row) for row in rows]


def _job(
    number: int,
    entry: str,
    entry_name: str,
    model: str,
    box: str | None,
    mpp: float | None,
    uncertainty: int,
    size_px: str,
    made: str,
    state: State,
    cause: str | None,
    layer: str | None,
) -> Job:
    width, height = json.loads(size_px)
    asked = Asked(
        entry=entry,
        entry_name=entry_name,
        model=model,
        box=None if box is None else tuple(json.loads(box)),
        mpp=mpp,
        uncertainty=bool(uncertainty),  # SQLite has no such type
        size_px=(width, height),
    )
    return Job(number, asked, made, state, cause, layer)
