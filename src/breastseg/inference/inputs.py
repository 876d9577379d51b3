"""What a person names for `predict`: pictures, slides, folders of them, or a table of slides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import ImageError, InputError
from breastseg.files import WORK_FILE
from breastseg.geometry import check_mpp
from breastseg.slides import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.tables import Row, Table, read_table, shown

OWN_NAMES = ("measures.csv", "measures.parquet", "manifest.csv", "figure.png", WORK_FILE)
_SUFFIXES = tuple(dict.fromkeys((*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)))
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods")
"""Names of tables of slides, and of what a table must be saved from."""


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
        if item.suffix.lower() in _TABLES and item.is_file():
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


def _listed(path: Path) -> list[Input]:
    """Read a table of slides; paths are relative to it."""
    table = read_table(path, InputError, needed=("path",), known=("mpp", "box", "patient"))
    for note in table.notes:  # nobody hears a note here
        raise InputError(f"{path.parent / note}; save it as CSV UTF-8")
    table.needs("path", "no path; name the slide, or remove the row")
    mpps = table.numbers("mpp")
    found = [_row(table, row, mpp) for row, mpp in zip(table.rows, mpps, strict=True)]
    seen: dict[Path, Row] = {}
    for row, one in zip(table.rows, found, strict=True):
        first = seen.setdefault(one.path, row)
        if first is not row:
            raise InputError(f"{table.where(row)}: '{shown(row['path'])}' is in row {first.number} too; keep one row a slide")
    return found


def _row(table: Table, row: Row, mpp: float | None) -> Input:
    if mpp is not None:
        check_mpp(mpp, table.where(row), "the table's mpp")
    path = table.path.parent / row["path"]
    if "\\" in row["path"] and not path.exists():  # as Windows writes it
        path = table.path.parent / row["path"].replace("\\", "/")
    return Input(path, named=False, mpp=mpp, box=row["box"] or None, patient=row["patient"] or None)
