"""WorkingCopy: a folder here of what lies under a prefix of a bucket.

Of what the bucket holds only what is needed to go on comes here: some files at the top, and of each
folder the file that is written last. A folder that is sent leaves that file here alone.
"""

import shutil
from pathlib import Path

from breastseg.cloud.address import Address, Found
from breastseg.cloud.fetch import Objects, fetch
from breastseg.errors import InputError, OutputError
from breastseg.files import WORK_FILE, fit_name
from breastseg.files.names import PART

_MOST_BYTES = 256 << 20
"""Of a file of ours: a table of many thousand slides has less."""
_PROBE = "breastseg-may-write"


class WorkingCopy:
    """A folder, and the prefix to which it is sent."""

    def __init__(
        self, folder: Path, prefix: Address, objects: Objects, *, last: str, state: tuple[str, ...]
    ) -> None:
        """Take both.

        Args:
            folder: here.
            prefix: there.
            objects: how to get there.
            last: name of the file by which a folder under the prefix is whole.
            state: names of files at the top that a later run looks at.
        """
        self._folder = folder
        self._prefix = prefix
        self._objects = objects
        self._last = last
        self._state = (WORK_FILE, *state)
        self._bucket = objects.bucket(prefix)
        self._note_is_sent = False

    def begin(self) -> None:
        """Find out whether the bucket may be written to, and bring here what is needed to go on.

        Raises:
            InputError: no right to list, read or write.
            OutputError: something else lies under the prefix.
        """
        self._try_to_write()
        top = self._key("")
        objects = {}  # what lies under the prefix, by its name there
        for found in self._bucket.list(top):
            objects[found.address.key.removeprefix(top)] = found
        if objects and WORK_FILE not in objects:
            raise OutputError(
                f"{self._prefix.shown}: something else lies there ({min(objects)[:80]}); choose"
                " another prefix"
            )
        for name, found in objects.items():
            if self._is_state(name):
                self._bring(name, found)
        # A list first: files are removed while the folder is walked through.
        for path in list(self._folder.rglob(self._last)):
            name = path.relative_to(self._folder).as_posix()
            if name not in objects and len(list(path.parent.iterdir())) == 1:
                path.unlink()  # sent before, and somebody has removed it there

    def _try_to_write(self) -> None:
        """Write an empty object and remove it: no store says beforehand what may be written."""
        probe = self._folder.parent / _PROBE
        probe.touch()
        try:
            self._bucket.put(probe, self._key(_PROBE))
        finally:
            probe.unlink()
        self._bucket.remove(self._key(_PROBE))

    def send(self, name: str) -> None:
        """Send one folder, the last file last, and keep that file alone; one that is there already
        is left.

        Raises:
            InputError: as `Bucket.put`.
        """
        folder = self._folder / name
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        last = folder / self._last
        # An earlier call has sent this folder and left the last file here, as a mark of it.
        if files == [last]:
            return
        self._note()
        top = self._key(f"{name}/")
        # First of all: while files are exchanged the folder there is not whole.
        self._bucket.remove(f"{top}{self._last}")
        sent = {}
        for path in files:
            sent[f"{top}{path.relative_to(folder).as_posix()}"] = path
        for old in self._bucket.list(top):
            if old.address.key not in sent:
                self._bucket.remove(old.address.key)
        for key, path in sent.items():
            if path != last:
                self._bucket.put(path, key)
        self._bucket.put(last, f"{top}{self._last}")
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != last:
                path.unlink()

    def end(self) -> None:
        """Send the files at the top, and remove the folder here."""
        for path in sorted(self._folder.iterdir()):
            if path.is_file() and not path.name.startswith(PART):
                self._bucket.put(path, self._key(path.name))
        shutil.rmtree(self._folder)

    def _note(self) -> None:
        """Send the note of the work before its first result, so that other work is refused."""
        if not self._note_is_sent:
            self._bucket.put(self._folder / WORK_FILE, self._key(WORK_FILE))
            self._note_is_sent = True

    def _bring(self, name: str, found: Found) -> None:
        path = self._folder / name
        is_result = "/" in name
        # Results do not change once they are whole; tables at the top do.
        if is_result and path.exists():
            return
        if found.size > _MOST_BYTES:
            raise InputError(
                f"{found.address.shown}: {found.size / 1e6:.0f} MB, more than breastseg writes;"
                " choose another prefix"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        # Elsewhere: the note of a fetch would lie among the results.
        fetched = self._folder.parent / "state" / path.name
        fetched.parent.mkdir(exist_ok=True)
        fetch(found, fetched, self._objects)
        fetched.replace(path)
        shutil.rmtree(fetched.parent)

    def _is_state(self, name: str) -> bool:
        """Return whether a later run looks at a file."""
        parts = name.split("/")
        # Nothing of ours is called so, and it might lead out of the folder.
        if any(not part or part != fit_name(part) for part in parts):
            return False
        return name in self._state or (len(parts) > 1 and parts[-1] == self._last)

    def _key(self, name: str) -> str:
        return self._prefix.below(name).key
