"""Writing that a kill cannot leave half done: write beside, then rename."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breastseg.errors import BreastsegError
from breastseg.files.locks import held_folder
from breastseg.files.names import LOCK, NAME_BYTES, PART


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it becomes `path`, on an error it is
    removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because a rename between file systems is not one step.
    beside = _beside(path)
    try:
        yield beside
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        # Some of our own errors are OSErrors too, and say already what they are about.
        if not isinstance(error, OSError) or isinstance(error, BreastsegError):
            raise
        if error.filename is not None:
            raise
        # A failed write (a full disk) does not say of which file.
        raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from error


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Like `written`, for a whole folder that does not exist yet; it is held while it is written.

    Raises:
        OutputError: another run is writing it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    beside.mkdir(exist_ok=True)
    with held_folder(beside, path):
        try:
            # What a killed run left would become part of this one's result.
            for left_over in beside.iterdir():
                if left_over.name != LOCK:
                    remove(left_over)
            yield beside
            # Windows holds a folder by this file; the finished folder has none.
            (beside / LOCK).unlink(missing_ok=True)
            beside.replace(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def _beside(path: Path) -> Path:
    """Return where a file or folder is written before it is renamed; where its name has no room for
    more, under a hash of it."""
    name = f"{PART}{path.name}"
    if len(os.fsencode(name)) > NAME_BYTES:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        name = f"{PART}{digest[:32]}"
    return path.with_name(name)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder; what is not there is left alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
