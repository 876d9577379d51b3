"""Jobs: one at a time, each in a process of its own; the list outlives the server, and what a kill
interrupted is done again."""

import logging
import shutil
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from breastseg.bundles.bundle import Bundle
from breastseg.errors import BreastsegError, OutputError
from breastseg.files import claim_folder, held_folder
from breastseg.geometry import MAX_MPP, MIN_MPP
from breastseg.serve.config import ServeConfig
from breastseg.serve.jobs.child import Child
from breastseg.serve.jobs.job_store import Asked, Job, JobStore, State
from breastseg.serve.jobs.worker import Progress, Task
from breastseg.serve.library.entries import Entry
from breastseg.serve.library.folder import Folder
from breastseg.serve.refusals import (
    Absent,
    Forbidden,
    Full,
    Malformed,
    Refused,
    Unreadable,
    Waiting,
)
from breastseg.serve.schema import JobIn, JobOut
from breastseg.serve.tiles.layers import classes_of
from breastseg.serve.tiles.tiles import opened

_SHOWN = 200
"""Jobs that are listed; older ones are asked for by number."""
_AGAIN = 2.0
"""Seconds between attempts to write down what became of a job, where the disk is full."""
_LIST = "jobs.sqlite"
_LOG = logging.getLogger(__name__)


