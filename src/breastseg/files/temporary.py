"""Files that go with the process, and where temporary files lie."""

import os
import sys
import tempfile
from pathlib import Path
from typing import IO


def nameless_file() -> IO[bytes]:
    """Open a file that has no name and goes with the process, among the temporary files."""
    settle_temporary_folder()
    return tempfile.TemporaryFile()


def settle_temporary_folder() -> None:
    """Find the folder of temporary files by looking.

    `tempfile` writes and removes a file in it to find out: a kill between the two leaves that.
    """
    if tempfile.tempdir is not None or sys.platform == "win32":
        return
    # The places and the order of `tempfile` itself.
    wished = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for place in (*wished, "/tmp", "/var/tmp"):
        if place and os.access(place, os.W_OK | os.X_OK) and Path(place).is_dir():
            tempfile.tempdir = str(Path(place).absolute())
            return
