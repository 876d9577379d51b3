"""What a person names for `predict`: images, slides, folders of them, or a table of slides.

A folder is looked through with the folders in it. What one item is called, or what of a folder
cannot be read, is that item's own failure.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from breastseg.cloud.address import Address, is_address
from breastseg.cloud.fetch import Objects
from breastseg.errors import BreastsegError, ImageError, InputError
from breastseg.files import WORK_FILE, fit_name
from breastseg.geometry import check_mpp
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.inference.listing import flaw_of, listed, unread
from breastseg.json_files import JsonObject
from breastseg.maps.record import (
    COHORT,
    FIGURE,
    MANIFEST_TABLE,
    MEASURES_PARQUET,
    MEASURES_TABLE,
    RUN,
    Origin,
)
from breastseg.tables import Row, Table, read_table, shown

OWN_NAMES = (
    MEASURES_TABLE,
    MEASURES_PARQUET,
    MANIFEST_TABLE,
    "inputs.csv",
    "missing.csv",
    FIGURE,
    COHORT,
    WORK_FILE,
)
_OF_SHARDS = re.compile(r"(manifest|measures|shard)\.[0-9]+-of-[0-9]+\.(csv|json)")
_SUFFIXES = tuple(dict.fromkeys((*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)))
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods")
"""Names of tables of slides, and of what a table must be saved from."""
_COMPANION = ".mrxs"
"""Its pixels lie in a folder of its name."""
_PROJECT = ".qpproj"
"""QuPath's; the folder `data` beside it holds thumbnails."""
_MASKS, _PICTURES = {"masks", "mask"}, {"images", "rgbs_colornormalized"}
"""Folders of label codes, when one of images lies beside them."""


@dataclass(frozen=True)
class Input:
    """One image or slide.

    Attributes:
        path: the file, or the folder of a slide that is one; of an object its name alone, until it
            is here.
        named: whether the person named it alone; what came from a folder or table may fail without
            stopping the rest.
        mpp: microns per pixel by the table.
        box: field of it by the table, as `geometry.parse_box` reads it.
        patient: by the table.
        inside: folders between the one that was named and the file.
        broken: why it cannot be used, known without opening it.
        address: of an object that is to be fetched.
        origin: of an object that is here, what run.json says of it.
    """

    path: Path
    named: bool = True
    mpp: float | None = None
    box: str | None = None
    patient: str | None = None
    inside: tuple[str, ...] = ()
    broken: BreastsegError | None = field(default=None, compare=False)
    address: Address | None = None
    origin: Origin | None = None

    @property
    def shown(self) -> str:
        """Return what messages and tables call it: its path or address."""
        return str(self.path) if self.address is None else self.address.shown

    @property
    def name(self) -> str:
        """Return its folder of results: its own name, in folders as it lies in, with / between."""
        return "/".join([*map(fit_name, self.inside), folder_name(self.path)])


@dataclass(frozen=True)
class LeftOut:
    """Something in a folder that is not looked at, and why."""

    path: Path
    cause: str
    address: Address | None = None

    @property
    def shown(self) -> str:
        """Return its path or address."""
        return str(self.path) if self.address is None else self.address.shown

    def __str__(self) -> str:
        """Return both."""
        return f"{self.shown}: left out, {self.cause}"


@dataclass(frozen=True)
class Inputs:
    """What was named, in order, what of the folders is left out, and where objects come from."""

    items: list[Input]
    left_out: list[LeftOut]
    objects: Objects = field(default_factory=Objects, compare=False)


def folder_name(path: Path) -> str:
    """Return the name of a slide's results: that of the file without its endings, as every system
    can have it."""
    return fit_name(path.stem.removesuffix(".ome"))


