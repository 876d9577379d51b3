"""Writing that a kill cannot leave half done: write beside, then rename; one folder, one piece of
work."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from breastseg.errors import BreastsegError, InputError, OutputError
from breastseg.json_files import read_json

WORK_FILE = "breastseg-work.json"
_PART = ".part-"
_LOCK = f"{_PART}lock"
_END_BYTES = 32 * 1024 * 1024
_NAME_BYTES = 255
"""As long as a name may be on the usual file systems."""
_NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP")
    if hasattr(errno, name)
}
"""What file systems say that have no locks: Lustre and NFS, as some are mounted."""

_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029<>:"/\\|?*]|^\.|[. ]$')
"""What no folder can be called on one of the usual systems; bytes that are no UTF-8 come as
surrogates."""
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)", re.IGNORECASE)
"""Names that Windows keeps for itself."""


@dataclass(frozen=True)
class Remains:
    """What a piece of work leaves in its folder when it did not come to its end, as patterns of
    `Path.glob`.

    Attributes:
        finished: worth keeping; where one is there, work with other settings is refused.
        rest: what else the work writes; work of the same command with other settings takes its
            place.
    """

    finished: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it becomes `path`, on an error it is
    removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        yield beside
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if (
            isinstance(error, OSError)
            and error.filename is None
            and not isinstance(error, BreastsegError)
        ):
            # A failed write (a full disk) does not say of which file.
            raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from error
        raise


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
            for left_over in beside.iterdir():  # of a run that was killed
                if left_over.name != _LOCK:
                    _remove(left_over)
            yield beside
            (beside / _LOCK).unlink(missing_ok=True)
            beside.replace(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def _beside(path: Path) -> Path:
    """Return where a file or folder is written before it is renamed; where its name has no room for
    more, under a hash of it."""
    name = f"{_PART}{path.name}"
    if len(os.fsencode(name)) > _NAME_BYTES:
        name = f"{_PART}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}"
    return path.with_name(name)


def fit_name(name: str) -> str:
    """Return a name that a folder can have on every system: other bytes as %XX, as in addresses."""
    fit = _UNFIT.sub(lambda found: _percent(found[0]), name)
    return _percent(fit[0]) + fit[1:] if _DEVICE.match(fit) else fit


def _percent(character: str) -> str:
    return "".join(
        f"%{byte:02X}"
        for byte in character.encode(
            "utf-8", "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
        )
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    for place in (*named, "/tmp", "/var/tmp"):
        if place and os.access(place, os.W_OK | os.X_OK) and Path(place).is_dir():
            tempfile.tempdir = str(Path(place).absolute())
            return


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or nothing.

    What names of files may hold and UTF-8 cannot (bytes that are none) becomes an escape,
    "\\udce4", which JSON reads back as it was.
    """
    with written(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_table(
    path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()
) -> None:
    """Write rows as CSV, as `table_text` has them."""
    write_text(path, table_text(rows, columns))


def table_text(rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()) -> str:
    """Return rows as CSV: `columns`, then others in the order in which they first occur; NaN and
    None become empty cells."""
    heads = dict.fromkeys((*columns, *(name for row in rows for name in row)))
    text = _Lines()
    # With both in the line end, every Python quotes a cell that holds one of them.
    table = csv.DictWriter(text, list(heads), restval="", lineterminator="\r\n")
    table.writeheader()
    table.writerows(
        {name: "" if value is None or value != value else value for name, value in row.items()}
        for row in rows
    )
    return "".join(text.lines)


class _Lines:
    """Takes the lines of a table, each at once, and ends them with a line feed alone."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line.removesuffix("\r\n") + "\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, two spaces deep (`NaN` as such, as Python reads and writes it)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text that say something; InputError when it cannot be read."""
    try:
        return [
            line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as cause:
        raise InputError(
            f"{path}: no text ({cause.strerror if isinstance(cause, OSError) else 'not UTF-8'}),"
            " wanted lines of it"
        ) from None


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
    folder = path if path.is_dir() else _companion(path)
    unread = (
        _files_in(folder)
        if folder is not None
        else [path]
        if path.stat().st_size > 2 * _END_BYTES
        else []
    )
    return Seen(fingerprint(path), tuple(file.stat().st_mtime_ns for file in unread))


def _companion(path: Path) -> Path | None:
    """Return the folder beside a slide that holds its pixels."""
    folder = path.with_suffix("")
    return folder if path.suffix.lower() == ".mrxs" and folder.is_dir() else None


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _folder_hash(folder: Path) -> "hashlib._Hash":
    digest = hashlib.sha256()
    for file in _files_in(folder):
        name = file.relative_to(folder).as_posix().encode(errors="surrogateescape")
        digest.update(name + f" {file.stat().st_size}\n".encode())
    return digest


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
        held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
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
        if sys.platform == "win32":
            yield
        else:
            with held_file(folder / _LOCK, str(folder)):
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


@contextmanager
def own_folder(
    out: Path,
    command: str,
    settings: Mapping[str, object],
    *,
    may_differ: Collection[str] = (),
    advice: str = "choose another folder or remove it",
    remains: Remains = Remains(),
) -> Iterator[bool]:
    """Hold a folder, made when missing, and claim it; yields whether it holds the same work
    already.

    Args:
        out: the folder.
        command: as in `claim_folder`, like all that follow.
        settings: of the work.
        may_differ: names of settings.
        advice: what to do when other settings are in the folder.
        remains: what the work leaves when it is not finished.

    Raises:
        OutputError: another run is writing there, or the folder holds something else.
        InputError: it is a file.
    """
    _make(out)
    with held_folder(out):
        yield claim_folder(
            out, command, settings, may_differ=may_differ, advice=advice, remains=remains
        )


def claim_folder(
    out: Path,
    command: str,
    settings: Mapping[str, object],
    *,
    may_differ: Collection[str] = (),
    advice: str = "choose another folder or remove it",
    remains: Remains = Remains(),
) -> bool:
    """Take a folder for one piece of work, or go on with the same work that was begun in it.

    A folder in which other work finished nothing is taken over: a run that failed does not refuse
        the one that mends it.

    Args:
        out: the folder; made when missing.
        command: the work's name, as on the command line.
        settings: everything that decides the result, as JSON values.
        may_differ: names of settings that may have been others before.
        advice: what to do when other settings are in the folder.
        remains: what the work leaves when it is not finished; only the same command knows, of
            another the note alone may lie there.

    Returns:
        True when the folder holds the same work already (begun or finished).

    Raises:
        OutputError: the folder holds files of something else, or something finished of another
            command or other settings.
        InputError: it is a file.
    """
    work = json.loads(json.dumps({"command": command, "settings": settings}))
    marker = out / WORK_FILE
    if marker.is_file():
        found = read_json(marker, OutputError, "the note of the work this folder was made for")
        if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
            raise OutputError(
                f"{marker}: not the note of a piece of work; choose another folder or remove it"
            )
        if {
            **found,
            "settings": {**found["settings"], **{key: work["settings"][key] for key in may_differ}},
        } == work:
            return True
        unfinished = _unfinished(out, remains if found.get("command") == command else Remains())
        if unfinished is None:
            raise OutputError(
                f"{out}: holds '{found.get('command')}' work with other settings"
                f" ({_difference(found, work)}); {advice}"
            )
        for path in unfinished:
            _remove(path)
    elif out.is_dir() and any(
        not path.name.startswith(_PART) for path in out.iterdir()
    ):  # what a kill while claiming leaves is no work
        raise OutputError(f"{out}: output folder is not empty; choose another folder or empty it")
    _make(out)
    note_work(out, command, settings)
    return False


def _unfinished(out: Path, remains: Remains) -> list[Path] | None:
    """Return what lies beside the note when none of it is finished or anybody else's; else None."""
    if any(path for pattern in remains.finished for path in out.glob(pattern)):
        return None
    rest = {path for pattern in remains.rest for path in out.glob(pattern)}
    found = [path for path in out.iterdir() if path.name not in (WORK_FILE, _LOCK)]
    return (
        found
        if all(
            path in rest or path.name.startswith(_PART) or _holds_nothing(path) for path in found
        )
        else None
    )


def _holds_nothing(path: Path) -> bool:
    """Return whether a folder has no file in it, but what a kill leaves."""
    if path.is_symlink() or not path.is_dir():
        return False
    return all(inside.name.startswith(_PART) or _holds_nothing(inside) for inside in path.iterdir())


def _make(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, wanted a folder; choose another name")
    out.mkdir(parents=True, exist_ok=True)


def note_work(out: Path, command: str, settings: Mapping[str, object]) -> None:
    """Note in a folder which piece of work it is for."""
    write_json(out / WORK_FILE, {"command": command, "settings": settings})


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if found.get("command") != wanted["command"]:
        return f"this is '{wanted['command']}'"
    return difference(found.get("settings", {}), wanted["settings"])


def difference(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """Return what of some settings is another in others, by name: "mpp: 0.5 there, 0.25 now"."""
    old, new = _flat(found), _flat(wanted)
    changed = [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} now"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    return "; ".join(changed)[:300]


def _flat(settings: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Return settings in settings by their whole name, as result.map.blend."""
    flat: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[above + key] = value
    return flat
