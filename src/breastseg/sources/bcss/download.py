"""download(): BCSS from one mirror into one folder; it goes on where it stopped, and nothing else
is contacted."""

import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import WORK_FILE, claim_folder, held_folder, write_table, written
from breastseg.json_files import read_json
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources.bcss.mirrors import PLACES, SCANS, Place
from breastseg.sources.bcss.release import TABLES
from breastseg.transfer.client import fetch, is_whole
from breastseg.transfer.connection import opener_for
from breastseg.transfer.part import held_bytes
from breastseg.transfer.remote import Remote
from breastseg.wording import counted

MPP_TABLE = "mpp.csv"
"""Microns per pixel of each region as the annotators' server knows its slide; `prepare --table`
reads it."""

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .,+()\-]*")
_MAX_FILES = 20_000


def find_place(name: str) -> Place:
    """Return a mirror by name; InputError lists them."""
    if name not in PLACES:
        raise InputError(f"--mirror {name}: not known; wanted {', '.join(PLACES)}")
    return PLACES[name]


def download(place: Place, out: str | Path, *, reporter: Reporter = TERMINAL) -> list[Path]:
    """Fetch all files of a mirror that are not in the folder yet.

    Args:
        place: the mirror; the licence is said before anything is asked of it.
        out: folder of this copy; new, empty, or begun from the same mirror.
        reporter: who hears of it.

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
    claim_folder(out, "download", {"dataset": "bcss", "mirror": place.name})
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
        if (out / SCANS).is_dir():
            _add_tables(out)
            _write_mpp(out, reporter)
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
    inside, seen, paths = out.resolve(), set[str](), {}
    for remote in files:
        parts = remote.path.split("/")
        path = out.joinpath(*parts) if all(_PART.fullmatch(part) for part in parts) else None
        if path is None or path == out / WORK_FILE or not path.resolve().is_relative_to(inside):
            raise InputError(
                f"{out}: the mirror lists {remote.path[:80]!r}, which is no place in this folder;"
                " choose another mirror"
            )
        if remote.path.casefold() in seen:
            raise InputError(
                f"{out}: the mirror lists {remote.path[:80]!r} twice; choose another mirror"
            )
        seen.add(remote.path.casefold())
        paths[remote.path] = path
    return paths


def _check_room(todo: Sequence[Remote], paths: dict[str, Path], out: Path) -> None:
    needed = sum((remote.size or 0) - held_bytes(paths[remote.path]) for remote in todo)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise InputError(
            f"{out}: {needed / 1e9:.1f} GB to fetch, {free / 1e9:.1f} GB free; make room or choose"
            " another folder"
        )


def _add_tables(out: Path) -> None:
    """Put the release's tables into `meta/`: without them regions in base pixels would count as a
    copy at 0.30 um/px."""
    for table in sorted(TABLES.glob("*.csv")):
        if not (out / "meta" / table.name).exists():
            with written(out / "meta" / table.name) as beside:
                beside.write_bytes(table.read_bytes())


def _write_mpp(out: Path, reporter: Reporter) -> None:
    """Write what the server knows of each slide's microns per pixel as a table; say of which it
    knows nothing."""
    rows, unknown = [], []
    for picture in sorted((out / "images").glob("*.png")):
        slide = picture.name.partition("_")[0]
        mpp = _mpp_of(out / SCANS / f"{slide}.json")
        if mpp is None:
            unknown.append(slide)
        else:
            rows.append({"image": picture.name, "mpp": f"{mpp:.4f}"})
    write_table(out / MPP_TABLE, rows)
    reporter.message(
        f"microns per pixel of {counted(len(rows), 'slide')} as the server knows them: prepare with"
        f" --table {out / MPP_TABLE}"
    )
    if unknown:
        reporter.message(
            f"of {len(unknown)} the server does not know them: {', '.join(unknown[:5])}"
        )


def _remove_left_over(out: Path) -> None:
    """Remove what killed runs left beside files that are whole now, or that the mirror lists no
    more; none of its own begins like that."""
    for path in out.rglob(".part-*"):
        if not path.is_dir():
            path.unlink()


def _mpp_of(path: Path) -> float | None:
    try:
        scan = read_json(path, InputError, "what a server knows of a scan")
        mpp = float(scan["mm_x"]) * 1000
    except (OverflowError, ValueError, KeyError, TypeError):
        return None
    return mpp if math.isfinite(mpp) and mpp > 0 else None
