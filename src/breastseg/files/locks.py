"""Locks on folders and files, against a second run. The system lets go of them when the process
ends."""

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breastseg.errors import OutputError
from breastseg.files.names import LOCK

_NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP")
    if hasattr(errno, name)
}
"""What file systems say that have no locks: Lustre and NFS, as some are mounted."""


@contextmanager
def held_folder(folder: Path, named: Path | None = None) -> Iterator[None]:
    """Hold a folder against a second run; the system lets go of it when the process ends, however
    it ends.

    Args:
        folder: what is held.
        named: what the message calls it.

    Raises:
        OutputError: another run holds it.
    """
    if sys.platform == "win32":
        # Windows does not open folders: a file in it stands for it.
        held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    else:
        held = os.open(folder, os.O_RDONLY)
    with _held(held, folder, str(named or folder)):
        yield


@contextmanager
def held_file(path: Path, named: str) -> Iterator[None]:
    """Like `held_folder`, by a file, made when missing: network file systems tell other machines of
    a hold on a file, and may not of one on a folder."""
    with _held(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), path, named):
        yield


@contextmanager
def held_across(folder: Path) -> Iterator[None]:
    """Hold a folder as `held_folder` does, against other machines too."""
    with held_folder(folder):
        if sys.platform == "win32":  # it is held by the same file already
            yield
        else:
            with held_file(folder / LOCK, str(folder)):
                yield


@contextmanager
def _held(held: int, path: Path, named: str) -> Iterator[None]:
    """Lock an open file or folder, and close it in the end."""
    busy = f"{named}: another run is writing there now; wait for it or choose another folder"
    try:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(held, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # It may have been renamed to its place by the run that held it until now.
                if not _is_still(path, held):
                    raise OutputError(busy)
        except OSError as cause:
            # OutputError, raised above, is an OSError too: it has no number, and is raised again.
            if cause.errno not in _NO_LOCKS:
                raise OutputError(busy) from None
            warnings.warn(
                f"{named}: this file system has no locks; see to it that no second run writes"
                " there",
                stacklevel=4,
            )
        yield
    finally:
        os.close(held)


def _is_still(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False
