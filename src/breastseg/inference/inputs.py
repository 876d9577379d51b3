"""What a person names for `predict`: pictures, slides, folders of them, or a table of slides."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import ImageError, InputError
from breastseg.files import WORK_FILE
from breastseg.slides import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder

OWN_NAMES = ("measures.csv", "measures.parquet", "manifest.csv", "figure.png", WORK_FILE)
_SUFFIXES = tuple(dict.fromkeys((*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)))
_COLUMNS = ("path", "mpp", "box", "patient")
_WANTED = f"wanted the columns {', '.join(_COLUMNS)} (all but path may be left out)"


@dataclass(frozen=True)
class Input:
    """One picture or slide.

    Attributes:
        path: the file, or the folder of a slide that is one.
        named: whether the person named it alone; what came from a folder or table may fail without stopping the rest.
        mpp: microns per pixel by the table.
        box: field of it by the table, as `geometry.parse_box` reads it.
        patient: by the table.
    """

    path: Path
    named: bool = True
    mpp: float | None = None
    box: str | None = None
    patient: str | None = None

    @property
    def name(self) -> str:
        """Return the name of its folder of results."""
        return folder_name(self.path)


def folder_name(path: Path) -> str:
    """Return the name of a slide's results: that of the file without its endings."""
    return path.stem.removesuffix(".ome")


def list_inputs(inputs: Sequence[str | Path]) -> list[Input]:
    """List what is named, in order.

    Raises:
        ImageError: none, or two whose results would have one name. InputError: a table that cannot be read.
    """
    found: list[Input] = []
    for item in map(Path, inputs):
        if item.suffix.lower() == ".csv" and item.is_file():
            found += _listed(item)
        elif item.is_dir() and not is_slide_folder(item):
            found += _inside(item)
        else:
            found.append(Input(item))
    if not found:
        raise ImageError("no pictures given; name files or folders")
    names: dict[str, Path] = {}
    for one in found:
        if one.name in OWN_NAMES:
            raise ImageError(f"{one.path}: its results would be called like {one.name}, which breastseg writes itself; rename it")
        if one.name in names:
            raise ImageError(f"{one.path}: its results would overwrite those of {names[one.name]}; rename one or predict them apart")
        names[one.name] = one.path
    return found


def _inside(folder: Path) -> list[Input]:
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    paths = [path for path in shown if (is_slide_folder(path) if path.is_dir() else path.suffix.lower() in _SUFFIXES)]
    if not paths:
        raise ImageError(f"{folder}: no pictures in this folder; wanted {', '.join(_SUFFIXES)}")
    return [Input(path, named=False) for path in paths]


def _listed(table: Path) -> list[Input]:
    """Read a table of slides; paths are relative to it."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError:
        raise InputError(f"{table}: not UTF-8; {_WANTED}") from None
    if not rows or "path" not in rows[0]:
        raise InputError(f"{table}: no rows with a column 'path'; {_WANTED}")
    return [_row(table, number, row) for number, row in enumerate(rows, start=2)]


def _row(table: Path, number: int, row: dict[str, str | None]) -> Input:
    path, mpp, box, patient = ((row.get(column) or "").strip() for column in _COLUMNS)
    if not path:
        raise InputError(f"{table}, line {number}: no path; name the slide or remove the line")
    try:
        given = float(mpp) if mpp else None
    except ValueError:
        raise InputError(f"{table}, line {number}: mpp '{mpp}', wanted a number of microns per pixel, as in 0.25") from None
    return Input(table.parent / path, named=False, mpp=given, box=box or None, patient=patient or None)
