"""Writing that a kill cannot leave half done: write beside, then rename; one folder, one piece of work."""

import csv
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from breastseg.errors import BreastsegError, InputError, OutputError

WORK_FILE = "breastseg-work.json"
_END_BYTES = 32 * 1024 * 1024


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it becomes `path`, on an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part-{path.name}")
    try:
        yield beside
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and not isinstance(error, BreastsegError):
            # A failed write (a full disk) does not say of which file.
            raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from error
        raise


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Like `written`, for a whole folder that does not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part-{path.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or nothing."""
    with written(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, as `table_text` has them."""
    write_text(path, table_text(rows))


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV, columns in the order in which they first occur; NaN and None become empty cells."""
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    table = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({name: "" if value is None or value != value else value for name, value in row.items()} for row in rows)
    return text.getvalue()


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, two spaces deep (`NaN` as such, as Python reads and writes it)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, error: type[Exception], what: str) -> Any:
    """Read a JSON file; a broken one becomes `error` with the file's name and `what` it should have been."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path}: not found, wanted {what}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as cause:
        raise error(f"{path}: not JSON ({cause}), wanted {what}") from None


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text that say something; InputError when it cannot be read."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as cause:
        raise InputError(f"{path}: no text ({cause.strerror if isinstance(cause, OSError) else 'not UTF-8'}), wanted lines of it") from None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """Return a hash that tells an exchanged file: of all of it up to 64 MB, else of its size and ends; of a folder, its names and sizes."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size}\n".encode())
        return digest.hexdigest()
    size = path.stat().st_size
    if size <= 2 * _END_BYTES:
        return sha256_of(path)
    digest.update(str(size).encode())
    with path.open("rb") as opened:
        digest.update(opened.read(_END_BYTES))
        opened.seek(-_END_BYTES, os.SEEK_END)
        digest.update(opened.read(_END_BYTES))
    return digest.hexdigest()


@contextmanager
def held_folder(out: Path) -> Iterator[None]:
    """Hold a claimed folder against a second run; the system lets go of it when the process ends, however it ends.

    Raises:
        OutputError: another run holds it.
    """
    held = os.open(out / WORK_FILE if sys.platform == "win32" else out, os.O_RDONLY)
    try:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(held, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"{out}: another run is writing there now; wait for it or choose another folder") from None
        yield
    finally:
        os.close(held)


def claim_folder(
    out: Path,
    command: str,
    settings: dict[str, Any],
    *,
    may_differ: Collection[str] = (),
    advice: str = "choose another folder or remove it",
) -> bool:
    """Take a folder for one piece of work, or go on with the same work that was begun in it.

    Args:
        out: the folder; made when missing.
        command: the work's name, as on the command line.
        settings: everything that decides the result, as JSON values.
        may_differ: names of settings that may have been others before.
        advice: what to do when other settings are in the folder.

    Returns:
        True when the folder holds the same work already (begun or finished).

    Raises:
        OutputError: the folder holds files of something else, or the same command with other settings.
    """
    work = json.loads(json.dumps({"command": command, "settings": settings}))
    marker = out / WORK_FILE
    if marker.is_file():
        found = read_json(marker, OutputError, "the note of the work this folder was made for")
        if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
            raise OutputError(f"{marker}: not the note of a piece of work; choose another folder or remove it")
        if {**found, "settings": {**found["settings"], **{key: work["settings"][key] for key in may_differ}}} == work:
            return True
        raise OutputError(f"{out}: holds '{found.get('command')}' work with other settings ({_difference(found, work)}); {advice}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, wanted a folder; choose another name")
    if out.is_dir() and any(p.name != f".part-{WORK_FILE}" for p in out.iterdir()):  # what a kill while claiming leaves is no work
        raise OutputError(f"{out}: output folder is not empty; choose another folder or empty it")
    note_work(out, command, settings)
    return False


def note_work(out: Path, command: str, settings: dict[str, Any]) -> None:
    """Note in a folder which piece of work it is for."""
    write_json(out / WORK_FILE, {"command": command, "settings": settings})


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    if found.get("command") != wanted["command"]:
        return f"this is '{wanted['command']}'"
    old, new = found.get("settings", {}), wanted["settings"]
    changed = [f"{key}: {old.get(key)!r} there, {new.get(key)!r} now" for key in {**old, **new} if old.get(key) != new.get(key)]
    return "; ".join(changed)[:300]
