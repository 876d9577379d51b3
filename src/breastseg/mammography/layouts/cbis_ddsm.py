"""CBIS-DDSM: digitised films as DICOM, a mask and a crop a finding, four tables.

Facts of the release (Lee et al. 2017, Sci Data 4:170177; The Cancer Imaging Archive):
* Tables: {mass,calc}_case_description_{train,test}_set.csv, one row a finding.
* A film is a folder such as `Mass-Training_P_00001_LEFT_CC`; its findings are folders with the
  number of the abnormality at the end, `..._LEFT_CC_1`. Folders below have other names in the
  tables than in downloads of today, so files are looked for under the film's own folder.
* A finding's folder holds its mask and a crop of the film. Which is which is wrong in some rows:
  the larger image is the mask.
* Some masks have another size than their film. Those of the same shape (to 1 %) are scaled.
* The same films are in the mass set and in the calcification set, under two names.
* The files do not say how large a pixel is: areas are in pixels unless it is given.
"""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from breastseg.errors import DatasetError, ImageError, SourceError
from breastseg.mammography.dicom_mg import read_grey, read_size
from breastseg.mammography.findings import Finding, Mask, MaskShape
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.tables import Row, Table, read_table

NAME = "CBIS-DDSM"
_TABLE = re.compile(r"(mass|calc)_case_description_(train|test)_set.*\.csv", re.IGNORECASE)
_FOLDER = re.compile(r"(Mass|Calc)-(Training|Test)_(P_\d+)_(LEFT|RIGHT)_(CC|MLO)(?:_(\d+))?")
_PARTS = {"train": "Training", "test": "Test"}
_KINDS = {"mass": ("mass", "Mass"), "calc": ("calcification", "Calc")}
_NEEDED = (
    "patient_id",
    "left or right breast",
    "image view",
    "abnormality id",
    "assessment",
    "pathology",
)
_WORDS = ("mass shape", "mass margins", "calc type", "calc distribution")
_KNOWN = (*_WORDS, "breast density")
_PATHOLOGIES = {
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
    "MALIGNANT": "malignant",
}
_SAME_SHAPE = 0.01


def find(root: Path) -> Layout | None:
    """Recognise CBIS-DDSM by its tables, and read them.

    Args:
        root: the folder, or one above it.

    Raises:
        DatasetError: a row that does not fit, or two rows that contradict.
        SourceError: tables without films.
    """
    if not root.is_dir():
        return None
    tables = [path for path in files_below(root, (".csv",)) if _TABLE.fullmatch(path.name)]
    if not tables:
        return None
    folders = _folders(root)
    rows: dict[str, list[tuple[Row, Table]]] = {}
    for path in tables:
        table = read_table(path, DatasetError, needed=_NEEDED, known=_KNOWN, others=True)
        for row in table.rows:
            rows.setdefault(_film_of(row, table), []).append((row, table))
    entries, left_out = [], []
    for film in sorted(rows):
        files = folders.get(film, [])
        if files:
            entries.append(_entry(film, rows[film], files[0], folders))
        else:
            left_out.append(LeftOut(film, f"{film}: in the table, no folder with a film"))
    expected = set(rows)  # folders of films, and below of their findings
    for film, film_rows in rows.items():
        for row, _ in film_rows:
            expected.add(f"{film}_{row['abnormality id']}")
    for folder in sorted(folders):
        if folder not in expected:
            left_out.append(LeftOut(folder, f"{folder}: a folder without a row in the tables"))
    if not entries:
        raise SourceError(
            f"{root}: tables of CBIS-DDSM without any of their {len(rows)} films; "
            "download the DICOM folders beside them"
        )
    return Layout(NAME, tuple(entries), tuple(left_out), _notes(entries))


def _folders(root: Path) -> dict[str, list[Path]]:
    """Return the DICOM files of each folder that is a film or a finding."""
    folders: dict[str, list[Path]] = {}
    for path in files_below(root, (".dcm",)):
        for part in path.relative_to(root).parts[:-1]:
            if _FOLDER.fullmatch(part):
                folders.setdefault(part, []).append(path)
                break
    return folders


def _film_of(row: Row, table: Table) -> str:
    """Return the name of a row's film, as its folder is called."""
    kind, part = _parts_of(table)
    side = row["left or right breast"].upper()
    view = row["image view"].upper()
    if side not in ("LEFT", "RIGHT") or view not in ("CC", "MLO"):
        raise DatasetError(
            f"{table.where(row)}: side '{side}' and view '{view}', wanted LEFT or RIGHT, CC or MLO"
        )
    _, set_name = _KINDS[kind]
    return f"{set_name}-{_PARTS[part]}_{row['patient_id']}_{side}_{view}"