class Jobs:
    """The jobs of a folder. Threads may use it at the same time; a second server on the same output
    folder is refused."""

    def __init__(self, config: ServeConfig, folder: Folder, models: Mapping[str, Bundle]) -> None:
        """Take the folder, and the models by name; nothing runs before `start`."""
        self._folder, self._models, self._limit = folder, models, config.limits.jobs
        self._out_lock = ExitStack()
        self._changed = threading.Condition()
        self._store: JobStore | None = None
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._child: tuple[int, Child] | None = None
        self._progress = Progress()
        self._active: dict[str, Literal["queued", "running"]] = {}
        self._stopping = False

    @property
    def writable(self) -> bool:
        """Return whether results can be kept."""
        return self._store is not None

    def start(self) -> None:
        """Begin with what waits; a folder that cannot be written to takes no jobs, and is shown all
        the same.

        Raises:
            OutputError: another server holds the output folder, or it is for other work.
        """
        try:
            claim_folder(self._folder.out, "serve", {})
            self._out_lock.enter_context(held_folder(self._folder.out))
            (self._folder.out / ".jobs").mkdir(exist_ok=True)
            store = JobStore(self._folder.out / _LIST)
            # Those that a kill interrupted: nothing runs yet.
            for job in store.in_state("running"):
                store.change(job, "queued", of=("running",))
        except OutputError:
            self._out_lock.close()
            raise
        except (OSError, sqlite3.OperationalError) as cause:
            self._out_lock.close()
            _LOG.warning("no jobs: %s cannot be written to (%s)", self._folder.out, cause)
            return
        self._store = store
        self._note_active()
        self._thread.start()

    def stop(self) -> None:
        """End the job that runs, to begin it again with the next start, and let go of the output
        folder."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._end_child()
            self._thread.join()
        if self._store is not None:
            self._store.close()
            self._store = None
        self._out_lock.close()  # last: the next server may take the folder now

    def state_of(self, entry_id: str) -> Literal["queued", "running"] | None:
        """Return whether a job of an entry waits or runs."""
        return self._active.get(entry_id)

    def add(self, wanted: JobIn) -> JobOut:
        """Append a job; one that waits or runs already is not begun twice.

        Raises:
            Refused: model, box or mpp cannot be used; nothing can be written; no such entry; the
                slide cannot be opened or does not say its mpp; too many wait; the disk is full.
        """
        store = self._open_store()
        entry = self._folder.entry(wanted.entry)
        if wanted.model not in self._models:
            raise Malformed(
                f"there is no model of this name here; there is {', '.join(self._models)}"
            )
        asked = self._asked(wanted, entry)
        with self._changed:
            active = store.in_state("running", "queued")
            job = next((job for job in active if job.asked == asked), None)
            queued = [job for job in active if job.state == "queued"]
            if job is None and len(queued) >= self._limit:
                raise Waiting(f"{self._limit} jobs wait already; try again when some are done")
            if job is None:
                try:
                    job = store.add(asked, datetime.now(UTC).isoformat(timespec="seconds"))
                except sqlite3.OperationalError as cause:
                    raise Full(
                        f"the job cannot be written down ({cause}); make room on the disk"
                    ) from None
                self._note_active()
                self._changed.notify_all()
        return self._job_out(job)

    def cancel(self, number: int) -> JobOut:
        """Give up a job that waits or runs; its half result disappears. One that has ended stays as
        it is.

        Raises:
            Refused: no such job; the disk is full.
        """
        store, job = self._open_store(), self._job(number)
        with self._changed:
            try:
                given_up = store.change(job, "cancelled", of=("queued", "running"))
            except sqlite3.OperationalError as cause:
                raise Full(
                    f"that it is given up cannot be written down ({cause}); make room on the disk",
                ) from None
            self._note_active()
        # Outside of the lock: it may take seconds, and the worker's own thread needs the lock.
        if given_up:
            self._end_child(number)
        return self.get(number)

    def get(self, number: int) -> JobOut:
        """Return a job; Absent when there is none."""
        return self._job_out(self._job(number))

    def newest(self) -> list[JobOut]:
        """Return the newest jobs, the last one first."""
        if self._store is None:
            return []
        return list(map(self._job_out, self._store.newest(_SHOWN)))

    def preview(self, number: int) -> Path:
        """Return the image of what was mapped so far; Absent when there is none (yet,
        or any more)."""
        path = self._preview(self._job(number))
        if not path.is_file():
            raise Absent("nothing to show yet, or the job has ended")
        return path

    def _open_store(self) -> JobStore:
        if self._store is None:
            raise Forbidden(
                "the folder of results cannot be written to; change its rights, or serve with"
                " another --out",
            )
        return self._store

    def _job(self, number: int) -> Job:
        job = self._store.get(number) if self._store else None
        if job is None:
            raise Absent("no such job")
        return job

    def _asked(self, wanted: JobIn, entry: Entry) -> Asked:
        """Return the job that was asked for; refuse one that cannot be done."""
        if wanted.mpp is not None and not MIN_MPP <= wanted.mpp <= MAX_MPP:
            raise Malformed(
                f"{wanted.mpp:g} microns per pixel, wanted {MIN_MPP:g} to {MAX_MPP:g}, as in 0.25"
                " for a 40x scan",
            )
        try:
            slide, says = opened(entry.path)
        except BreastsegError as cause:
            raise Unreadable(self._folder.told(str(cause))) from None
        with closing(slide):
            size = slide.size_px
        mpp = wanted.mpp
        # None is written down where the file says it: then the job asks the file again.
        if mpp is None and not says:
            other = self._folder.mpp_of(entry)
            if other is None:
                raise Unreadable(
                    f"{entry.name}: nobody knows its microns per pixel; say how large a pixel is,"
                    " as in 0.25 for a 40x scan"
                )
            mpp = other[0]
        if wanted.box is not None:
            x, y, width, height = wanted.box
            # "x < x + width" refuses a box without width.
            if not (0 <= x < x + width <= size[0] and 0 <= y < y + height <= size[1]):
                raise Malformed(
                    f"the box does not lie inside {entry.name}, which has {size[0]} x {size[1]} px",
                )
        return Asked(entry.id, entry.name, wanted.model, wanted.box, mpp, wanted.uncertainty, size)

    def _job_out(self, job: Job) -> JobOut:
        asked = job.asked
        running = job.state == "running"
        model = self._models.get(asked.model) if running else None
        classes = classes_of(model.card.label_map) if model else []
        # One job runs at a time, so that its progress is that of the server.
        progress = self._progress if running else Progress(1.0 if job.state == "done" else 0.0)
        return JobOut(
            id=job.id,
            entry=asked.entry,
            entry_name=asked.entry_name,
            model=asked.model,
            box=asked.box,
            state=job.state,
            progress=progress.progress,
            seconds_left=progress.seconds_left,
            blocks=progress.blocks,
            preview_box=(asked.box or (0, 0, *asked.size_px)) if running else None,
            classes=classes,
            cause=job.cause,
            layer=job.layer,
            made=job.made,
        )

    def _note_active(self) -> None:
        """Note which entries have jobs: the gallery asks for thousands, the list is on disk."""
        jobs = self._store.in_state("queued", "running") if self._store else []
        active: dict[str, Literal["queued", "running"]] = {}
        # From the newest on: of several jobs of an entry the one that runs is the oldest.
        for job in reversed(jobs):
            active[job.asked.entry] = "running" if job.state == "running" else "queued"
        self._active = active

    def _work(self) -> None:
        """Take one job after the other, until `stop`."""
        while (job := self._next()) is not None:
            try:
                ended = self._run(job)
            except OSError as error:
                _LOG.exception("job %s", job.id)
                ended = "failed", f"the job could not be begun ({error.strerror or error})", None
            self._end(job, *ended)

    def _next(self) -> Job | None:
        with self._changed:
            while not self._stopping:
                waiting = self._open_store().in_state("queued")
                if waiting and self._noted(waiting[0], "running"):
                    self._progress = Progress()
                    self._note_active()
                    return waiting[0]
                # A job that waits and could not be noted is tried again; else somebody notifies.
                self._changed.wait(_AGAIN if waiting else None)
        return None

    def _run(self, job: Job) -> tuple[State, str | None, str | None]:
        """Let a worker do a job; return what became of it, why it failed, and its layer."""
        try:
            entry = self._folder.entry(job.asked.entry)
        except Refused:
            return "failed", f"{job.asked.entry_name}: was removed from the folder", None
        if job.asked.model not in self._models:
            cause = (
                f"the model {job.asked.model} is not offered any more; serve with it as --model,"
                " or choose another"
            )
            return "failed", cause, None
        with Child() as child:
            with self._changed:
                self._child = job.id, child
            if self._given_up(job):  # before there was a process to end
                child.end()
                return "failed", None, None
            failure = child.do(self._task(job, entry), self._note_progress)
            if failure is not None:
                return "failed", self._folder.told(failure), None
            return "done", None, self._layer(job, entry)

    def _note_progress(self, progress: Progress) -> None:
        self._progress = progress

    def _task(self, job: Job, entry: Entry) -> Task:
        asked = job.asked
        return Task(
            slide=str(entry.path),
            model=str(self._models[asked.model].path),
            out=str(self._result(job)),
            preview=str(self._preview(job)),
            box=asked.box,
            mpp=asked.mpp,
            uncertainty=asked.uncertainty,
        )

    def _given_up(self, job: Job) -> bool:
        return self._stopping or self._job(job.id).state != "running"

    def _layer(self, job: Job, entry: Entry) -> str | None:
        """Return the opaque name of a job's result."""
        self._folder.scan()  # the result is not in the list yet
        for result in self._folder.results_of(entry, sure=False):
            if result.folder.parent == self._result(job):
                return result.id
        return None

    def _end(self, job: Job, state: State, cause: str | None, layer: str | None) -> None:
        """Write down what became of a job, however often a full disk refuses it, and remove what is
        of no use any more."""
        # A folder that went, or may be written to no more, holds up no other job.
        with suppress(OSError):
            # The preview, or what its process was writing when it was ended: .part-NAME.png.
            for picture in self._preview(job).parent.glob(f"*{job.name}.png"):
                picture.unlink(missing_ok=True)
        if state != "done":
            shutil.rmtree(self._result(job), ignore_errors=True)
        with self._changed:
            self._child = None
            if state != "done" and self._stopping and self._job(job.id).state != "cancelled":
                return  # the list still has it as running: the next start begins it again
            while not self._noted(job, state, cause, layer) and not self._stopping:
                self._changed.wait(_AGAIN)
            self._note_active()
        # Which may happen to one that has just been done.
        if self._job(job.id).state == "cancelled":
            shutil.rmtree(self._result(job), ignore_errors=True)

    def _noted(
        self, job: Job, state: State, cause: str | None = None, layer: str | None = None
    ) -> bool:
        """Write down a job's state where nobody has given it up; False when the disk refuses it."""
        try:
            self._open_store().change(
                job, state, of=("queued", "running"), cause=cause, layer=layer
            )
        except sqlite3.OperationalError:
            _LOG.exception("job %s is %s, which cannot be written down yet", job.id, state)
            return False
        return True

    def _end_child(self, number: int | None = None) -> None:
        """Ask the worker (of a job) to end, and kill it when it does not."""
        with self._changed:
            current = self._child
        if current is not None and number in (None, current[0]):
            current[1].end()

    def _result(self, job: Job) -> Path:
        return self._folder.out / "maps" / job.name

    def _preview(self, job: Job) -> Path:
        return self._folder.out / ".jobs" / f"{job.name}.png"
