"""Images of which something is known as a whole: `fields.csv` beside or above them.

Columns: `image` (path from the table), any of `patient`, `site`, `mpp`, and what is known, by
class: `all` (the class of every pixel), `without` (classes that are nowhere in it), `with` (classes
that are somewhere in it), several joined by `;` or `+`; and `type`, what its patient's tissue was
diagnosed as. An image may have areas too, in a GeoJSON beside it. Images without a row are left
out.
"""

import os
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from breastseg.sources.folder import label_file
from breastseg.sources.pairs import areas_of, files_in, others_of
from breastseg.sources.region import Field, Found, Pair, tcga_patient
from breastseg.sources.rows import Rows, join_rows
from breastseg.tables import Row, shown
from breastseg.wording import counted, one_line

TABLE = "fields.csv"
KIND = "fields known as a whole"
LICENCE_FILES = ("licence.txt", "license.txt")
"""Their first line names data and licence; it stays with the data set and on cards of models."""
KNOWN = ("all", "without", "with")
"""Columns of what is known by class."""
TYPE = "type"
"""Column of the diagnosis."""

_LICENCE_LETTERS = 200


def find(root: Path) -> Found | None:
    """Recognise `fields.csv` with images beside or below it.

    Raises:
        SourceError: a row that fits no image or says nothing, or a patient or hospital that is
            not the one in a TCGA name.
        MppError: um/px that no scan has.
    """
    table = root / TABLE
    if not table.is_file():
        return None
    pictures = _pictures_below(root)
    if not pictures:
        raise SourceError(f"{table}: no image beside it or below; put the images there")
    candidates = [Pair(picture, table) for picture in pictures]
    rows = join_rows(table, candidates, wanted=(*KNOWN, TYPE))
    pairs = []
    without_row = []
    for picture in pictures:
        if picture in rows.of:
            pairs.append(_pair(picture, rows))
        else:
            without_row.append(picture)
    notes = [*rows.notes, *_left_out(root, without_row)]
    return Found(
        KIND,
        tuple(pairs),
        label_map=label_file(root),
        note="; ".join(notes),
        licence=_licence(root),
    )


def _pictures_below(root: Path) -> list[Path]:
    """Return images and slides of a folder and of all in it; hidden ones are left out."""
    pictures = []
    for folder, inside, _ in os.walk(root):
        # os.walk() goes only into what is left in its list.
        inside[:] = [name for name in inside if not name.startswith(".")]
        pictures += files_in(Path(folder), (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES))
    return sorted(pictures)


def _left_out(root: Path, pictures: list[Path]) -> list[str]:
    if not pictures:
        return []
    first = pictures[0].relative_to(root)
    more = " ..." if len(pictures) > 1 else ""
    return [f"{TABLE}: {counted(len(pictures), 'image')} without a row left out: {first}{more}"]


def _pair(picture: Path, rows: Rows) -> Pair:
    row = rows.of[picture]
    table = rows.table
    where = table.where(row)
    everywhere, without, somewhere = (_classes(row[column]) for column in KNOWN)
    if not (everywhere or without or somewhere or row[TYPE]):
        advice = f"fill one of {', '.join((*KNOWN, TYPE))}, or remove the row"
        raise SourceError(f"{where}: nothing is known of {picture.name}; {advice}")
    if len(everywhere) > 1:
        advice = "classes that are somewhere in it go into the column with"
        raise SourceError(f"{where}: all is '{shown(row['all'])}', wanted one class; {advice}")
    _check_tcga(picture, row, where)
    field = Field(
        table=table.path,
        row=row.number,
        all="".join(everywhere),  # one name or none
        without=without,
        somewhere=somewhere,
        patient=rows.patient_of(picture),
        site=rows.site_of(picture),
        mpp=rows.mpp_of(picture),
        type=row[TYPE],
    )
    return Pair(picture, _areas(picture, field), field=field)


def _classes(cell: str) -> tuple[str, ...]:
    """Return the names in a cell; beside a `;`, a `+` is part of a name, as in "HER2+;stroma"."""
    separator = ";" if ";" in cell else "+"
    names = [name.strip() for name in cell.split(separator)]
    return tuple(dict.fromkeys(filter(None, names)))


def _check_tcga(picture: Path, row: Row, where: str) -> None:
    """Refuse another patient or hospital than the name's: the same one could be in two parts."""
    by_name = tcga_patient(picture.stem)
    if by_name is None:
        return
    for column, value in zip(("patient", "site"), by_name, strict=True):
        if row[column] and row[column] != value:
            what = f"{column} of {picture.name} is '{shown(row[column])}', its name says {value}"
            raise SourceError(f"{where}: {what}; mend one")


def _areas(picture: Path, field: Field) -> Path:
    """Return the areas beside an image; the table where there are none."""
    files = areas_of(picture)
    if not files:
        return field.table
    areas = files[0]
    if len(files) > 1:
        what = f"belongs to {picture.name}, as {areas.name} does"
        raise SourceError(f"{files[1]}: {what}; keep one of them")
    others = others_of(areas, picture)
    if others:
        what = f"belongs to {picture.name} and to {others[0].name}"
        raise SourceError(f"{areas}: {what}; rename one")
    if field.all:
        what = f"all of {picture.name} is {shown(field.all)}, and {areas.name} has areas"
        raise SourceError(f"{field.where}: {what}; keep one of the two")
    return areas


def _licence(root: Path) -> str:
    """Return the first line of the licence file."""
    for name in LICENCE_FILES:
        if (root / name).is_file():
            with (root / name).open(encoding="utf-8", errors="replace") as file:
                line = one_line(file.readline(_LICENCE_LETTERS).strip())
            return line or "not stated"
    return "not stated"
