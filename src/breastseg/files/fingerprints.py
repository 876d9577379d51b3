"""Whether a file is still the same: checksums, and fingerprints of large files and folders."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

_END_BYTES = 32 * 1024 * 1024
"""Of a larger file the first and the last bytes are read, so many each."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """Return a hash that tells an exchanged file: of all of it up to 64 MB, else of its size and
    ends; of a folder, its names and sizes.

    A slide whose pixels lie in a folder beside it, NAME.mrxs and NAME, is both.
    """
    if path.is_dir():
        return _folder_hash(path).hexdigest()
    companion = _companion(path)
    if companion is not None:
        digest = _folder_hash(companion)
        digest.update(sha256_of(path).encode())
        return digest.hexdigest()
    size = path.stat().st_size
    if size <= 2 * _END_BYTES:
        return sha256_of(path)
    # A slide has gigabytes: headers stand at its start or end, and another slide has another size.
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as opened:
        digest.update(opened.read(_END_BYTES))
        opened.seek(-_END_BYTES, os.SEEK_END)
        digest.update(opened.read(_END_BYTES))
    return digest.hexdigest()


@dataclass(frozen=True)
class Seen:
    """A file or folder as it was at one moment.

    Attributes:
        fingerprint: of it.
        changed_ns: when what the fingerprint does not read was last changed: a large file, or files
            in a folder.
    """

    fingerprint: str
    changed_ns: tuple[int, ...]


def seen(path: Path) -> Seen:
    """Look at a file or folder, to tell later whether it is still the same; OSError when it is not
    there."""
    # What was read whole needs no time: copying a file changes its time, not what is in it.
    changed_ns = [file.stat().st_mtime_ns for file in _unread(path)]
    return Seen(fingerprint(path), tuple(changed_ns))


def _unread(path: Path) -> list[Path]:
    """Return the files of which the fingerprint reads the ends or the size alone."""
    folder = path if path.is_dir() else _companion(path)
    if folder is not None:
        return _files_in(folder)
    if path.stat().st_size > 2 * _END_BYTES:
        return [path]
    return []


def _companion(path: Path) -> Path | None:
    """Return the folder beside a slide that holds its pixels."""
    folder = path.with_suffix("")
    return folder if path.suffix.lower() == ".mrxs" and folder.is_dir() else None


def _files_in(folder: Path) -> list[Path]:
    # Sorted, because systems list a folder in orders of their own.
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _folder_hash(folder: Path) -> "hashlib._Hash":
    """Hash the names and sizes of a folder's files; their bytes may be gigabytes."""
    digest = hashlib.sha256()
    for file in _files_in(folder):
        name = file.relative_to(folder).as_posix().encode(errors="surrogateescape")
        size = file.stat().st_size
        digest.update(name + f" {size}\n".encode())
    return digest
