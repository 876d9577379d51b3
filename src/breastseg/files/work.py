"""One folder, one piece of work: who claims a folder, with which settings, and what a run that
failed leaves in it."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breastseg.errors import InputError, OutputError
from breastseg.files.atomic import remove
from breastseg.files.locks import held_folder
from breastseg.files.names import LOCK, PART
from breastseg.files.text import write_json
from breastseg.json_files import JsonObject, read_json

WORK_FILE = "breastseg-work.json"
"""The note in a folder that says which piece of work it is for."""


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
    # As it will be read again: tuples become lists.
    work = json.loads(json.dumps({"command": command, "settings": settings}))
    marker = out / WORK_FILE
    if marker.is_file():
        earlier = _read_note(marker)
        renewed = {key: work["settings"][key] for key in may_differ}
        if {**earlier, "settings": {**earlier["settings"], **renewed}} == work:
            return True
        is_same_command = earlier.get("command") == command
        unfinished = _unfinished(out, remains if is_same_command else Remains())
        if unfinished is None:
            raise OutputError(
                f"{out}: holds '{earlier.get('command')}' work with other settings"
                f" ({_difference(earlier, work)}); {advice}"
            )
        for path in unfinished:
            remove(path)
    elif out.is_dir() and not all(_is_left_over(path) for path in out.iterdir()):
        raise OutputError(f"{out}: output folder is not empty; choose another folder or empty it")
    _make(out)
    note_work(out, command, settings)
    return False


def _read_note(marker: Path) -> JsonObject:
    found = read_json(marker, OutputError, "the note of the work this folder was made for")
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise OutputError(
            f"{marker}: not the note of a piece of work; choose another folder or remove it"
        )
    return found


def _unfinished(out: Path, remains: Remains) -> list[Path] | None:
    """Return what lies beside the note when none of it is finished or anybody else's; else None."""
    for pattern in remains.finished:
        if any(out.glob(pattern)):
            return None
    rest: set[Path] = set()
    for pattern in remains.rest:
        rest.update(out.glob(pattern))
    beside = [path for path in out.iterdir() if path.name not in (WORK_FILE, LOCK)]
    for path in beside:
        # One file of a person's own is enough to leave all of it alone.
        if not (path in rest or _is_left_over(path) or _holds_nothing(path)):
            return None
    return beside


def _is_left_over(path: Path) -> bool:
    """Return whether a file or folder is what a kill leaves, which is no work."""
    return path.name.startswith(PART)


def _holds_nothing(path: Path) -> bool:
    """Return whether a folder has no file in it, but what a kill leaves."""
    # A link is somebody's: what it points to is not looked at, and never removed.
    if path.is_symlink() or not path.is_dir():
        return False
    return all(_is_left_over(inside) or _holds_nothing(inside) for inside in path.iterdir())


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
    old = _flat(found)
    new = _flat(wanted)
    changed = []
    for key in {**old, **new}:
        before, now = old.get(key), new.get(key)
        if before != now:
            changed.append(f"{key}: {before!r} there, {now!r} now")
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