def _parts_of(table: Table) -> tuple[str, str]:
    """Return "mass" or "calc", and "train" or "test", from a table's name."""
    match = _TABLE.fullmatch(table.path.name)
    assert match is not None  # only such tables are read
    return match[1].lower(), match[2].lower()


def _entry(
    film: str, rows: list[tuple[Row, Table]], path: Path, folders: dict[str, list[Path]]
) -> Entry:
    first, table = rows[0]
    density = ""
    by_number: dict[str, Row] = {}
    findings, notes = [], []
    for row, table in rows:
        number = row["abnormality id"]
        if number in by_number:
            raise DatasetError(
                f"{table.where(row)}: abnormality {number} of {film} is in row "
                f"{by_number[number].number} too; remove the row that is too many"
            )
        by_number[number] = row
        own_density = row["breast density"]
        if density and own_density and own_density != density:
            raise DatasetError(
                f"{table.where(row)}: density {own_density} of {film}, row {first.number} says "
                f"{density}; correct the row that is wrong"
            )
        density = density or own_density
        finding, note = _finding(film, row, table, folders)
        findings.append(finding)
        notes += [note] if note else []
    side = first["left or right breast"].upper()
    view = first["image view"].upper()
    return Entry(
        name=film,
        path=path,
        patient=first["patient_id"],
        laterality=side[0],
        view=view,
        origin="CBIS-DDSM table",
        findings=tuple(findings),
        facts={"density": density, "split": _parts_of(table)[1]},
        notes=tuple(notes),
    )


def _finding(
    film: str, row: Row, table: Table, folders: dict[str, list[Path]]
) -> tuple[Finding, str]:
    pathology = row["pathology"].upper()
    if pathology not in _PATHOLOGIES:
        raise DatasetError(
            f"{table.where(row)}: pathology '{row['pathology']}', wanted {', '.join(_PATHOLOGIES)}"
        )
    kind = _KINDS[_parts_of(table)[0]][0]
    words = []
    for column in _WORDS:
        if row[column]:
            words.append(row[column].lower().replace("_", " "))
    if pathology == "BENIGN_WITHOUT_CALLBACK":
        words.append("benign without callback")
    number = row["abnormality id"]
    name = f"{film}_{number}"
    files = folders.get(name, [])
    text = ", ".join(words)
    finding = Finding(kind, _PATHOLOGIES[pathology], row["assessment"], None, text)
    if not files:
        return finding, f"abnormality {number}: no folder with its mask"

    # Read when it is needed: the size of the film is not known before it is read.
    def read(size: tuple[int, int]) -> Mask:
        return read_mask(files, size, name)

    return replace(finding, shape=MaskShape(read)), ""


def read_mask(files: list[Path], size: tuple[int, int], where: str) -> Mask:
    """Return the mask of a finding in the size of its film: the larger of mask and crop.

    Args:
        files: the DICOM files of the finding's folder.
        size: (H, W) of the film.
        where: the finding, for errors.

    Raises:
        ImageError: no file as large as a mask would be, or a mask of another shape.
    """
    if not files:
        raise ImageError(f"{where}: no file in its folder, wanted a mask")
    largest, largest_px = files[0], -1
    for path in files:
        rows, columns = read_size(path, where)
        if rows * columns > largest_px:
            largest, largest_px = path, rows * columns
    values = read_grey(largest, where)  # (H, W)
    if len(np.unique(values)) > 2:
        raise ImageError(f"{where}: only a crop is there, with grey values; wanted its mask too")
    mask = (values > values.min()).astype(np.uint8)
    height, width = mask.shape
    if (height, width) == size:
        return np.asarray(mask > 0)
    # Of another size but the same shape: the release has such masks, and they fit when scaled.
    stretch = (height / size[0]) / (width / size[1])
    if abs(stretch - 1) > _SAME_SHAPE:
        raise ImageError(
            f"{where}: its mask is {width} x {height}, the film {size[1]} x {size[0]}: another "
            "shape; the finding is kept without its place"
        )
    scaled = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(scaled > 0)


def _notes(entries: list[Entry]) -> tuple[str, ...]:
    """Say which patients are in both parts of the release's own split."""
    parts: dict[str, set[str]] = {}
    for entry in entries:
        parts.setdefault(entry.patient, set()).add(entry.facts["split"])
    in_both = []
    for patient in sorted(parts):
        if len(parts[patient]) > 1:
            in_both.append(patient)
    if not in_both:
        return ()
    shown = ", ".join(in_both[:5])
    return (f"{len(in_both)} patients are in train and in test of this release: {shown}",)
