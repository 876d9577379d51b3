"""A person's table of images: which row is of which image, and who is whose patient. What does
not join is an error."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from breastseg.errors import MppError, SourceError
from breastseg.geometry import check_mpp
from breastseg.sources.picture_names import Pictures, names_beside, nearest, parts_of
from breastseg.sources.picture_names import picture_name as picture_name
from breastseg.sources.region import Pair, Region, tcga_patient
from breastseg.tables import NOTE, Row, Table, alike, read_table, shown
from breastseg.wording import counted

_COLUMNS = ("patient", "site", "mpp")
_NAMED = 3
"""Rows that are named in a sentence."""


@dataclass(frozen=True)
class Rows:
    """What a table says of images.

    Attributes:
        table: as it was read.
        of: the row of each image that has one.
        mpp: microns per pixel by the number of the row, where its cell is not blank.
        notes: what a person should know of how rows and images were joined.
    """

    table: Table
    of: Mapping[Path, Row]
    mpp: Mapping[int, float]
    notes: tuple[str, ...]

    def patient_of(self, image: Path) -> str:
        """Return an image's patient; "" where the name of the image tells it, or the table has
        no patients.

        Raises:
            SourceError: the cell is blank and nothing else tells.
        """
        row = self.of.get(image)
        is_blank = row and "patient" in self.table.columns and not row["patient"]
        if row and is_blank and tcga_patient(image.stem) is None:
            raise SourceError(
                f"{self.table.where(row)}: no patient of {image.name}; name one, "
                "with an image whose patient has no other the image's own name will do"
            )
        return row["patient"] if row else ""

    def site_of(self, image: Path) -> str:
        """Return an image's hospital, "" where the table has none."""
        row = self.of.get(image)
        return row["site"] if row else ""

    def mpp_of(self, image: Path) -> float | None:
        """Return an image's microns per pixel, None where the table has none."""
        row = self.of.get(image)
        return self.mpp.get(row.number) if row else None

    def told(self, given_mpp: float | None) -> tuple[str, ...]:
        """Return what a person should know: how rows were joined, what they leave open, and where
        `given_mpp` goes over them."""
        name = self.table.path.name
        has_patients = "patient" in self.table.columns
        has_mpp = "mpp" in self.table.columns
        without_patient = []
        without_mpp = []
        with_other_mpp = []
        for row in self.of.values():
            if has_patients and not row["patient"]:
                without_patient.append(row)
            if has_mpp and row.number not in self.mpp:
                without_mpp.append(row)
            if self.mpp.get(row.number, given_mpp) != given_mpp:
                with_other_mpp.append(row)
        notes = list(self.notes)
        if without_patient:
            notes.append(
                f"{name}: no patient in {_numbers(without_patient)}: taken from TCGA's names of the"
                " images"
            )
        if given_mpp is None:
            if without_mpp:
                numbers = _numbers(without_mpp)
                notes.append(f"{name}: no um/px in {numbers}: not taken from the table")
        elif with_other_mpp:
            numbers = _numbers(with_other_mpp)
            notes.append(f"{name}: um/px of {numbers} not used, {given_mpp:g} was given")
        return tuple(notes)


def read_rows(
    path: Path, pairs: Sequence[Pair], known: Callable[[Path, Collection[str]], bool]
) -> Rows:
    """Read a table of images (image, and any of patient, site, mpp) and join it with them.

    A row names a file with or without suffix and path. Case that differs, and zeros that a
    spreadsheet took from the start, are matched where one image alone can be meant, with a note.

    Args:
        path: the table.
        pairs: the images; no two of one name.
        known: whether an image can do without a row, because its name and its source say what
            columns as these would.

    Raises:
        SourceError: a row that fits no image, or several, or contradicts another; an image
            without row.
        MppError: um/px that are no number or that no scan has.
    """
    rows = join_rows(path, pairs, wanted=_COLUMNS, may_come_later=True)
    without = [pair.image for pair in pairs if pair.image not in rows.of]
    unknown = [image for image in without if not known(image, rows.table.columns)]
    if unknown:
        more = _and_more(unknown, "image")
        raise SourceError(
            f"{path}: no row for {unknown[0].name}{more}; add a row for each, or"
            " take the images away"
        )
    if without:
        how = "patient and hospital are those of its name, or of its source"
        pictures = f"{counted(len(without), 'image')} as {without[0].name}"
        note = f"{path.name}: no row for {pictures}: {how}"
        return replace(rows, notes=(*rows.notes, note))
    return rows


