"""Python imports this at its start where the folder is in PYTHONPATH: it counts a command's changes
of files.

KILLS_WATCHED   folders in which changes count KILLS_COUNTER   file that gets a byte for each
change, before it is done, in whichever process KILLS_STOP_AT   the change that is never done:
whoever comes to it waits to be killed; 0 stops nowhere
"""

import os
import sys
import time
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def watch() -> None:
    """Begin to count in this process."""
    watched = tuple(os.environ["KILLS_WATCHED"].split(os.pathsep))
    counter = os.open(os.environ["KILLS_COUNTER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    stop_at = int(os.environ["KILLS_STOP_AT"])

    def is_change(event: str, given: tuple[Any, ...]) -> bool:
        if event == "open":
            if not given[2] & WRITING:
                return False
        elif event not in CHANGES:
            return False
        if not isinstance(given[0], str | bytes | os.PathLike):
            return False  # a file that is open already
        if event in ("os.remove", "os.rmdir") and given[-1] != -1:
            return True  # a folder is being emptied, from within
        # A Path would look at the disk.
        place = os.path.abspath(os.fsdecode(given[0]))  # noqa: PTH100
        return place.startswith(watched)

    def hear(event: str, given: tuple[Any, ...]) -> None:
        if is_change(event, given):
            os.write(counter, b".")
            while stop_at and os.fstat(counter).st_size >= stop_at:
                time.sleep(0.1)

    sys.addaudithook(hear)


if "KILLS_COUNTER" in os.environ:
    watch()
