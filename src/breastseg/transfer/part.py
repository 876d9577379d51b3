"""The part of a file that an earlier attempt has left, and the note of what it is a part of."""

from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.json_files import read_json
from breastseg.transfer.remote import Remote


def held_bytes(path: Path) -> int:
    """Return how many bytes an earlier attempt at a file has left."""
    part = path.with_name(f".part-{path.name}")
    return part.stat().st_size if part.is_file() else 0


def new_note(remote: Remote, answer: Any, total: int | None) -> dict[str, Any]:
    """Return what must still hold when the part is gone on with; a weak ETag does not promise the
    same bytes."""
    tag = answer.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    return {"url": remote.url, "sha256": remote.sha256, "validator": validator, "size": total}


def read_note(part: Path, remote: Remote) -> dict[str, Any]:
    """Return the note of a part that can be gone on with, or an empty one."""
    try:
        note = read_json(note_of(part), InputError, "the note of a part of a download")
        is_of_this = (note["url"], note["sha256"]) == (remote.url, remote.sha256)
        can_be_checked = note["validator"] or remote.sha256
        if not (part.is_file() and is_of_this and can_be_checked):
            return {}
        return dict(note) if part.stat().st_size <= (note["size"] or remote.limit) else {}
    except (ValueError, KeyError, TypeError):  # read_json's own error is a ValueError
        return {}


def note_of(part: Path) -> Path:
    """Return where the note of a part lies."""
    return part.with_name(f"{part.name}.json")


def forget(part: Path) -> int:
    """Remove a part and its note; return how many bytes it had."""
    size = part.stat().st_size if part.is_file() else 0
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)
    return size