def list_inputs(inputs: Sequence[str | Path], *, objects: Objects | None = None) -> Inputs:
    """List what is named, in order, and what lies in folders that are named, by name.

    Args:
        inputs: paths, and with `objects` addresses.
        objects: where addresses lead; None refuses them.

    Two whose results would have one name, on a system that does not tell A from a, are not both
        mapped: the second is broken.

    Raises:
        ImageError: nothing that could be an image. InputError: a table that cannot be read.
    """
    items: list[Input] = []
    left_out: list[LeftOut] = []
    for name in inputs:
        if is_address(str(name)):
            listed_items = _named_objects(Address.parse(str(name)), objects)
            _sort_into(listed_items, items, left_out)
            continue
        path = Path(name)
        kind = _kind(path)
        if path.suffix.lower() in _TABLES and stat.S_ISREG(kind):
            items += _listed(path)
        elif stat.S_ISDIR(kind) and not _is_slide(path):
            before = len(items)
            _sort_into(_inside(path), items, left_out)
            if len(items) == before:
                more = f"; {left_out[0]}" if left_out else ""
                raise ImageError(
                    f"{path}: no images in this folder; wanted {', '.join(_SUFFIXES)}{more}"
                )
        else:
            items.append(Input(path))
    if not items:
        raise ImageError("no images given; name files or folders")
    if objects is None:
        # A table may have addresses, too.
        for item in items:
            if item.address:
                raise InputError(f"{item.shown}: an address, and only predict fetches; name a file")
    return Inputs(_with_own_names(items), left_out, objects or Objects())


def _sort_into(
    entries: Iterator[Input | LeftOut], items: list[Input], left_out: list[LeftOut]
) -> None:
    """Append each entry to its list."""
    for entry in entries:
        if isinstance(entry, Input):
            items.append(entry)
        else:
            left_out.append(entry)


def _named_objects(address: Address, objects: Objects | None) -> Iterator[Input | LeftOut]:
    """List the object of an address, or all under it when it is a prefix."""
    if objects is None or not address.in_bucket or address.name.lower().endswith(_SUFFIXES):
        yield _object(address, named=True)
        return
    is_empty = True
    for entry, inside, cause in listed(address, objects):
        if cause:
            yield LeftOut(Path(entry.name), cause, entry)
        else:
            is_empty = False
            yield _object(entry, named=False, inside=inside)
    if is_empty:
        raise ImageError(f"{address.shown}: no images under it; wanted {', '.join(_SUFFIXES)}")


def _object(address: Address, *, named: bool, inside: tuple[str, ...] = ()) -> Input:
    flaw = flaw_of(address)
    broken = ImageError(f"{address.shown}: {flaw}") if flaw else None
    path = Path(address.name)
    return Input(path, named=named, inside=inside, address=address, broken=broken)


def _with_own_names(items: list[Input]) -> list[Input]:
    """Return the items; broken are those whose results would be called like a file of ours, or lie
    where another's do."""
    # Folder of results -> what is shown of its input; the same of all folders above them.
    taken: dict[str, str] = {}
    parents: dict[str, str] = {}
    checked = []
    for item in items:
        # Windows and macOS do not tell A from a.
        key = item.name.casefold()
        above = _folders_above(key)
        # Another has this folder, one above it (a slide's results), or one in it.
        other = parents.get(key)
        for name in (key, *above):
            if name in taken:
                other = taken[name]
                break
        cause = item.broken
        if cause is None and item.address is None:
            cause = _no_file(item.path)
        first = key.split("/")[0]
        if first in OWN_NAMES or _OF_SHARDS.fullmatch(first):
            cause = ImageError(
                f"{item.shown}: its results would be called like {first}, which"
                " breastseg writes itself; rename it"
            )
        elif other is not None:
            cause = ImageError(
                f"{item.shown}: its results would overwrite those of {other}; rename one or"
                " predict them apart"
            )
        else:
            taken[key] = item.shown
            parents |= dict.fromkeys(above, item.shown)
        checked.append(replace(item, broken=cause))
    return checked


