"""Bytes that wait on disk instead of in memory: a file without a name, gone when it is closed or
the process ends."""

import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """Where bytes lie in the file."""

    start: int
    length: int


class Scratch:
    """A file to append to and to read from."""

    def __init__(self, folder: Path) -> None:
        """Open it on the disk of `folder`, which must exist."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0

    def __enter__(self) -> "Scratch":
        """Return itself; leaving closes and removes the file."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close and remove the file."""
        self._file.close()

    def keep(self, data: bytes) -> Kept:
        """Append bytes."""
        self._file.seek(self._end)
        self._file.write(data)
        kept = Kept(self._end, len(data))
        self._end += len(data)
        return kept

    def read(self, kept: Kept) -> bytes:
        """Return bytes that were kept."""
        self._file.seek(kept.start)
        return self._file.read(kept.length)
