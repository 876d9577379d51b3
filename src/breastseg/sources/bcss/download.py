"""download(): BCSS from one mirror into one folder, with its tables and its pixel sizes."""

import math
from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import write_table, written
from breastseg.json_files import read_json
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources.bcss.mirrors import SCANS
from breastseg.sources.bcss.release import TABLES
from breastseg.transfer.copies import download_copy
from breastseg.transfer.places import Place
from breastseg.wording import counted

MPP_TABLE = "mpp.csv"
"""Microns per pixel of each region as the annotators' server knows its slide; `prepare --table`
reads it."""


def download(place: Place, out: str | Path, *, reporter: Reporter = TERMINAL) -> list[Path]:
    """Fetch all files of a mirror of BCSS that are not in the folder yet.

    Args:
        place: the mirror; its licence is shown before the first request.
        out: folder of this copy; new, empty, or begun from the same mirror.
        reporter: who hears of it.

    Returns:
        the mirror's files, in `out`.

    Raises:
        InputError: a login is needed, the mirror is out of reach or sends something else, or the
            disk cannot take it.
        OutputError: the folder holds something else, or another run writes there.
    """

    def finish(folder: Path) -> None:
        if (folder / SCANS).is_dir():
            _add_tables(folder)
            _write_mpp(folder, reporter)

    return download_copy("bcss", place, out, reporter=reporter, finish=finish)


def _add_tables(out: Path) -> None:
    """Put the release's tables into `meta/`: without them regions in base pixels would count as a
    copy at 0.30 um/px."""
    for table in sorted(TABLES.glob("*.csv")):
        if not (out / "meta" / table.name).exists():
            with written(out / "meta" / table.name) as unfinished:
                unfinished.write_bytes(table.read_bytes())


def _write_mpp(out: Path, reporter: Reporter) -> None:
    """Write what the server knows of each slide's microns per pixel as a table; say of which it
    knows nothing."""
    rows = []
    unknown = []
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


def _mpp_of(path: Path) -> float | None:
    """Return microns per pixel by the server's record of a scan; None where it does not know."""
    try:
        scan = read_json(path, InputError, "what a server knows of a scan")
        mpp = float(scan["mm_x"]) * 1000
    except (OverflowError, ValueError, KeyError, TypeError):
        return None
    # A server that does not know says null, 0 or nothing.
    return mpp if math.isfinite(mpp) and mpp > 0 else None