def _folders_above(name: str) -> list[str]:
    """Return the folders that a name lies in: of "a/b/c" a and a/b."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _is_slide(folder: Path) -> bool:
    try:
        return is_slide_folder(folder)
    except OSError:
        return False


def _inside(top: Path) -> Iterator[Input | LeftOut]:
    """List the images and slides of a folder and of those in it, by name; hidden ones are no
    one's images.

    Links to folders are not followed: they may lead in a circle. Folders that breastseg wrote
    hold no slides.
    """
    waiting: list[tuple[Path, tuple[str, ...]]] = [(top, ())]
    while waiting:
        folder, places = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as cause:
            yield LeftOut(folder, f"it cannot be read ({cause.strerror or cause})")
            continue
        visible.sort(key=lambda entry: entry.name)
        names = {entry.name for entry in visible}
        if folder != top and (WORK_FILE in names or RUN in names):
            yield LeftOut(folder, "breastseg wrote it")
            continue
        has_pictures = not _PICTURES.isdisjoint(name.casefold() for name in names)
        has_project = any(name.endswith(_PROJECT) for name in names)
        below = []
        for entry in visible:
            path = folder / entry.name
            if not _is_folder(entry):
                if path.suffix.lower() in _SUFFIXES:
                    yield Input(path, named=False, inside=places)
                elif flaw := unread(entry.name):
                    yield LeftOut(path, flaw)
            elif entry.is_symlink() and not _is_slide(path):
                yield LeftOut(path, "a link to a folder is not followed; name what it leads to")
            elif _is_slide(path):
                yield Input(path, named=False, inside=places)
            elif entry.name.casefold() in _MASKS and has_pictures:
                yield LeftOut(path, "it holds masks")
            elif entry.name == "data" and has_project:
                yield LeftOut(path, "QuPath's own files")
            elif f"{entry.name}{_COMPANION}" not in names:
                below.append((path, (*places, entry.name)))
        # The last that was added is looked at first: so folders come by name, depth first.
        waiting += reversed(below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _kind(path: Path) -> int:
    """Return what a path is, for `stat.S_ISREG` and the like; 0 where the system does not say."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # a name too long to be one
        return False


def _no_file(path: Path) -> BreastsegError | None:
    """Return why something cannot be opened as a file: a pipe or socket is never opened, reading it
    would wait for ever."""
    kind = _kind(path)
    if not kind and _is_link(path):
        return ImageError(f"{path}: a link that leads nowhere")
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        return ImageError(f"{path}: no file but a pipe, socket or device; wanted an image or slide")
    return None


def _listed(path: Path) -> list[Input]:
    """Read a table of slides; paths are relative to it."""
    table = read_table(path, InputError, needed=("path",), known=("mpp", "box", "patient"))
    for note in table.notes:  # nobody hears a note here
        raise InputError(f"{path.parent / note}; save it as CSV UTF-8")
    table.needs("path", "no path; name the slide, or remove the row")
    items = []
    for row, mpp in zip(table.rows, table.numbers("mpp"), strict=True):
        items.append(_item_of(table, row, mpp))
    first_row: dict[str | Path, Row] = {}
    for row, item in zip(table.rows, items, strict=True):
        first = first_row.setdefault(item.shown if item.address else item.path, row)
        if first is not row:
            raise InputError(
                f"{table.where(row)}: '{shown(row['path'])}' is in row {first.number} too; keep one"
                " row a slide"
            )
    return items


def _item_of(table: Table, row: Row, mpp: float | None) -> Input:
    """Return the slide of a row."""
    if mpp is not None:
        check_mpp(mpp, table.where(row), "the table's mpp")
    values: JsonObject = {
        "mpp": mpp,
        "box": row["box"] or None,
        "patient": row["patient"] or None,
    }
    if is_address(row["path"]):
        return replace(_object(Address.parse(row["path"]), named=False), **values)
    path = table.path.parent / row["path"]
    if "\\" in row["path"] and not path.exists():  # as Windows writes it
        path = table.path.parent / row["path"].replace("\\", "/")
    return Input(path, named=False, **values)