def join_rows(
    path: Path, pairs: Sequence[Pair], *, wanted: Sequence[str], may_come_later: bool = False
) -> Rows:
    """Read a table of images and find the image of each row; images without a row are left to
    the caller.

    Args:
        path: the table. Beside `image` it may have patient, site, mpp and the wanted columns.
        pairs: the images.
        wanted: columns of which it must have one.
        may_come_later: whether a row may be of an image beside them that is not annotated yet.

    Raises:
        SourceError: as in `read_rows`, but for images without row.
        MppError: likewise.
    """
    table = read_table(
        path, SourceError, needed=("image",), known=tuple(dict.fromkeys((*_COLUMNS, *wanted)))
    )
    if not set(table.columns) & set(wanted):
        raise SourceError(
            f"{path}: names images and nothing of them, wanted any of {', '.join(wanted)} too"
        )
    table.needs("image", "no image; name its file, or remove the row")
    mpp = {}
    for row, value in zip(table.rows, table.numbers("mpp", MppError), strict=True):
        if value is not None:
            mpp[row.number] = check_mpp(value, table.where(row), "the table's mpp")
    notes = list(table.notes)
    of = _joined(table, Pictures.named(pairs), mpp, notes, may_come_later=may_come_later)
    _check_alike(table, "patient")
    _check_alike(table, "site")
    return Rows(table, of, mpp, tuple(notes))


def check_patients(regions: Iterable[Region], rows: Rows) -> None:
    """Refuse a table that contradicts the patients and hospitals in TCGA names of images.

    A person may call them otherwise, but all images of one TCGA patient have one patient, no
    other image has that one, and all of one TCGA hospital have one hospital: else a patient or
    hospital could be in two parts of a split.

    Raises:
        SourceError: it does; the message names the row.
    """
    of_tcga = _OneName("patient")
    of_person = _OneName("patient")
    sites = _OneName("hospital")
    # Those without a row come first, so that an error names the row that contradicts them.
    for region in sorted(regions, key=lambda region: (region.image in rows.of, region.id)):
        row = rows.of.get(region.image)
        where = f"{region.image.name} ({'by its name' if row is None else f'row {row.number}'})"
        by_name = tcga_patient(region.id)
        by_row = tcga_patient(region.patient)
        if by_name and by_row and by_name != by_row:
            raise SourceError(
                f"{rows.table.path}: {where} is of patient '{shown(region.patient)}', its name says"
                f" {by_name[0]}; mend one"
            )
        tcga = by_name or by_row
        if tcga:
            # Both ways: neither may one patient have two names, nor one name two patients.
            of_tcga.check(tcga[0], region.patient, where, rows.table.path)
            of_person.check(region.patient, tcga[0], where, rows.table.path)
        if by_name:
            sites.check(by_name[1], region.site, where, rows.table.path)


