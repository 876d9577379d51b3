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
"""Seconds until what became of a job is written again to a disk that took it not."""
_LIST = "jobs.sqlite"
_LOG = logging.getLogger(__name__)


class Jobs:
    """The jobs of a folder. Threads may use it at the same time; a second server on the same output
    folder is refused."""

    def __init__(self, config: ServeConfig, folder: Folder, models: Mapping[str, Bundle]) -> None:
        """Take the folder, and the models by name; nothing runs before `start`."""
        self._folder, self._models, self._limit = folder, models, config.limits.jobs
        self._held = ExitStack()
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
            self._held.enter_context(held_folder(self._folder.out))
            (self._folder.out / ".jobs").mkdir(exist_ok=True)
            store = JobStore(self._folder.out / _LIST)
            for job in store.in_state("running"):
                store.change(job, "queued", of=("running",))
        except OutputError:
            self._held.close()
            raise
        except (OSError, sqlite3.OperationalError) as cause:
            self._held.close()
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
        self._held.close()

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
            waiting = store.in_state("running", "queued")
            job = next((job for job in waiting if job.asked == asked), None)
            if job is None and sum(job.state == "queued" for job in waiting) >= self._limit:
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
        return self._told(job)

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
        if given_up:
            self._end_child(number)
        return self.get(number)

    def get(self, number: int) -> JobOut:
        """Return a job; Absent when there is none."""
        return self._told(self._job(number))

    def newest(self) -> list[JobOut]:
        """Return the newest jobs, the last one first."""
        return [self._told(job) for job in self._store.newest(_SHOWN)] if self._store else []

    def preview(self, number: int) -> Path:
        """Return the picture of what was named so far; Absent when there is none (yet,
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
        """Look whether the slide can be mapped so."""
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
        if mpp is None and not says:
            known = self._folder.mpp_of(entry)
            if known is None:
                line = (
                    "nobody knows its microns per pixel; say how large a pixel is, as in 0.25 for a"
                    " 40x scan"
                )
                raise Unreadable(f"{entry.name}: {line}")
            mpp = known[0]
        if wanted.box is not None:
            x, y, width, height = wanted.box
            if not (0 <= x < x + width <= size[0] and 0 <= y < y + height <= size[1]):
                raise Malformed(
                    f"the box does not lie inside {entry.name}, which has {size[0]} x {size[1]} px",
                )
        return Asked(entry.id, entry.name, wanted.model, wanted.box, mpp, wanted.uncertainty, size)

    def _told(self, job: Job) -> JobOut:
        asked = job.asked
        running = job.state == "running"
        model = self._models.get(asked.model) if running else None
        classes = classes_of(model.card.label_map) if model else []
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
        store = self._store
        jobs = store.in_state("queued", "running") if store else []
        self._active = {
            job.asked.entry: "running" if job.state == "running" else "queued"
            for job in reversed(jobs)
        }

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
                self._changed.wait(_AGAIN if waiting else None)
        return None

    def _run(self, job: Job) -> tuple[State, str | None, str | None]:
        """Let a worker do a job; return what became of it, why it failed, and its layer."""
        try:
            entry = self._folder.entry(job.asked.entry)
        except Refused:
            return "failed", f"{job.asked.entry_name}: was removed from the folder", None
        if job.asked.model not in self._models:
            return (
                "failed",
                (
                    f"the model {job.asked.model} is not offered any more; serve with it as"
                    " --model, or choose another"
                ),
                None,
            )
        with Child() as child:
            with self._changed:
                self._child = job.id, child
            if self._given_up(job):  # before there was a process to end
                child.end()
                return "failed", None, None
            cause = child.do(self._task(job, entry), self._hear)
            return (
                ("done", None, self._layer(job, entry))
                if cause is None
                else ("failed", self._folder.told(cause), None)
            )

    def _hear(self, progress: Progress) -> None:
        self._progress = progress

    def _task(self, job: Job, entry: Entry) -> Task:
        asked = job.asked
        return Task(
            str(entry.path),
            str(self._models[asked.model].path),
            str(self._result(job)),
            str(self._preview(job)),
            asked.box,
            asked.mpp,
            asked.uncertainty,
        )

    def _given_up(self, job: Job) -> bool:
        return self._stopping or self._job(job.id).state != "running"

    def _layer(self, job: Job, entry: Entry) -> str | None:
        """Return the opaque name of a job's result."""
        self._folder.scan()
        found = self._folder.results_of(entry, sure=False)
        return next(
            (result.id for result in found if result.folder.parent == self._result(job)), None
        )

    def _end(self, job: Job, state: State, cause: str | None, layer: str | None) -> None:
        """Write down what became of a job, however often a full disk refuses it, and remove what is
        of no use any more."""
        with suppress(
            OSError
        ):  # a folder that went, or may be written to no more, holds up no other job
            for shown in self._preview(job).parent.glob(
                f"*{job.name}.png"
            ):  # whole, or what its process was writing when it was ended
                shown.unlink(missing_ok=True)
        if state != "done":
            shutil.rmtree(self._result(job), ignore_errors=True)
        with self._changed:
            self._child = None
            if state != "done" and self._stopping and self._job(job.id).state != "cancelled":
                return  # it runs, says the list: the next start begins it again
            while not self._noted(job, state, cause, layer) and not self._stopping:
                self._changed.wait(_AGAIN)
            self._note_active()
        if (
            self._job(job.id).state == "cancelled"
        ):  # which may happen to one that has just been done
            shutil.rmtree(self._result(job), ignore_errors=True)

    def _noted(
        self, job: Job, state: State, cause: str | None = None, layer: str | None = None
    ) -> bool:
        """Write down a job's state where nobody has given it up; False when the disk takes it
        not."""
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
            held = self._child
        if held is not None and number in (None, held[0]):
            held[1].end()

    def _result(self, job: Job) -> Path:
        return self._folder.out / "maps" / job.name

    def _preview(self, job: Job) -> Path:
        return self._folder.out / ".jobs" / f"{job.name}.png"
