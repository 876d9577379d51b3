"""The part of a file that an earlier attempt has left, and the note of what it is a part of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.json_files import read_json
from breastseg.records import from_json
from breastseg.transfer.remote import Remote


@dataclass(frozen=True)
class Note:
    """What must still hold when a part is gone on with: .part-NAME.json.

    Attributes:
        url: of the file.
        sha256: that it must have; empty where the mirror has none.
        validator: ETag or date of the server's file; empty where it gave none.
        size: bytes in all, where it is known.
    """

    url: str
    sha256: str
    validator: str
    size: int | None


def held_bytes(path: Path) -> int:
    """Return how many bytes an earlier attempt at a file has left."""
    part = path.with_name(f".part-{path.name}")
    return part.stat().st_size if part.is_file() else 0


def new_note(remote: Remote, answer: Any, total: int | None) -> Note:
    """Return what must still hold when the part is gone on with; a weak ETag does not promise the
    same bytes."""
    tag = answer.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    return Note(remote.url, remote.sha256, validator, total)


def read_note(part: Path, remote: Remote) -> Note | None:
    """Return the note of a part that can be gone on with."""
    try:
        said = read_json(note_of(part), InputError, "the note of a part of a download")
        note = from_json(Note, said, "")
    except ValueError:  # read_json's own error is one
        return None
    is_of_this = (note.url, note.sha256) == (remote.url, remote.sha256)
    can_be_checked = note.validator or remote.sha256
    if not (part.is_file() and is_of_this and can_be_checked):
        return None
    # A part that is longer than the file is not of it.
    is_longer = part.stat().st_size > (note.size or remote.limit)
    return None if is_longer else note


def note_of(part: Path) -> Path:
    """Return where the note of a part lies."""
    return part.with_name(f"{part.name}.json")


def forget(part: Path) -> int:
    """Remove a part and its note; return how many bytes it had."""
    size = part.stat().st_size if part.is_file() else 0
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)
    return size
