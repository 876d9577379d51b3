"""fetch(): one object into one file, going on with what an earlier attempt has left."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from breastseg.cloud.address import Address, Found
from breastseg.cloud.store import Bucket
from breastseg.cloud.web import Web
from breastseg.errors import ImageError, InputError
from breastseg.files import write_json
from breastseg.json_files import read_json
from breastseg.records import from_json, to_json
from breastseg.transfer.connection import BrokenError, patiently
from breastseg.transfer.part import Note, forget, note_of


class StoppedError(Exception):
    """Nobody waits for the object any more."""


class Objects:
    """Whatever an address leads to; a bucket or host is opened once."""

    def __init__(self, open_bucket: Callable[[Address], Bucket] = Bucket) -> None:
        """Take what opens a bucket."""
        self._open_bucket = open_bucket
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._hosts: dict[str, Web] = {}
        self._looked_at: dict[Address, Found] = {}

    def bucket(self, address: Address) -> Bucket:
        """Return the bucket of an address."""
        key = address.scheme, address.bucket
        if key not in self._buckets:
            self._buckets[key] = self._open_bucket(address)
        return self._buckets[key]

    def look(self, address: Address) -> Found:
        """Return an object's size and version, asked once; as `Bucket.look` and `Web.look`."""
        if address not in self._looked_at:
            if address.in_bucket:
                self._looked_at[address] = self.bucket(address).look(address.key)
            else:
                self._looked_at[address] = self._web(address).look(address)
        return self._looked_at[address]

    def list(self, address: Address) -> list[Found]:
        """Return the objects under a prefix; as `Bucket.list`."""
        listed = self.bucket(address).list(address.key)
        # A listing says sizes and versions: nothing of it has to be asked for again.
        for found in listed:
            self._looked_at[found.address] = found
        return listed

    def stream(self, found: Found, start: int) -> Iterator[bytes]:
        """Yield an object's bytes from a place on; as `Bucket.stream` and `Web.stream`."""
        if found.address.in_bucket:
            return self.bucket(found.address).stream(found, start)
        return self._web(found.address).stream(found, start)

    def _web(self, address: Address) -> Web:
        if address.bucket not in self._hosts:
            self._hosts[address.bucket] = Web(address)
        return self._hosts[address.bucket]


def fetch(found: Found, path: Path, objects: Objects, *, stop: Event | None = None) -> None:
    """Fetch one object; it appears whole, or not at all.

    Args:
        found: as it was when it was looked at.
        path: the file to make; the note beside it says what it is of, and goes with its folder.
        objects: where it comes from.
        stop: set when nobody waits any more; what has come is kept for the next attempt.

    Raises:
        ImageError: changed meanwhile, or gone. InputError: refused or out of reach.
        StoppedError: `stop` was set.
    """
    part = path.with_name(f".part-{path.name}")
    shown = found.address.shown
    note = Note(shown, "", found.version, found.size)
    # The note is of the part and of the whole file alike: one of another version goes.
    if _note(part) != note:
        forget(part)
        path.unlink(missing_ok=True)
        write_json(note_of(part), to_json(note))
    if path.exists():
        return
    part.touch()  # an empty object has no bytes to append
    try:
        patiently(lambda: _append(found, part, objects, stop or Event()), shown)
    except (ImageError, InputError) as cause:
        if isinstance(cause, ImageError):  # what is here is of something else
            forget(part)
        raise
    except OSError as cause:
        raise InputError(
            f"{path}: cannot be written ({cause.strerror or cause}); make room, or set TMPDIR to a"
            " folder on another disk"
        ) from None
    part.replace(path)


def _note(part: Path) -> Note | None:
    """Return what a part, or the whole that it became, is of."""
    try:
        record = read_json(note_of(part), InputError, "the note of a part of an object")
        note = from_json(Note, record, "")
    except ValueError:  # read_json's own error is one
        return None
    # Without a version nobody can tell whether what comes next belongs to it.
    return note if note.validator else None


def _append(found: Found, part: Path, objects: Objects, stop: Event) -> None:
    """Bring a part to its full length from where it stands."""
    if stop.is_set():
        raise StoppedError
    start = length = part.stat().st_size
    if length >= found.size:
        return
    try:
        with part.open("ab") as file:
            for piece in objects.stream(found, start):
                if stop.is_set():
                    raise StoppedError
                length += len(piece)
                # Before it is written: a server that sends without end must not fill the disk.
                if length > found.size:
                    raise ImageError(
                        f"{found.address.shown}: more than the {found.size} bytes that it was said"
                        " to have; nothing of it was kept"
                    )
                file.write(piece)
    except BrokenError as cause:
        raise BrokenError(str(cause), moved_on=length > start, wait_s=cause.wait_s) from None
    if length < found.size:
        raise BrokenError(
            f"the connection ended after {length} of {found.size} bytes", moved_on=length > start
        )
