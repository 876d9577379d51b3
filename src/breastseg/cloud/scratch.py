"""Folders of scratch among the temporary files: one a piece of work, found again by the next run.

TMPDIR says on which disk they lie, as schedulers set it.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breastseg.errors import OutputError
from breastseg.files import held_folder, settle_temporary_folder
from breastseg.files.names import LOCK


def scratch_folder(work: str) -> Path:
    """Return the folder of a piece of work, made when missing; nobody else may look into it.

    Args:
        work: what tells it from others, as the folder of its results.

    Raises:
        OutputError: somebody else made a folder of that name.
    """
    settle_temporary_folder()
    owner = os.getuid() if hasattr(os, "getuid") else "user"  # Windows has no such number
    top = Path(tempfile.gettempdir()) / f"breastseg-{owner}"
    # A hash: the next run of the same work finds the folder again, and the name is short.
    folder = top / hashlib.sha256(os.fsencode(work)).hexdigest()[:16]
    for made in (top, folder):
        made.mkdir(mode=0o700, exist_ok=True)
        # Anybody may make a folder or a link of this name among the temporary files; lstat() does
        # not follow a link. Windows has a temporary folder for each user.
        status = made.lstat()
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == owner
        is_closed = not status.st_mode & 0o077
        if hasattr(os, "getuid") and not (is_ours and is_closed):
            raise OutputError(
                f"{made}: is not a folder of this user alone; remove it, or set TMPDIR to another"
                " folder"
            )
    return folder


@contextmanager
def held_scratch(work: str) -> Iterator[Path]:
    """Hold the folder of a piece of work, which goes when nothing is in it at the end.

    Raises:
        OutputError: another run holds it.
    """
    folder = scratch_folder(work)
    with held_folder(folder):
        try:
            yield folder
        finally:
            # What a stopped run has fetched stays for the next one.
            if all(path.name == LOCK for path in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
