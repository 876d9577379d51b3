"""download_copy(): a data set from one mirror into one folder; it goes on where it stopped, and
nothing else is contacted."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import WORK_FILE, claim_folder, held_folder
from breastseg.reporter import TERMINAL, Reporter
from breastseg.transfer.client import fetch, is_whole
from breastseg.transfer.connection import opener_for
from breastseg.transfer.part import held_bytes
from breastseg.transfer.places import Place
from breastseg.transfer.remote import Remote
from breastseg.wording import counted

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .,+()\-]*")
_MAX_FILES = 20_000


def download_copy(
    dataset: str,
    place: Place,
    out: str | Path,
    *,
    reporter: Reporter = TERMINAL,
    finish: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Fetch all files of a mirror that are not in the folder yet.

    Args:
        dataset: its name on the command line.
        place: the mirror; the licence is said before anything is asked of it.
        out: folder of this copy; new, empty, or begun from the same mirror.
        reporter: told the licence and what became of it, a line each.
        finish: what is done in the folder when all files are there.

    Returns:
        the mirror's files, in `out`.

    Raises:
        InputError: a login is needed, the mirror is out of reach or sends something else, or the
            disk cannot take it.
        OutputError: the folder holds something else, or another run writes there.
    """
    out = Path(out)
    reporter.message(f"{place.name}: {place.page}")
    reporter.message(f"holds: {place.holds}")
    reporter.message(f"licence: {place.licence}")
    if place.list_files is None:
        raise InputError(f"{place.name}: nothing was fetched, {place.by_hand}")
    claim_folder(out, "download", {"dataset": dataset, "mirror": place.name})
    with held_folder(out):
        opener = opener_for(place.hosts)
        files = place.list_files(opener)
        paths = _paths(files, out)
        todo = [remote for remote in files if not is_whole(remote, paths[remote.path])]
        _check_room(todo, paths, out)
        reporter.message(
            f"{counted(len(files), 'file')}, {len(files) - len(todo)} of them here already"
        )
        total = sum(remote.size or 0 for remote in todo) or None
        with reporter.progress(total, title="download", unit="B") as bar:
            for remote in todo:
                bar.update(held_bytes(paths[remote.path]))
                fetch(remote, paths[remote.path], opener, on_progress=bar.update)
        if finish is not None:
            finish(out)
        _remove_left_over(out)
    return [paths[remote.path] for remote in files]


def _paths(files: Sequence[Remote], out: Path) -> dict[str, Path]:
    """Return where each file goes; InputError for a name that would leave the folder, or meets
    another."""
    if not 0 < len(files) <= _MAX_FILES:
        raise InputError(
            f"{out}: the mirror lists {len(files)} files, wanted 1 to {_MAX_FILES}; choose another"
            " mirror"
        )
    seen = set()
    paths = {}
    for remote in files:
        path = _path_in(out, remote.path)
        if path is None:
            raise InputError(
                f"{out}: the mirror lists {remote.path[:80]!r}, which is no place in this folder;"
                " choose another mirror"
            )
        # Some systems take A and a for one name.
        folded = remote.path.casefold()
        if folded in seen:
            raise InputError(
                f"{out}: the mirror lists {remote.path[:80]!r} twice; choose another mirror"
            )
        seen.add(folded)
        paths[remote.path] = path
    return paths


def _path_in(out: Path, name: str) -> Path | None:
    """Return where a file of a mirror goes; None where that is no place of its own in the
    folder."""
    parts = name.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        return None
    path = out.joinpath(*parts)
    # Resolved, because a folder in it may be a link to elsewhere.
    is_inside = path.resolve().is_relative_to(out.resolve())
    return path if is_inside and path != out / WORK_FILE else None


def _check_room(todo: Sequence[Remote], paths: dict[str, Path], out: Path) -> None:
    """Refuse what the disk has no room for, as far as the mirror says sizes."""
    needed = 0
    for remote in todo:
        needed += (remote.size or 0) - held_bytes(paths[remote.path])
    free = shutil.disk_usage(out).free
    if needed > free:
        raise InputError(
            f"{out}: {needed / 1e9:.1f} GB to fetch, {free / 1e9:.1f} GB free; make room or choose"
            " another folder"
        )


def _remove_left_over(out: Path) -> None:
    """Remove what killed runs left beside files that are whole now, or that the mirror lists no
    more; none of its own begins like that."""
    for path in out.rglob(".part-*"):
        if not path.is_dir():
            path.unlink()