class _OneName:
    """Remembers what each patient or hospital is called."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.names: dict[str, tuple[str, str]] = {}
        """Who -> the name, and where it is written."""

    def check(self, who: str, name: str, where: str, path: Path) -> None:
        """Take a name; SourceError when it had another before."""
        first_name, first_where = self.names.setdefault(who, (name, where))
        if first_name != name:
            raise SourceError(
                f"{path}: {self.kind} {shown(who)} is '{shown(name)}' by {where} and"
                f" '{shown(first_name)}' by {first_where}; mend one of them"
            )


def _joined(
    table: Table,
    pictures: Pictures,
    mpp: Mapping[int, float],
    notes: list[str],
    *,
    may_come_later: bool,
) -> dict[Path, Row]:
    """Return the row of each image; rows that were matched by a guess are named in the notes."""
    row_of: dict[Path, Row] = {}
    unfit: list[Row] = []
    # What was guessed or passed over -> the rows, in words.
    guesses: dict[str, list[str]] = defaultdict(list)
    for row in table.rows:
        folders, name = parts_of(row["image"])
        how, candidates = pictures.of(name)
        if not candidates:
            unfit.append(row)
            continue
        image = _only_one(table, row, candidates, folders)
        if how:
            guesses["written otherwise"].append(
                f"'{shown(name)}' (row {row.number}) is {image.name}"
            )
        if folders and folders[-1] != image.parent.name:
            guesses["in other folders"].append(
                f"'{shown(row['image'])}' (row {row.number}) is {image}"
            )
        before = row_of.setdefault(image, row)
        if before is not row:
            _check_same(table, before, row, image, mpp)
            guesses["twice, with the same words"].append(
                f"{image.name} (rows {before.number} and {row.number})"
            )
    # The folders are listed only where a row needs it: they may hold 30,000 tiles.
    later = names_beside(pictures.folders) if unfit and may_come_later else set()
    for row in unfit:
        name = picture_name(parts_of(row["image"])[1])
        if name not in later:
            raise SourceError(
                f"{table.where(row)}: '{shown(row['image'])}' fits no"
                f" image{nearest(name, pictures, len(unfit))}"
            )
        guesses["not annotated yet"].append(f"'{shown(row['image'])}' (row {row.number})")
    for what, cases in guesses.items():
        more = " ..." if len(cases) > _NAMED else ""
        notes.append(
            f"{table.path.name}: {counted(len(cases), 'row')} of images {what}:"
            f" {'; '.join(cases[:_NAMED])}{more}"
        )
    return row_of


def _only_one(table: Table, row: Row, candidates: set[Path], folders: tuple[str, ...]) -> Path:
    """Return the image that a row means; SourceError where it may be several."""
    if len(candidates) > 1 and folders:
        # Of images of one name, the folders that were written say which.
        within = set()
        for path in candidates:
            if path.parts[-len(folders) - 1 : -1] == folders:
                within.add(path)
        candidates = within or candidates
    if len(candidates) > 1:
        names = ", ".join(sorted(path.name for path in candidates)[:4])
        raise SourceError(
            f"{table.where(row)}: '{shown(row['image'])}' may be {names}; write the whole name"
        )
    (image,) = candidates
    return image


def _check_same(table: Table, one: Row, two: Row, image: Path, mpp: Mapping[int, float]) -> None:
    """Refuse two rows of one image that say different things."""
    values: dict[str, tuple[str, str]] = {}
    for column in table.columns:
        if column not in {"image", "mpp", NOTE}:
            values[column] = (one[column], two[column])
    # As numbers: "0.5" and "0.50" are the same.
    if mpp.get(one.number) != mpp.get(two.number):
        values["mpp"] = (one["mpp"], two["mpp"])
    first_folders, _ = parts_of(one["image"])
    folders, _ = parts_of(two["image"])
    if first_folders and folders:
        values["folder"] = ("/".join(first_folders), "/".join(folders))
    for what, (first, second) in values.items():
        if first != second:
            raise SourceError(
                f"{table.where(two)}: {what} of {image.name} is '{shown(second)}', row {one.number}"
                f" says '{shown(first)}'; keep one row"
            )


def _check_alike(table: Table, column: str) -> None:
    """Refuse two names that look the same to a reader: "P1" and "p1" would be two patients."""
    first_row: dict[str, Row] = {}
    for row in table.rows:
        before = first_row.setdefault(alike(row[column]), row)
        if before[column] != row[column]:
            raise SourceError(
                f"{table.where(row)}: {column} '{shown(row[column])}' is written"
                f" '{shown(before[column])}' in row {before.number}; write one {column} in one way,"
                " or give two of them names that differ in more than case, blanks and zeros"
            )


def _and_more(items: Sequence[Path], noun: str) -> str:
    if len(items) < 2:
        return ""
    return f" and {counted(len(items) - 1, f'other {noun}')}"


def _numbers(rows: Iterable[Row]) -> str:
    """Return the numbers of some rows in words, the first five of them."""
    numbers = sorted(row.number for row in rows)
    noun = "rows" if len(numbers) > 1 else "row"
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"{noun} {', '.join(map(str, numbers[:5]))}{more}"
