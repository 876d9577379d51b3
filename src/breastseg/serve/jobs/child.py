"""The process that does a job, as the server sees it: it is started, gets its task, and reports
until it ends."""

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from breastseg.files import nameless_file
from breastseg.json_files import JsonObject
from breastseg.runners.ending import ending
from breastseg.serve.jobs.worker import Progress, Task

WORKER = (sys.executable, "-P", "-m", "breastseg.serve.jobs.worker")
"""Without the current folder among those that are imported from: it may be that of the slides."""
GRACE = 5.0
"""Seconds from asking a process to end to killing it."""
_LOG = logging.getLogger(__name__)


class Child:
    """A process that waits for its task. Leaving it closes its standard input, which ends it when
    nothing else did."""

    def __init__(self) -> None:
        """Begin it, in a session of its own: what interrupts the server in a terminal is not sent
        to it too."""
        self._given_up = False
        self._errors = nameless_file()  # closed on leaving
        self._process = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def __enter__(self) -> "Child":
        """Return itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close its standard input and wait for its end."""
        with contextlib.suppress(BrokenPipeError):  # what it never read of its task
            self._process.__exit__(None, None, None)
        self._errors.close()

    def do(self, task: Task, on_progress: Callable[[Progress], object]) -> str | None:
        """Let it do a task, to its end; return why it failed, None when it did not.

        Args:
            task: what it is to do.
            on_progress: called each time that it reports how far it is.
        """
        cause = None
        for line in self._lines(task):
            report = _read(line)
            if "cause" in report:
                cause = str(report["cause"])
            elif "progress" in report:
                on_progress(Progress(**report))
        status = self._process.wait()
        if status == 0:
            return None
        if cause is not None:
            return cause
        # It died without a word: the end of what it printed may say why.
        self._errors.seek(0)
        errors = self._errors.read()[-4000:].decode(errors="replace")
        if not self._given_up:
            _LOG.error("%s: ended with %s: %s", task.slide, status, errors)
        return f"the job {ending(status, errors)}"

    def end(self) -> None:
        """Ask it to end, and kill it when it does not."""
        self._given_up = True
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _lines(self, task: Task) -> Any:
        """Hand the task over; return the lines of its standard output."""
        assert self._process.stdin
        try:
            # Left open: the process ends when it is closed, as by the end of this server.
            self._process.stdin.write(task.line())
            self._process.stdin.flush()
        except BrokenPipeError:  # it has ended already; its status says why
            return ()
        return self._process.stdout


def _read(line: bytes) -> JsonObject:
    """Return what the process reports in a line; nothing for a line that a library printed."""
    try:
        report = json.loads(line)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
